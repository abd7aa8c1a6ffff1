#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/this_coro.hpp>
#include <fstream>
#include <iterator>

#include "adapters/postgres/pg_server_control.h"
#include "base/task_group.h"
#include "support/postgres_pair.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using postgres::Process;
using postgres::StopMode;
using testing::PostgresPair;

std::string read_all(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

class Rebuild : public ::testing::Test {
  protected:
    PostgresPair pair_;
    std::string kept_in_ = pair_.folder() + "/a-kept";

    // The standby stops receiving, `lost` more rows are acknowledged, the primary dies.
    void fail_over(int lost, int beats = 0) {
        PostgresPair::sql(pair_.a(), "CREATE SCHEMA IF NOT EXISTS muster");
        PostgresPair::sql(pair_.a(), "CREATE TABLE muster.heartbeat (beat integer)");
        PostgresPair::sql(pair_.a(), "INSERT INTO muster.heartbeat VALUES (0)");
        PostgresPair::sql(pair_.a(), "INSERT INTO rows VALUES (1)");
        ASSERT_TRUE(PostgresPair::await_caught_up(pair_.a(), pair_.b()));
        PostgresPair::cut_off(pair_.b());
        for (int id = 0; id < lost; ++id) {
            PostgresPair::sql(pair_.a(),
                              "INSERT INTO rows VALUES (" + std::to_string(1000 + id) + ")");
        }
        for (int beat = 0; beat < beats; ++beat) {
            PostgresPair::sql(pair_.a(), "UPDATE muster.heartbeat SET beat = beat + 1");
        }
        const auto fenced = pair_.run(
            pair_.control().fence(pair_.a(), Epoch{2}, StopMode::kImmediate, pair_.in(5s)));
        ASSERT_TRUE(fenced) << fenced.error().message();
        const auto promoted = pair_.run(pair_.control().promote(pair_.b(), Epoch{2}, pair_.in(9s)));
        ASSERT_TRUE(promoted) << promoted.error().message();
        testing::shell("install -d -o $(stat -c %U " + pair_.a().data + ") " + kept_in_);
    }

    Result<postgres::Divergence> keep() {
        return pair_.run(
            pair_.control().keep_divergence(pair_.a(), pair_.b(), kept_in_, pair_.in(10s)));
    }

    Result<postgres::ServerState> rebuild(Epoch epoch) {
        return pair_.run(pair_.control().rebuild(pair_.a(), pair_.b(), epoch, pair_.in(30s)));
    }

    /// The former primary, with a tool of its own in place of PostgreSQL's.
    postgres::Server with_tool(const std::string& name, const std::string& body) {
        auto server = pair_.a();
        server.bin = pair_.folder() + "/tools";
        testing::shell("mkdir -p " + server.bin);
        std::ofstream(server.bin + "/" + name) << "#!/bin/sh\n" << body << "\n";
        testing::shell("chmod -R a+rx " + server.bin);
        return server;
    }

    /// Tells a rebuild to end, as a run that is cut short does.
    Result<postgres::ServerState> cut_after(Duration delay, const postgres::Server& server) {
        auto task = pair_.control().rebuild(server, pair_.b(), Epoch{2}, pair_.in(60s));
        return pair_.run(cut(std::move(task), delay, &pair_.clock()));
    }
    static Task<postgres::ServerState> cut(Task<postgres::ServerState> task, Duration delay,
                                           Clock* clock) {
        TaskGroup group(co_await boost::asio::this_coro::executor);
        Result<postgres::ServerState> outcome = Error{Errc::kNotFound, "it never ended"};
        group.spawn(note(std::move(task), &outcome));
        CO_TRY_OK(co_await clock->sleep_for(delay));
        CO_TRY_OK(co_await group.stop());
        co_return outcome;
    }
    static Task<> note(Task<postgres::ServerState> task, Result<postgres::ServerState>* outcome) {
        *outcome = co_await std::move(task);
        co_return Result<>{};
    }

    void expect_follows() {
        PostgresPair::sql(pair_.b(), "INSERT INTO rows VALUES (2)");
        ASSERT_TRUE(PostgresPair::await_caught_up(pair_.b(), pair_.a()));
        EXPECT_EQ(PostgresPair::sql(pair_.a(),
                                    "SELECT string_agg(id::text, ',' ORDER BY id) "
                                    "FROM rows"),
                  "1,2");
        EXPECT_EQ(PostgresPair::sql(pair_.b(),
                                    "SELECT string_agg(slot_name, ',') FROM "
                                    "pg_replication_slots WHERE active"),
                  "muster_a");
        EXPECT_FALSE(std::filesystem::exists(pair_.a().data + ".muster-old"));
        EXPECT_FALSE(std::filesystem::exists(pair_.a().data + ".muster-new"));
        EXPECT_FALSE(std::filesystem::exists(pair_.a().data + ".muster-saved"));
        EXPECT_FALSE(std::filesystem::exists(pair_.a().data + ".muster-lock"));
    }
};

TEST_F(Rebuild, DivergenceIsCountedExactlyAndKeptVerified) {
    fail_over(4, 3);
    const auto lost = keep();
    ASSERT_TRUE(lost) << lost.error().message();
    EXPECT_EQ(lost->transactions, 7U);
    EXPECT_EQ(lost->own, 3U);
    EXPECT_GT(lost->bytes, 0U);
    EXPECT_EQ(lost->bytes, lost->to.value - lost->from.value);
    ASSERT_NE(lost->artefact, "");
    const auto manifest = read_all(lost->artefact + "/manifest.json");
    EXPECT_NE(manifest.find("\"transactions\":7"), std::string::npos) << manifest;
    EXPECT_EQ(testing::shell("cd " + lost->artefact + " && sha256sum -c SHA256SUMS").exit_code, 0);
    const auto again = keep();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->artefact, lost->artefact);
    EXPECT_EQ(again->transactions, 7U);
}

TEST_F(Rebuild, WithoutTheKeptDivergenceIsRefused) {
    fail_over(3);
    const auto before = testing::shell("find " + pair_.a().data + " -type f | sort | xargs md5sum");
    const auto refused = rebuild(Epoch{2});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kDenied) << refused.error().message();
    EXPECT_NE(refused.error().hint(), "");
    EXPECT_EQ(testing::shell("find " + pair_.a().data + " -type f | sort | xargs md5sum").output,
              before.output);
}

TEST_F(Rebuild, WithADamagedArtefactIsRefused) {
    fail_over(3);
    const auto lost = keep();
    ASSERT_TRUE(lost) << lost.error().message();
    testing::shell("for f in " + lost->artefact + "/0*; do echo x >> $f; done");
    const auto refused = rebuild(Epoch{2});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kCorrupt) << refused.error().message();
}

TEST_F(Rebuild, AfterDivergenceRewindsAndStreams) {
    fail_over(5);
    ASSERT_TRUE(keep());
    const auto state = rebuild(Epoch{2});
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_TRUE(state->is_streaming);
    EXPECT_EQ(state->timeline, 2);
    EXPECT_TRUE(pair_.log().has("postgres.rewound"))
        << ::testing::PrintToString(pair_.log().lines());
    expect_follows();
    const auto again = rebuild(Epoch{2});
    ASSERT_TRUE(again) << again.error().message();
}

TEST_F(Rebuild, ByRewindLeavesEachServerItsOwnConfiguration) {
    for (const auto& [server, text] :
         {std::pair(pair_.a(), "# of site a\n"), std::pair(pair_.b(), "# of site b\n")}) {
        testing::shell("mkdir " + server.data + "/conf.d");
        std::ofstream(server.data + "/conf.d/site.conf") << text;
        testing::shell("chown -R --reference=" + server.data + " " + server.data + "/conf.d");
    }
    fail_over(5);
    ASSERT_TRUE(keep());
    const auto state = rebuild(Epoch{2});
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_TRUE(pair_.log().has("postgres.rewound"));
    EXPECT_EQ(read_all(pair_.a().data + "/conf.d/site.conf"), "# of site a\n");
}

TEST_F(Rebuild, OfAFencedServerThatSomebodyStartedAgain) {
    fail_over(5);
    PostgresPair::start(pair_.a());
    const auto lost = keep();
    ASSERT_TRUE(lost) << lost.error().message();
    EXPECT_EQ(lost->transactions, 5U);
    const auto state = rebuild(Epoch{3});
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_TRUE(pair_.log().has("postgres.rewound"))
        << ::testing::PrintToString(pair_.log().lines());
    expect_follows();
}

TEST_F(Rebuild, WhereItCannotRewindTakesABaseBackup) {
    PostgresPair::sql(pair_.a(), "ALTER SYSTEM SET wal_log_hints = off");
    testing::shell("sed -i 's/^wal_log_hints.*//' " + pair_.a().data + "/postgresql.conf");
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kFast, pair_.in(5s))));
    std::filesystem::remove(pair_.a().data + "/standby.signal");
    PostgresPair::start(pair_.a());
    const auto hba = read_all(pair_.a().data + "/pg_hba.conf");
    const auto settings = read_all(pair_.a().data + "/postgresql.conf");
    std::ofstream(pair_.a().data + "/pg_hba.conf", std::ios::app) << "# of site a\n";
    fail_over(5);
    ASSERT_TRUE(keep());
    const auto state = rebuild(Epoch{2});
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_TRUE(pair_.log().has("postgres.base_backup_taken"));
    EXPECT_FALSE(pair_.log().has("postgres.rewound"));
    expect_follows();
    EXPECT_EQ(read_all(pair_.a().data + "/postgresql.conf"), settings);
    EXPECT_EQ(read_all(pair_.a().data + "/pg_hba.conf"), hba + "# of site a\n");
}

TEST_F(Rebuild, OfThePrimaryInForceIsRefused) {
    const auto standby_as_primary =
        pair_.run(pair_.control().rebuild(pair_.a(), pair_.b(), Epoch{2}, pair_.in(5s)));
    ASSERT_FALSE(standby_as_primary);
    EXPECT_EQ(standby_as_primary.error().code(), Errc::kDenied);
    const auto itself =
        pair_.run(pair_.control().rebuild(pair_.a(), pair_.a(), Epoch{2}, pair_.in(5s)));
    ASSERT_FALSE(itself);
    EXPECT_EQ(itself.error().code(), Errc::kDenied);
    EXPECT_EQ(PostgresPair::sql(pair_.a(), "INSERT INTO rows VALUES (1)"), "INSERT 0 1");
}

TEST_F(Rebuild, OfADirectoryWhoseServerConninfoDoesNotReachIsRefused) {
    auto server = pair_.b();  // conninfo of the standby, data of the primary in force
    server.data = pair_.a().data;
    const auto refused =
        pair_.run(pair_.control().rebuild(server, pair_.a(), Epoch{2}, pair_.in(5s)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kDenied) << refused.error().message();
    EXPECT_EQ(PostgresPair::sql(pair_.a(), "INSERT INTO rows VALUES (1)"), "INSERT 0 1");
}

TEST_F(Rebuild, WithAnOlderEpochIsAConflict) {
    fail_over(2);
    ASSERT_TRUE(keep());
    const auto refused = rebuild(Epoch{1});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kConflict) << refused.error().message();
}

TEST_F(Rebuild, BesideAnotherOneIsUnavailable) {
    fail_over(0);
    // A lock on the same file, as the script of a muster that was killed still holds it.
    const int lock = ::open((pair_.a().data + ".muster-lock").c_str(), O_CREAT | O_RDWR, 0666);
    ::fchmod(lock, 0666);
    ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
    const auto refused = rebuild(Epoch{2});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kUnavailable) << refused.error().message();
    ::close(lock);
    EXPECT_TRUE(rebuild(Epoch{2}));
    EXPECT_FALSE(pair_.log().has("postgres.restart_failed"))
        << ::testing::PrintToString(pair_.log().lines());
}

TEST_F(Rebuild, GoesOnWhereARewindWasCutShort) {
    fail_over(4);
    ASSERT_TRUE(keep());
    testing::shell("mv " + pair_.a().data + " " + pair_.a().data + ".muster-rewind && rm " +
                   pair_.a().data + ".muster-rewind/standby.signal");
    const auto state = rebuild(Epoch{2});
    ASSERT_TRUE(state) << state.error().message();
    expect_follows();
}

TEST_F(Rebuild, AfterACutRewindAnotherRunFindsTheDirectoryInItsPlace) {
    fail_over(4);
    const auto lost = keep();
    ASSERT_TRUE(lost);
    testing::shell("mv " + pair_.a().data + " " + pair_.a().data + ".muster-rewind && rm " +
                   pair_.a().data + ".muster-rewind/standby.signal");
    const auto fenced =
        pair_.run(pair_.control().fence(pair_.a(), Epoch{3}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_TRUE(fenced) << fenced.error().message();
    const auto again = keep();
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->artefact, lost->artefact);
    const auto state = rebuild(Epoch{3});
    ASSERT_TRUE(state) << state.error().message();
    expect_follows();
}

TEST_F(Rebuild, LeavesADirectoryAsideWhileSomebodyWorksOnIt) {
    fail_over(0);
    const auto aside = pair_.a().data + ".muster-rewind";
    testing::shell("mv " + pair_.a().data + " " + aside);
    const int lock = ::open((pair_.a().data + ".muster-lock").c_str(), O_CREAT | O_RDWR, 0666);
    ::fchmod(lock, 0666);
    ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
    const auto refused =
        pair_.run(pair_.control().fence(pair_.a(), Epoch{3}, StopMode::kImmediate, pair_.in(5s)));
    ::close(lock);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kUnavailable) << refused.error().message();
    EXPECT_TRUE(std::filesystem::exists(aside));
}

TEST_F(Rebuild, CutShortInABaseBackupEndsAtOnceAndIsTakenUpLater) {
    fail_over(3);
    ASSERT_TRUE(keep());
    auto slow = with_tool("pg_basebackup", "exec sleep 600");
    slow.rebuild_by = postgres::RebuildBy::kBaseBackup;
    const auto began = pair_.clock().now();
    const auto cut = cut_after(2s, slow);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code(), Errc::kCancelled) << cut.error().message();
    EXPECT_LT(pair_.clock().now() - began, 8s);
    const auto state = rebuild(Epoch{3});
    ASSERT_TRUE(state) << state.error().message();
    expect_follows();
}

TEST_F(Rebuild, CutShortInARewindLetsItFinishAndGoesNoFurther) {
    fail_over(3);
    ASSERT_TRUE(keep());
    const auto cut = cut_after(
        2s, with_tool("pg_rewind", "sleep 4; exec $(pg_config --bindir)/pg_rewind \"$@\""));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code(), Errc::kCancelled) << cut.error().message();
    EXPECT_EQ(PostgresPair::processes(pair_.a()), 0);
    EXPECT_TRUE(std::filesystem::exists(pair_.a().data + "/standby.signal"));
    const auto state = rebuild(Epoch{3});
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_FALSE(pair_.log().has("postgres.base_backup_taken"))
        << ::testing::PrintToString(pair_.log().lines());
    expect_follows();
}

TEST_F(Rebuild, DivergenceOfARunningPrimaryIsRefused) {
    fail_over(0);
    std::filesystem::remove(pair_.a().data + "/standby.signal");
    PostgresPair::start(pair_.a());
    const auto refused = keep();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kDenied) << refused.error().message();
}

}  // namespace
}  // namespace muster::adapters
