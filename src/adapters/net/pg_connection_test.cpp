#include "adapters/net/pg_connection.h"

#include <boost/asio/ip/tcp.hpp>

#include "adapters/net/failure.h"
#include "adapters/net/net_test_support.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using test::PgTestServer;
namespace asio = boost::asio;

class PgConnectionTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { server_ = std::make_unique<PgTestServer>(); }
    static void TearDownTestSuite() { server_.reset(); }

    [[nodiscard]] Instant in(Duration time) const { return clock_.now() + time; }
    Result<> connect(PgConnection& connection) {
        return test::run(loop_, connection.connect(server_->conninfo(), in(5s)));
    }
    Result<PgResult> query(PgConnection& connection, std::string sql,
                           std::vector<std::string> parameters = {}, Duration time = 5s) {
        return test::run(loop_, connection.query(std::move(sql), std::move(parameters), in(time)));
    }

    static std::unique_ptr<PgTestServer> server_;
    asio::io_context loop_;
    test::TestClock clock_;
};
std::unique_ptr<PgTestServer> PgConnectionTest::server_;

TEST_F(PgConnectionTest, AnswersWithColumnsRowsAndNulls) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    EXPECT_TRUE(connection.is_open());
    const auto result = query(connection, "SELECT $1::int + 1 AS next, NULL AS nothing", {"41"});
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->value("next"), "42");
    EXPECT_EQ(result->rows[0][1], std::nullopt);
    EXPECT_EQ(result->value("nothing"), "");
    EXPECT_EQ(result->value("no such column"), "");
    EXPECT_EQ(result->command, "SELECT 1");
}

TEST_F(PgConnectionTest, SeveralStatementsAnswerWithTheLast) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    EXPECT_EQ(query(connection, "SELECT 1 AS a; SELECT 2 AS a")->value("a"), "2");
}

TEST_F(PgConnectionTest, CarriesAnswersLargerThanItsBuffers) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    const std::string large(5'000'000, 'x');
    const auto result = query(connection, "SELECT $1::text || 'y' AS text", {large});
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->value("text").size(), large.size() + 1);
}

TEST_F(PgConnectionTest, ErrorsCarryTheirSqlstateAndLeaveTheSessionOpen) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    const auto wrong = query(connection, "SELEC 1");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), Errc::kInvalid);
    EXPECT_TRUE(wrong.error().message().starts_with("[42601] ")) << wrong.error().message();
    ASSERT_TRUE(query(connection, "SET default_transaction_read_only = on"));
    const auto refused = query(connection, "CREATE TABLE t (a int)");
    EXPECT_TRUE(refused.error().message().starts_with("[25006] ")) << refused.error().message();
    EXPECT_TRUE(connection.is_open());
}

TEST_F(PgConnectionTest, LackOfPermissionIsDenied) {
    server_->sql("CREATE ROLE reader LOGIN");
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(test::run(loop_, connection.connect(server_->conninfo("reader"), in(5s))));
    EXPECT_EQ(query(connection, "CREATE SCHEMA s").error().code(), Errc::kDenied);
}

TEST_F(PgConnectionTest, AWrongPasswordIsDeniedAndNeverRepeated) {
    server_->sql("CREATE ROLE guarded LOGIN PASSWORD 'right-horse'");
    PgConnection connection(loop_.get_executor(), clock_);
    const auto result = test::run(
        loop_, connection.connect(server_->conninfo("guarded") + " password=wrong-horse", in(5s)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kDenied);
    EXPECT_TRUE(result.error().message().starts_with("[28P01] ")) << result.error().message();
    EXPECT_FALSE(result.error().message().contains("horse"));
    const auto none = test::run(loop_, connection.connect(server_->conninfo("guarded"), in(5s)));
    EXPECT_EQ(none.error().code(), Errc::kDenied);
    EXPECT_TRUE(test::run(
        loop_, connection.connect(server_->conninfo("guarded") + " password=right-horse", in(5s))));
}

TEST_F(PgConnectionTest, AnUnreadableConninfoIsInvalidAndItsPasswordNeverRepeated) {
    PgConnection connection(loop_.get_executor(), clock_);
    const auto result =
        test::run(loop_, connection.connect("host=x password=secret horse", in(5s)));
    EXPECT_EQ(result.error().code(), Errc::kInvalid);
    EXPECT_FALSE(result.error().message().contains("horse"));
    const auto misspelt = test::run(loop_, connection.connect("hots=x", in(5s)));
    EXPECT_TRUE(misspelt.error().message().contains("hots")) << misspelt.error().message();
}

TEST_F(PgConnectionTest, AClosedPortIsRefused) {
    PgConnection connection(loop_.get_executor(), clock_);
    const auto result = test::run(
        loop_,
        connection.connect("host=127.0.0.1 port=" + std::to_string(test::free_port()), in(5s)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kUnavailable);
    EXPECT_TRUE(is_refusal(result.error())) << result.error().message();
    EXPECT_FALSE(connection.is_open());
}

TEST_F(PgConnectionTest, ASilentListenerTimesOutAtTheDeadline) {
    asio::ip::tcp::acceptor silent(loop_, {asio::ip::address_v4::loopback(), 0});
    PgConnection connection(loop_.get_executor(), clock_);
    const auto began = clock_.now();
    const auto result = test::run(
        loop_,
        connection.connect("host=127.0.0.1 port=" + std::to_string(silent.local_endpoint().port()),
                           in(150ms)));
    EXPECT_EQ(result.error().code(), Errc::kTimedOut);
    EXPECT_GE(clock_.now() - began, 150ms);
    EXPECT_LT(clock_.now() - began, 1s);
    EXPECT_FALSE(is_refusal(result.error()));
}

TEST_F(PgConnectionTest, TriesTheNextHostWhenTheFirstRefuses) {
    PgConnection connection(loop_.get_executor(), clock_);
    const auto result = test::run(
        loop_, connection.connect("host=127.0.0.1,127.0.0.1 user=postgres dbname=postgres port=" +
                                      std::to_string(test::free_port()) + "," +
                                      std::to_string(server_->port()),
                                  in(5s)));
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(query(connection, "SELECT 1 AS a")->value("a"), "1");
}

TEST_F(PgConnectionTest, AnUnansweredStatementHasAnUnknownOutcomeAndClosesTheSession) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    const auto result = query(connection, "SELECT pg_sleep(60)", {}, 100ms);
    EXPECT_EQ(result.error().code(), Errc::kOutcomeUnknown);
    EXPECT_FALSE(connection.is_open());
    EXPECT_EQ(query(connection, "SELECT 1").error().code(), Errc::kUnavailable);
}

TEST_F(PgConnectionTest, ASessionTerminatedUnderAStatementHasAnUnknownOutcome) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    const auto result = query(connection, "SELECT pg_terminate_backend(pg_backend_pid())");
    EXPECT_EQ(result.error().code(), Errc::kOutcomeUnknown) << result.error().message();
}

TEST_F(PgConnectionTest, StatementTimeoutIsATimeoutOfTheServerAndKeepsTheSession) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    ASSERT_TRUE(query(connection, "SET statement_timeout = '20ms'"));
    EXPECT_EQ(query(connection, "SELECT pg_sleep(60)").error().code(), Errc::kTimedOut);
    EXPECT_TRUE(connection.is_open());
}

TEST_F(PgConnectionTest, CopyIsNotAStatement) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    EXPECT_EQ(query(connection, "COPY (SELECT 1) TO STDOUT").error().code(), Errc::kInvalid);
    EXPECT_FALSE(connection.is_open());
}

TEST_F(PgConnectionTest, ACancelledQueryEndsAtOnce) {
    PgConnection connection(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(connection));
    std::optional<Errc> code;
    TaskGroup group(loop_.get_executor());
    group.spawn([](PgConnection* used, Clock* clock, std::optional<Errc>* out) -> Task<> {
        const auto done = co_await used->query("SELECT pg_sleep(60)", {}, clock->now() + 60s);
        *out = done.error().code();
        co_return Result<>{};
    }(&connection, &clock_, &code));
    ASSERT_TRUE(test::run(loop_, clock_.sleep_for(20ms)));
    const auto began = clock_.now();
    ASSERT_TRUE(test::run(loop_, group.stop()));
    EXPECT_EQ(code, Errc::kCancelled);
    EXPECT_LT(clock_.now() - began, 1s);
    EXPECT_FALSE(connection.is_open());
}

TEST_F(PgConnectionTest, SeesTheServerEndASessionWhileIdle) {
    PgConnection idle(loop_.get_executor(), clock_);
    PgConnection other(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(idle));
    ASSERT_TRUE(connect(other));
    const auto pid = query(idle, "SELECT pg_backend_pid() AS pid")->value("pid");
    bool is_told = false;
    idle.on_closed([&is_told] { is_told = true; });
    EXPECT_EQ(query(idle, "SELECT 1 AS a")->value("a"), "1");
    idle.on_closed([&is_told] { is_told = true; });
    ASSERT_TRUE(query(other, "SELECT pg_terminate_backend(" + pid + ")"));
    while (!is_told && loop_.run_one_for(5s) != 0) {
    }
    EXPECT_TRUE(is_told);
    EXPECT_FALSE(idle.is_open());
}

TEST_F(PgConnectionTest, ClosedEndsWithTheServersEnd) {
    PgConnection idle(loop_.get_executor(), clock_);
    PgConnection other(loop_.get_executor(), clock_);
    ASSERT_TRUE(connect(idle));
    ASSERT_TRUE(connect(other));
    const auto pid = query(idle, "SELECT pg_backend_pid() AS pid")->value("pid");
    ASSERT_TRUE(query(other, "SELECT pg_terminate_backend(" + pid + ")"));
    const auto ended = test::run(loop_, idle.closed());
    EXPECT_EQ(ended.error().code(), Errc::kUnavailable);
}

TEST_F(PgConnectionTest, MayGoWhileItIsWatched) {
    {
        PgConnection idle(loop_.get_executor(), clock_);
        ASSERT_TRUE(connect(idle));
        idle.on_closed([] { ADD_FAILURE() << "a connection that is gone was reported"; });
    }
    loop_.restart();
    loop_.poll();
}

}  // namespace
}  // namespace muster::adapters
