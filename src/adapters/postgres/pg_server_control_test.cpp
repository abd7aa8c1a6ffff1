#include "adapters/postgres/pg_server_control.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "support/postgres_pair.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using postgres::Process;
using postgres::Role;
using postgres::StopMode;
using testing::PostgresPair;
using testing::WritingClient;

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    std::string text;
    std::getline(file, text);
    return text;
}

class ServerControl : public ::testing::Test {
  protected:
    PostgresPair pair_;

    Duration timed(const std::function<void()>& body) {
        const auto began = pair_.clock().now();
        body();
        return pair_.clock().now() - began;
    }
};

TEST_F(ServerControl, InspectTellsPrimaryAndStandbyApart) {
    const auto a = pair_.run(pair_.control().inspect(pair_.a(), pair_.in(5s)));
    ASSERT_TRUE(a) << a.error().message();
    EXPECT_EQ(a->process, Process::kRunning);
    EXPECT_EQ(a->role, Role::kPrimary);
    EXPECT_TRUE(a->is_writable);
    EXPECT_TRUE(a->accepts_connections);
    EXPECT_EQ(a->timeline, 1);
    EXPECT_GE(a->version, 13);
    const auto b = pair_.run(pair_.control().inspect(pair_.b(), pair_.in(5s)));
    ASSERT_TRUE(b) << b.error().message();
    EXPECT_EQ(b->role, Role::kStandby);
    EXPECT_FALSE(b->is_writable);
    EXPECT_TRUE(b->is_streaming);
    EXPECT_EQ(b->system_identifier, a->system_identifier);
    EXPECT_GE(b->received, b->position);
}

TEST_F(ServerControl, InspectOfAKilledServerHasTheHostsWordAndTheEndOfTheWal) {
    const auto before = PostgresPair::sql(pair_.a(), "SELECT pg_current_wal_lsn()");
    ::kill(PostgresPair::postmaster(pair_.a()), SIGKILL);
    for (int turn = 0; turn < 1000 && PostgresPair::processes(pair_.a()) > 0; ++turn) {
    }
    const auto state = pair_.run(pair_.control().inspect(pair_.a(), pair_.in(5s)));
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_EQ(state->process, Process::kStopped);
    EXPECT_FALSE(state->accepts_connections);
    EXPECT_GE(state->position, *postgres::parse_lsn(before));
    EXPECT_EQ(state->timeline, 1);
}

TEST_F(ServerControl, InspectOfAFrozenServerDoesNotWaitForTheDeadline) {
    ::kill(PostgresPair::postmaster(pair_.a()), SIGSTOP);
    const auto took = timed([this] {
        const auto state = pair_.run(pair_.control().inspect(pair_.a(), pair_.in(5s)));
        ASSERT_TRUE(state) << state.error().message();
        EXPECT_EQ(state->process, Process::kFrozen);
        EXPECT_FALSE(state->accepts_connections);
    });
    EXPECT_LT(took, 2s);
}

TEST_F(ServerControl, InspectBySqlAloneEndsWithTheDeadline) {
    ::kill(PostgresPair::postmaster(pair_.a()), SIGSTOP);
    auto server = pair_.a();
    server.data.clear();
    const auto took = timed([this, &server] {
        const auto state = pair_.run(pair_.control().inspect(server, pair_.in(300ms)));
        EXPECT_FALSE(state);
    });
    EXPECT_LT(took, 1s);
}

TEST_F(ServerControl, FenceStopsAServerInTheMidstOfWriting) {
    WritingClient client({pair_.a().conninfo});
    ASSERT_TRUE(client.await(20));
    const auto state =
        pair_.run(pair_.control().fence(pair_.a(), Epoch{7}, StopMode::kImmediate, pair_.in(5s)));
    const int acknowledged = client.acknowledged();
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_EQ(state->process, Process::kStopped);
    EXPECT_GT(state->position.value, 0U);
    EXPECT_EQ(PostgresPair::processes(pair_.a()), 0);
    EXPECT_EQ(read_file(pair_.a().data + "/muster.epoch"), "7");
    EXPECT_TRUE(std::filesystem::exists(pair_.a().data + "/standby.signal"));
    EXPECT_LE(static_cast<int>(client.stop().size()), acknowledged + 1);
}

TEST_F(ServerControl, FencedServerComesBackReadOnly) {
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kImmediate, pair_.in(5s))));
    PostgresPair::start(pair_.a());
    EXPECT_EQ(PostgresPair::sql(pair_.a(), "SELECT pg_is_in_recovery()"), "t");
    EXPECT_EQ(PostgresPair::sql(pair_.a(), "INSERT INTO rows VALUES (1)"), "ERROR");
}

TEST_F(ServerControl, FenceEndsAFrozenServerAndItsBackends) {
    PostgresPair::sql(pair_.a(), "SELECT 1");
    WritingClient client({pair_.a().conninfo});
    ASSERT_TRUE(client.await(5));
    testing::shell("for p in /proc/[0-9]*; do [ $p/cwd -ef " + pair_.a().data +
                   " ] && kill -STOP ${p#/proc/}; done");
    const auto state =
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_EQ(PostgresPair::processes(pair_.a()), 0);
}

TEST_F(ServerControl, FenceEndsBackendsWhosePostmasterIsGone) {
    WritingClient client({pair_.a().conninfo});
    ASSERT_TRUE(client.await(5));
    // A backend that is stopped outlives its postmaster, and would write again once it is thawed.
    const auto backend = PostgresPair::sql(
        pair_.a(), "SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT%' LIMIT 1");
    ASSERT_NE(backend, "");
    ::kill(std::stoi(backend), SIGSTOP);
    ::kill(PostgresPair::postmaster(pair_.a()), SIGKILL);
    ASSERT_GT(PostgresPair::processes(pair_.a()), 0);
    const auto state =
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_EQ(PostgresPair::processes(pair_.a()), 0);
}

TEST_F(ServerControl, FenceOfAStoppedServerIsQuickAndRepeatable) {
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.a(), Epoch{3}, StopMode::kFast, pair_.in(5s))));
    const auto took = timed([this] {
        const auto again = pair_.run(
            pair_.control().fence(pair_.a(), Epoch{3}, StopMode::kImmediate, pair_.in(5s)));
        EXPECT_TRUE(again);
    });
    EXPECT_LT(took, 1s);  // 60 ms on an idle machine.
    RecordProperty("fence_of_stopped_ms", static_cast<int>(to_ms(took)));
}

TEST_F(ServerControl, FenceWithAnOlderEpochIsAConflictAndTouchesNothing) {
    ASSERT_TRUE(pair_.run(pair_.control().promote(pair_.b(), Epoch{9}, pair_.in(10s))));
    const auto refused =
        pair_.run(pair_.control().fence(pair_.b(), Epoch{8}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kConflict);
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "INSERT INTO rows VALUES (1)"), "INSERT 0 1");
}

TEST_F(ServerControl, FenceOfAHostThatCannotBeAskedIsUnavailable) {
    auto server = pair_.a();
    server.ssh = "nobody@127.0.0.1";
    const auto state =
        pair_.run(pair_.control().fence(server, Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kUnavailable) << state.error().message();
    EXPECT_NE(state.error().hint(), "");
    EXPECT_EQ(PostgresPair::sql(pair_.a(), "INSERT INTO rows VALUES (1)"), "INSERT 0 1");
}

TEST_F(ServerControl, FenceStopsTheServerEvenWhereItCannotLeaveItsSigns) {
    std::filesystem::create_directory(pair_.a().data + "/muster.epoch.muster-new");
    const auto state =
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kOutcomeUnknown) << state.error().message();
    EXPECT_EQ(PostgresPair::processes(pair_.a()), 0);
}

TEST_F(ServerControl, WorksOverSshWithAnyDirectoryName) {
    // Stands in for ssh(1): runs the remote command line as a login shell would.
    const auto bin = pair_.folder() + "/bin";
    std::filesystem::create_directory(bin);
    std::ofstream(bin + "/ssh") << "#!/bin/sh\nfor last; do :; done\nexec sh -c \"$last\"\n";
    std::filesystem::permissions(bin + "/ssh", std::filesystem::perms::all);
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", (bin + ":" + path).c_str(), 1);
    auto server = pair_.a();
    server.ssh = "postgres@elsewhere";
    server.data = pair_.folder() + "/it's $(a) data";
    std::filesystem::create_directory_symlink(pair_.a().data, server.data);
    const auto before = pair_.run(pair_.control().inspect(server, pair_.in(5s)));
    const auto fenced =
        pair_.run(pair_.control().fence(server, Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ::setenv("PATH", path.c_str(), 1);
    ASSERT_TRUE(before) << before.error().message();
    EXPECT_EQ(before->process, Process::kRunning);
    ASSERT_TRUE(fenced) << fenced.error().message();
    EXPECT_EQ(PostgresPair::processes(pair_.a()), 0);
    EXPECT_EQ(read_file(pair_.a().data + "/muster.epoch"), "1");
}

TEST_F(ServerControl, FenceRefusesAnUnreadableEpoch) {
    std::ofstream(pair_.a().data + "/muster.epoch") << "seven\n";
    const auto state =
        pair_.run(pair_.control().fence(pair_.a(), Epoch{9}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kCorrupt);
}

TEST_F(ServerControl, FenceNamesAMissingDirectory) {
    auto server = pair_.a();
    server.data += "-none";
    const auto state =
        pair_.run(pair_.control().fence(server, Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kNotFound);
}

TEST_F(ServerControl, FenceDoesNotBelieveADirectoryThatIsNotTheServers) {
    auto server = pair_.a();
    server.data = pair_.b().data;
    const auto state =
        pair_.run(pair_.control().fence(server, Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kOutcomeUnknown);
}

TEST_F(ServerControl, FenceByOwnCommandCountsOnlyWithExitZero) {
    auto server = pair_.a();
    server.fence_command = {"false"};
    const auto refused =
        pair_.run(pair_.control().fence(server, Epoch{1}, StopMode::kImmediate, pair_.in(5s)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kOutcomeUnknown);
    server.fence_command = {"true"};  // It lies: conninfo still reaches a writable server.
    EXPECT_FALSE(
        pair_.run(pair_.control().fence(server, Epoch{1}, StopMode::kImmediate, pair_.in(5s))));
    server.fence_command = {"sh", "-c", "kill -9 $(head -1 " + pair_.a().data + "/postmaster.pid)"};
    EXPECT_TRUE(
        pair_.run(pair_.control().fence(server, Epoch{1}, StopMode::kImmediate, pair_.in(5s))));
}

TEST_F(ServerControl, CanaryWritesOnThePrimaryOnly) {
    EXPECT_TRUE(pair_.run(pair_.control().write_canary(pair_.a(), Epoch{4}, pair_.in(5s))));
    EXPECT_TRUE(pair_.run(pair_.control().write_canary(pair_.a(), Epoch{4}, pair_.in(5s))));
    EXPECT_FALSE(pair_.run(pair_.control().write_canary(pair_.b(), Epoch{4}, pair_.in(5s))));
    const auto old = pair_.run(pair_.control().write_canary(pair_.a(), Epoch{3}, pair_.in(5s)));
    ASSERT_FALSE(old);
    EXPECT_EQ(old.error().code(), Errc::kConflict);
}

TEST_F(ServerControl, StartIsRepeatableAndTellsWhyItFailed) {
    ASSERT_TRUE(pair_.run(pair_.control().start(pair_.a(), pair_.in(5s))));
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kImmediate, pair_.in(5s))));
    std::ofstream(pair_.a().data + "/postgresql.conf", std::ios::app) << "no_such_setting = 1\n";
    const auto started = pair_.run(pair_.control().start(pair_.a(), pair_.in(5s)));
    ASSERT_FALSE(started);
    EXPECT_NE(started.error().message().find("no_such_setting"), std::string::npos)
        << started.error().message();
}

}  // namespace
}  // namespace muster::adapters
