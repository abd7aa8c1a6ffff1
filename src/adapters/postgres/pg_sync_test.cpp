#include <gtest/gtest.h>

#include <thread>

#include "support/postgres_pair.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using testing::PostgresPair;

class Sync : public ::testing::Test {
  protected:
    void name_b() {
        ASSERT_TRUE(pair_.run(pair_.control().name_standby(pair_.b(), pair_.in(10s))));
        for (int turn = 0; turn < 500 && state_of("muster_b").empty(); ++turn) {
        }
    }
    std::string state_of(const std::string& name) {
        return PostgresPair::sql(pair_.a(),
                                 "SELECT sync_state FROM pg_stat_replication WHERE state = "
                                 "'streaming' AND application_name = '" +
                                     name + "'");
    }
    Result<> wait_for(const std::string& standby, Duration patience = 20s) {
        return pair_.run(pair_.control().set_sync_standby(pair_.a(), standby, pair_.in(patience)));
    }
    std::string setting(const postgres::Server& server) {
        return PostgresPair::sql(server, "SHOW synchronous_standby_names");
    }

    PostgresPair pair_;
};

TEST_F(Sync, AStandbyTakesItsOwnNameOnce) {
    name_b();
    EXPECT_EQ(state_of("muster_b"), "async");
    const auto before = PostgresPair::sql(pair_.b(), "SHOW primary_conninfo");
    EXPECT_TRUE(pair_.run(pair_.control().name_standby(pair_.b(), pair_.in(10s))));
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "SHOW primary_conninfo"), before);
    const auto refused = pair_.run(pair_.control().name_standby(pair_.a(), pair_.in(10s)));
    EXPECT_EQ(refused.error().code(), Errc::kConflict);
}

TEST_F(Sync, CommitsWaitForTheStandbyAndThenForNobody) {
    name_b();
    const auto set = wait_for("muster_b");
    ASSERT_TRUE(set) << set.error().message();
    EXPECT_EQ(setting(pair_.a()), "FIRST 1 (\"muster_b\")");
    EXPECT_EQ(state_of("muster_b"), "sync");
    EXPECT_TRUE(wait_for("muster_b")) << "idempotent";
    ASSERT_TRUE(wait_for(""));
    EXPECT_EQ(setting(pair_.a()), "");
    EXPECT_EQ(state_of("muster_b"), "async");
}

TEST_F(Sync, AStandbyThatIsNotThereTimesOutAndIsWaitedFor) {
    const auto set = wait_for("muster_none", 2s);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code(), Errc::kTimedOut);
    EXPECT_EQ(setting(pair_.a()), "FIRST 1 (\"muster_none\")");
    EXPECT_TRUE(wait_for("")) << "its own sessions do not wait for it";
}

TEST_F(Sync, AServerThatFreezesWhileItIsWaitedForTimesOut) {
    std::thread freezer([this] {
        for (int turn = 0; turn < 500 && setting(pair_.a()).empty(); ++turn) {
        }
        testing::shell("for p in /proc/[0-9]*; do [ $p/cwd -ef " + pair_.a().data +
                       " ] && kill -STOP ${p#/proc/}; done");
    });
    const auto set = wait_for("muster_none", 4s);
    freezer.join();
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code(), Errc::kTimedOut) << set.error().message();
}

TEST_F(Sync, CommitsThatNeverWaitAreRefused) {
    PostgresPair::sql(pair_.a(), "ALTER SYSTEM SET synchronous_commit = off");
    PostgresPair::sql(pair_.a(), "SELECT pg_reload_conf()");
    for (int turn = 0;
         turn < 500 && PostgresPair::sql(pair_.a(), "SHOW synchronous_commit") != "off"; ++turn) {
    }
    name_b();
    EXPECT_EQ(wait_for("muster_b").error().code(), Errc::kDenied);
    EXPECT_EQ(setting(pair_.a()), "");
}

TEST_F(Sync, APromotionBeginsWithoutTheNamesOfTheDead) {
    PostgresPair::sql(pair_.b(), "ALTER SYSTEM SET synchronous_standby_names = 'muster_a'");
    PostgresPair::sql(pair_.b(), "SELECT pg_reload_conf()");
    ASSERT_TRUE(pair_.run(
        pair_.control().fence(pair_.a(), Epoch{2}, postgres::StopMode::kFast, pair_.in(20s))));
    auto managed = pair_.b();
    managed.is_sync_managed = true;
    const auto promoted = pair_.run(pair_.control().promote(managed, Epoch{2}, pair_.in(20s)));
    ASSERT_TRUE(promoted) << promoted.error().message();
    EXPECT_TRUE(promoted->is_writable);
    EXPECT_EQ(setting(pair_.b()), "");
}

TEST_F(Sync, TellsWhichIdsAreMissing) {
    PostgresPair::sql(pair_.a(), "CREATE TABLE kept (id text PRIMARY KEY)");
    PostgresPair::sql(pair_.a(),
                      "INSERT INTO kept SELECT 'n' || g FROM generate_series(1, 2500) g");
    PostgresPair::sql(pair_.a(), "INSERT INTO kept VALUES ('a \"b\" \\c, {d}')");
    postgres::IdCheck check{"SELECT id FROM kept WHERE id = ANY($1)", {"a \"b\" \\c, {d}", "none"}};
    for (int i = 1; i <= 2501; ++i) {
        check.ids.push_back("n" + std::to_string(i));
    }
    const auto missing = pair_.run(pair_.control().missing_ids(pair_.a(), check, pair_.in(10s)));
    ASSERT_TRUE(missing) << missing.error().message();
    EXPECT_EQ(*missing, (std::vector<std::string>{"none", "n2501"}));
}

TEST_F(Sync, AQueryForIdsCanNotWrite) {
    PostgresPair::sql(pair_.a(), "CREATE TABLE kept (id text PRIMARY KEY)");
    const postgres::IdCheck check{"INSERT INTO kept SELECT unnest($1::text[]) RETURNING id", {"x"}};
    EXPECT_FALSE(pair_.run(pair_.control().missing_ids(pair_.a(), check, pair_.in(10s))));
    EXPECT_EQ(PostgresPair::sql(pair_.a(), "SELECT count(*) FROM kept"), "0");
}

}  // namespace
}  // namespace muster::adapters
