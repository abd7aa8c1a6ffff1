#include "adapters/probe/postgres_probe.h"

#include "adapters/probe/host_word.h"
#include "adapters/probe/probe_test_support.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using probe::Evidence;
using test::PgTestServer;
using test::probe_settings;

class PostgresProbeTest : public test::ProbeTest {
  protected:
    static void SetUpTestSuite() {
        primary_ = std::make_unique<PgTestServer>();
        standby_ = std::make_unique<PgTestServer>(*primary_, "standby");
    }
    static void TearDownTestSuite() {
        standby_.reset();
        primary_.reset();
    }
    static probe::Settings settings(const PgTestServer& server, const std::string& role) {
        auto made = probe_settings("postgres", {{"postgres", {""}}});
        made.variables["conninfo"] = server.conninfo();
        made.variables["expect_role"] = role;
        made.variables["data"] = server.data();
        made.plan.timeout = 5s;
        return made;
    }
    static void expect(const Result<probe::Sample>& sample, Evidence evidence,
                       std::string_view detail) {
        ASSERT_TRUE(sample);
        EXPECT_EQ(sample->evidence, evidence) << sample->detail;
        EXPECT_TRUE(sample->detail.contains(detail)) << sample->detail;
    }

    static std::unique_ptr<PgTestServer> primary_;
    static std::unique_ptr<PgTestServer> standby_;
};
std::unique_ptr<PgTestServer> PostgresProbeTest::primary_;
std::unique_ptr<PgTestServer> PostgresProbeTest::standby_;

TEST_F(PostgresProbeTest, APrimaryProvesThatItTakesWrites) {
    const auto probe = make(settings(*primary_, "primary"));
    const auto before = clock_.now();
    const auto sample = check(*probe);
    expect(sample, Evidence::kGood, "primary");
    const auto& facts = sample->facts;
    EXPECT_EQ(facts.at("role"), "primary");
    EXPECT_EQ(facts.at("writable"), "true");
    EXPECT_EQ(facts.at("timeline"), "1");
    EXPECT_TRUE(facts.at("lsn").contains('/'));
    EXPECT_EQ(facts.at("process"), "running");
    EXPECT_EQ(facts.at("sync_state"), "async");
    EXPECT_EQ(facts.at("version").substr(0, 1), "1");
    EXPECT_FALSE(facts.at("system_identifier").empty());
    EXPECT_FALSE(facts.contains("replay_lsn"));
    const auto at = Instant(Duration(std::stoll(facts.at("heartbeat_at_ns"))));
    EXPECT_GE(at, before);
    EXPECT_LE(at, clock_.now());
}

TEST_F(PostgresProbeTest, AStandbyTellsWhatItHasReplayedAndHowOldTheHeartbeatIs) {
    const auto writer = make(settings(*primary_, "primary"));
    const auto reader = make(settings(*standby_, "standby"));
    const auto written = check(*writer)->facts.at("heartbeat_at_ns");
    Result<probe::Sample> sample = check(*reader);
    const auto has_arrived = [&] {
        return sample->facts["heartbeat_at_ns"] == written && sample->facts["lag_bytes"] == "0";
    };
    for (int i = 0; i < 2000 && !has_arrived(); ++i) {
        sample = check(*reader);  // Streaming takes a moment; each look is a check.
    }
    expect(sample, Evidence::kGood, "standby");
    const auto& facts = sample->facts;
    EXPECT_EQ(facts.at("heartbeat_at_ns"), written);
    EXPECT_LT(std::stol(facts.at("heartbeat_age_ms")), 5000);
    EXPECT_EQ(facts.at("streaming"), "true");
    EXPECT_EQ(facts.at("writable"), "false");
    EXPECT_EQ(facts.at("timeline"), "1");
    EXPECT_EQ(facts.at("lag_bytes"), "0");
    EXPECT_TRUE(facts.contains("replay_lsn"));
    EXPECT_TRUE(facts.contains("received_lsn"));
    EXPECT_TRUE(facts.contains("last_msg_age_ms"));
}

TEST_F(PostgresProbeTest, WithoutTheRightToSeeReplicationItsFactsAreMissingNotFalse) {
    primary_->sql("CREATE ROLE plain LOGIN");
    auto limited = settings(*primary_, "primary");
    limited.variables["conninfo"] = primary_->conninfo("plain");
    limited.plan.settings.entries.push_back({"heartbeat", {}, test::scalar("false")});
    const auto sample = check(limited);
    expect(sample, Evidence::kGood, "primary");
    EXPECT_TRUE(sample->facts.contains("system_identifier"));
    EXPECT_FALSE(sample->facts.contains("sync_state"));
    auto follower = settings(*standby_, "standby");
    follower.variables["conninfo"] = standby_->conninfo("plain");
    follower.plan.settings.entries.push_back({"heartbeat", {}, test::scalar("false")});
    Result<probe::Sample> seen = check(follower);
    for (int i = 0; i < 500 && seen->evidence != Evidence::kGood; ++i) {
        seen = check(follower);  // The role must arrive first.
    }
    expect(seen, Evidence::kGood, "standby");
    EXPECT_FALSE(seen->facts.contains("streaming"));
    EXPECT_TRUE(seen->facts.contains("replay_lsn"));
}

TEST_F(PostgresProbeTest, AnotherNodesHeartbeatIsDatedByTheWallClock) {
    auto other = settings(*primary_, "primary");
    other.variables["node"] = "n2";
    other.target.service = ServiceId("other");
    ASSERT_EQ(check(other)->evidence, Evidence::kGood);
    auto own = settings(*standby_, "standby");
    own.target.service = ServiceId("other");
    const auto reader = make(own);
    Result<probe::Sample> sample = check(*reader);
    for (int i = 0; i < 500 && !sample->facts.contains("heartbeat_age_ms"); ++i) {
        sample = check(*reader);
    }
    EXPECT_LT(std::stol(sample->facts.at("heartbeat_age_ms")), 5000);
}

TEST_F(PostgresProbeTest, TheWrongRoleIsHardAndIsNotWrittenTo) {
    auto rogue = settings(*primary_, "standby");
    rogue.target.service = ServiceId("rogue");
    const auto sample = check(rogue);
    expect(sample, Evidence::kHard, "it is a primary, expected the standby");
    EXPECT_FALSE(sample->facts.contains("heartbeat_at_ns"));
    expect(check(settings(*standby_, "primary")), Evidence::kHard,
           "it is a standby, expected the primary");
}

TEST_F(PostgresProbeTest, APrimaryThatTakesNoWritesIsHard) {
    primary_->sql("CREATE ROLE reading LOGIN SUPERUSER");
    primary_->sql("ALTER ROLE reading SET default_transaction_read_only = on");
    auto read_only = settings(*primary_, "primary");
    read_only.variables["conninfo"] = primary_->conninfo("reading");
    const auto sample = check(read_only);
    expect(sample, Evidence::kHard, "read-only");
    EXPECT_EQ(sample->facts.at("writable"), "false");
}

TEST_F(PostgresProbeTest, AServerThatOnlyRefusesTheProbeLeavesItBlind) {
    primary_->sql("CREATE ROLE guarded LOGIN PASSWORD 'right-horse'");
    auto locked_out = settings(*primary_, "primary");
    locked_out.variables["conninfo"] = primary_->conninfo("guarded") + " password=wrong-horse";
    const auto sample = check(locked_out);
    expect(sample, Evidence::kSilence, "[28P01]");
    EXPECT_TRUE(sample->is_blind) << "it answered: it is not lost";
    EXPECT_TRUE(sample->detail.contains("it lives, and refuses the probe")) << sample->detail;
    EXPECT_TRUE(sample->detail.contains("check user and password")) << "what to do about it";
    EXPECT_FALSE(sample->detail.contains("horse"));
    auto nowhere = settings(*primary_, "primary");
    nowhere.variables["conninfo"] = primary_->conninfo() + " dbname=nowhere";
    EXPECT_TRUE(check(nowhere)->is_blind);
}

TEST_F(PostgresProbeTest, AServerThatRefusesEverybodyIsNoBlindProbe) {
    auto gone = settings(*primary_, "primary");
    gone.variables["conninfo"] = "host=127.0.0.1 port=1 dbname=x";
    EXPECT_FALSE(check(gone)->is_blind);
}

TEST_F(PostgresProbeTest, AWriteThatWaitsIsSilenceAndLeavesNoSessionBehind) {
    auto waiting = settings(*primary_, "primary");
    waiting.plan.timeout = 200ms;
    const auto probe = make(waiting);
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    PgConnection locker(loop_.get_executor(), clock_);
    ASSERT_TRUE(test::run(loop_, locker.connect(primary_->conninfo(), clock_.now() + 5s)));
    ASSERT_TRUE(test::run(
        loop_, locker.query("BEGIN; LOCK TABLE muster.heartbeat", {}, clock_.now() + 5s)));
    // The server cancels the statement itself, so the session stays and can be used again.
    expect(check(*probe, 2s), Evidence::kSilence, "[57014]");
    ASSERT_TRUE(test::run(loop_, locker.query("COMMIT", {}, clock_.now() + 5s)));
    EXPECT_EQ(check(*probe)->evidence, Evidence::kGood);
}

TEST_F(PostgresProbeTest, TheEndOfAKeptSessionIsReportedAtOnce) {
    bool is_disturbed = false;
    auto with_report = deps();
    with_report.disturbed = [&is_disturbed] { is_disturbed = true; };
    const auto probe = probes_.make(settings(*primary_, "primary"), with_report).value();
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    primary_->sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'muster'");
    while (!is_disturbed && loop_.run_one_for(5s) != 0) {
    }
    EXPECT_TRUE(is_disturbed);
    EXPECT_EQ(check(*probe)->evidence, Evidence::kGood);
}

// The tests below stop the server; each leaves it running.
class PostgresFaultTest : public PostgresProbeTest {
  protected:
    static void SetUpTestSuite() { primary_ = std::make_unique<PgTestServer>(); }
    PgTestServer& server_ = *primary_;
};

TEST_F(PostgresFaultTest, AKilledServerIsHardAndItsHostSaysStopped) {
    const auto probe = make(settings(server_, "primary"));
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    server_.kill();
    expect(check(*probe), Evidence::kHard, "");
    Result<probe::Sample> sample = check(*probe);
    for (int i = 0; i < 500 && sample->facts["process"] != "stopped"; ++i) {
        sample = check(*probe);  // Its children end a moment after it.
    }
    expect(sample, Evidence::kHard, "stopped");
    server_.start_server();
    EXPECT_EQ(check(*probe)->evidence, Evidence::kGood);
}

TEST_F(PostgresFaultTest, AFrozenServerIsHardWhenItsHostSaysSoAndSilentOtherwise) {
    const auto told = make(settings(server_, "primary"));
    auto from_afar = settings(server_, "primary");
    from_afar.variables.erase("data");
    const auto untold = make(from_afar);
    ASSERT_EQ(check(*told)->evidence, Evidence::kGood);
    ASSERT_EQ(check(*untold)->evidence, Evidence::kGood);
    server_.signal_all(SIGSTOP);
    const auto sample = check(*told, 300ms);
    expect(sample, Evidence::kHard, "frozen");
    EXPECT_EQ(sample->facts.at("process"), "frozen");
    expect(check(*untold, 300ms), Evidence::kSilence, "no answer");
    // A fresh connection is accepted by the kernel all the same.
    EXPECT_EQ(
        check(probe_settings("tcp", {{"tcp", {"127.0.0.1:" + std::to_string(server_.port())}}}))
            ->evidence,
        Evidence::kGood);
    server_.signal_all(SIGCONT);
    EXPECT_EQ(check(*told)->evidence, Evidence::kGood);
    EXPECT_EQ(check(*untold)->evidence, Evidence::kGood);
}

TEST_F(PostgresFaultTest, AFrozenPostmasterIsNotHiddenByAKeptSession) {
    const auto probe = make(settings(server_, "primary"));
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    ::kill(server_.pid(), SIGSTOP);
    Result<probe::Sample> sample = check(*probe);
    for (int i = 0; i < 500 && sample->evidence != Evidence::kHard; ++i) {
        sample = check(*probe);  // The signal takes a moment to stop it.
    }
    expect(sample, Evidence::kHard, "frozen");
    ::kill(server_.pid(), SIGCONT);
}

TEST_F(PostgresFaultTest, ReadsThePostmastersPidAndPort) {
    const auto state = read_postmaster(server_.data());
    EXPECT_EQ(state.process, PostmasterState::Process::kRunning);
    EXPECT_EQ(state.pid, server_.pid());
    EXPECT_EQ(state.port, server_.port());
    using Process = PostmasterState::Process;
    EXPECT_EQ(ask_host(server_.conninfo(), server_.data()), Process::kRunning);
    EXPECT_EQ(ask_host("host=127.0.0.1 port=1", server_.data()), Process::kUnknown);
    EXPECT_EQ(ask_host("host=192.0.2.1", server_.data()), Process::kUnknown);
}

TEST(HostWord, KnowsWhatIsLocal) {
    for (const auto* local :
         {"", "host=/run/postgresql", "host=localhost", "host=127.0.0.9", "host=::1",
          "postgresql://localhost/x", "host=x hostaddr=127.0.0.1"}) {
        EXPECT_TRUE(is_local_server(local)) << local;
    }
    for (const auto* other :
         {"host=192.0.2.1", "host=db.example", "host=localhost,192.0.2.1", "host=2001:db8::1"}) {
        EXPECT_FALSE(is_local_server(other)) << other;
    }
    EXPECT_EQ(port_of("port=5433"), 5433);
    EXPECT_EQ(port_of("port=5433,5434"), 0);
    EXPECT_EQ(port_of("postgresql://h:77/x"), 77);
}

class PostgresSettings : public test::ProbeTest {};

TEST_F(PostgresSettings, WithoutConninfoOrWithAnOddRoleTheyAreInvalid) {
    EXPECT_EQ(refusal(probe_settings("postgres", {{"postgres", {""}}})), Errc::kInvalid);
    EXPECT_EQ(
        refusal(probe_settings("postgres", {{"postgres", {"host=x"}}, {"expect_role", {"king"}}})),
        Errc::kInvalid);
}

}  // namespace
}  // namespace muster::adapters
