#include "adapters/action/sql_action.h"

#include <gtest/gtest.h>

#include "../../../tests/conformance/action_suite.h"
#include "adapters/action/action_test_support.h"
#include "adapters/net/net_test_support.h"

namespace muster {
namespace {

using test::map;
using test::scalar;
using test::words;

/// One server for all of this file's tests; each starts with an empty table.
test::PgTestServer& server() {
    static test::PgTestServer server;
    return server;
}

class SqlWorld : public test::ActionWorld {
  public:
    static constexpr bool kCanLook = true;
    SqlWorld() {
        server().sql("DROP TABLE IF EXISTS things; CREATE TABLE things(name text, size int)");
    }
    workflow::Action& action() { return action_; }
    plan::Node statement(const std::string& sql) {
        return map({{"conninfo", scalar(server().conninfo())}, {"statement", scalar(sql)}});
    }
    plan::Node with() {
        auto node = without_looks();
        node.entries.push_back(
            {"observe", {}, scalar("SELECT EXISTS (SELECT FROM things WHERE name = $1)")});
        node.entries.push_back({"observe_parameters", {}, words({"it's"})});
        node.entries.push_back({"undo", {}, scalar("DELETE FROM things")});
        return node;
    }
    plan::Node without_looks() {
        auto node = statement("INSERT INTO things VALUES ($1, 3) RETURNING name, size");
        node.entries.push_back({"parameters", {}, words({"it's"})});
        return node;
    }
    int effects() {
        workflow::Call call;
        call.with = statement("SELECT count(*) AS n FROM things");
        const auto deadline = clock().now() + std::chrono::seconds(30);
        return std::stoi(run(action_.apply(std::move(call), deadline)).value().at("n"));
    }
    static plan::Node unreachable() {
        return map({{"conninfo", scalar("host=127.0.0.1 port=1 dbname=x")},
                    {"statement", scalar("SELECT 1")}});
    }
    plan::Node hanging() { return statement("SELECT pg_sleep(600)"); }

  private:
    adapters::SqlAction action_{deps()};
};

using SqlWorlds = testing::Types<SqlWorld>;

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Sql, ActionSuite, SqlWorlds);
}  // namespace conformance

namespace {

class Sql : public conformance::ActionSuite<SqlWorld> {};

TEST_F(Sql, HandsOnTheFirstRow) {
    const auto out = apply(world_.with()).value();
    EXPECT_EQ(out.at("name"), "it's");
    EXPECT_EQ(out.at("size"), "3");
    EXPECT_EQ(out.at("rows"), "1");
    EXPECT_EQ(out.at("command"), "INSERT 0 1");
}

TEST_F(Sql, TellsWhatIsWrongWithTheStatement) {
    const auto done = apply(world_.statement("SELECT nonsense"));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kInvalid);
    EXPECT_NE(done.error().message().find("[42703]"), std::string::npos) << done.error().message();
}

TEST_F(Sql, AsksForOneBoolean) {
    auto with = world_.statement("SELECT 1");
    with.entries.push_back({"observe", {}, scalar("SELECT 1, 2")});
    const auto seen = world_.run(world_.action().observe(call(with), deadline()));
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().code(), Errc::kInvalid);
}

}  // namespace
}  // namespace muster
