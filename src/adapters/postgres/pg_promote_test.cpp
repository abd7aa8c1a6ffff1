#include <gtest/gtest.h>

#include "adapters/postgres/pg_server_control.h"
#include "support/postgres_pair.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using postgres::Role;
using postgres::StopMode;
using testing::PostgresPair;
using testing::WritingClient;

class Promotion : public ::testing::Test {
  protected:
    PostgresPair pair_;
};

TEST_F(Promotion, IsDoneWhenWritesAreAccepted) {
    const auto began = pair_.clock().now();
    const auto state = pair_.run(pair_.control().promote(pair_.b(), Epoch{2}, pair_.in(10s)));
    RecordProperty("promote_ms", static_cast<int>(to_ms(pair_.clock().now() - began)));
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_EQ(state->role, Role::kPrimary);
    EXPECT_TRUE(state->is_writable);
    EXPECT_EQ(state->timeline, 2);
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "INSERT INTO rows VALUES (1)"), "INSERT 0 1");
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "SELECT epoch FROM muster.canary"), "2");
}

TEST_F(Promotion, OfAPrimaryIsDoneAlready) {
    ASSERT_TRUE(pair_.run(pair_.control().promote(pair_.b(), Epoch{2}, pair_.in(10s))));
    const auto again = pair_.run(pair_.control().promote(pair_.b(), Epoch{2}, pair_.in(10s)));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->timeline, 2);
}

TEST_F(Promotion, WithAnOlderEpochIsRefusedBeforeItBegins) {
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.b(), Epoch{5}, StopMode::kFast, pair_.in(5s))));
    PostgresPair::start(pair_.b());
    const auto state = pair_.run(pair_.control().promote(pair_.b(), Epoch{4}, pair_.in(10s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kConflict);
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "SELECT pg_is_in_recovery()"), "t");
}

TEST_F(Promotion, OfAStoppedServerIsUnavailable) {
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.b(), Epoch{1}, StopMode::kFast, pair_.in(5s))));
    const auto state = pair_.run(pair_.control().promote(pair_.b(), Epoch{1}, pair_.in(5s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kUnavailable);
}

TEST_F(Promotion, WithoutTheRightToReadFilesLeavesTheEpochByTheHost) {
    PostgresPair::sql(pair_.a(), "CREATE ROLE mover LOGIN");
    PostgresPair::sql(pair_.a(), "GRANT EXECUTE ON FUNCTION pg_promote TO mover");
    PostgresPair::sql(pair_.a(), "GRANT CREATE ON DATABASE postgres TO mover");
    ASSERT_TRUE(PostgresPair::await_caught_up(pair_.a(), pair_.b()));
    auto server = pair_.b();
    server.conninfo += " user=mover";
    ASSERT_TRUE(pair_.run(pair_.control().promote(server, Epoch{6}, pair_.in(10s))));
    const auto refused =
        pair_.run(pair_.control().fence(server, Epoch{5}, StopMode::kFast, pair_.in(5s)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kConflict);
}

TEST_F(Promotion, AwaitPositionReturnsWhenItIsThereAndTimesOutWhenItIsNot) {
    const auto there =
        postgres::parse_lsn(PostgresPair::sql(pair_.a(), "SELECT pg_current_wal_lsn()"));
    EXPECT_TRUE(pair_.run(pair_.control().await_position(pair_.b(), *there, pair_.in(5s))));
    const auto late = pair_.run(pair_.control().await_position(
        pair_.b(), postgres::Lsn{there->value + 1000000}, pair_.in(100ms)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Errc::kTimedOut);
    const auto none = pair_.run(pair_.control().await_position(pair_.a(), *there, pair_.in(1s)));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), Errc::kConflict);
}

TEST_F(Promotion, WhatTheOldPrimaryAloneHasIsCounted) {
    PostgresPair::cut_off(pair_.b());
    const auto from =
        postgres::parse_lsn(PostgresPair::sql(pair_.a(), "SELECT pg_current_wal_lsn()"));
    PostgresPair::sql(pair_.a(), "INSERT INTO rows VALUES (1)");
    PostgresPair::sql(pair_.a(), "SELECT pg_sleep(0.3)");
    PostgresPair::sql(pair_.a(), "INSERT INTO rows VALUES (2)");
    const auto running = pair_.run(pair_.control().commits_after(pair_.a(), *from, pair_.in(5s)));
    EXPECT_EQ(running.error().code(), Errc::kDenied);
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kImmediate, pair_.in(5s))));
    const auto two = pair_.run(pair_.control().commits_after(pair_.a(), *from, pair_.in(5s)));
    ASSERT_TRUE(two) << two.error().message();
    EXPECT_EQ(two->count, 2U);
    EXPECT_GE(two->span, 300ms);
    EXPECT_LT(two->span, 30s);
    const auto unknown = pair_.run(pair_.control().commits_after(
        pair_.a(), postgres::Lsn{from->value + (64U << 20U)}, pair_.in(20s)));
    EXPECT_EQ(unknown.error().code(), Errc::kCorrupt) << unknown.error().message();
}

TEST_F(Promotion, DemoteIsRepeatableAndTellsTheSamePosition) {
    const auto first = pair_.run(pair_.control().demote(pair_.a(), Epoch{2}, pair_.in(10s)));
    ASSERT_TRUE(first) << first.error().message();
    const auto again = pair_.run(pair_.control().demote(pair_.a(), Epoch{2}, pair_.in(10s)));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(first->position, again->position);
    ASSERT_TRUE(
        pair_.run(pair_.control().await_position(pair_.b(), first->position, pair_.in(5s))));
}

TEST_F(Promotion, DemoteOfACrashedServerIsNoCleanStop) {
    ASSERT_TRUE(
        pair_.run(pair_.control().fence(pair_.a(), Epoch{1}, StopMode::kImmediate, pair_.in(5s))));
    const auto state = pair_.run(pair_.control().demote(pair_.a(), Epoch{1}, pair_.in(5s)));
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code(), Errc::kOutcomeUnknown);
}

// There and back again while a client writes: what it was told is there, is there.
TEST_F(Promotion, SwitchoverUnderLoadLosesNothing) {
    WritingClient client({pair_.a().conninfo + " target_session_attrs=read-write",
                          pair_.b().conninfo + " target_session_attrs=read-write"});
    ASSERT_TRUE(client.await(50));
    auto from = pair_.a();
    auto to = pair_.b();
    for (std::uint64_t epoch = 2; epoch < 5; ++epoch) {
        const auto down = pair_.run(pair_.control().demote(from, Epoch{epoch}, pair_.in(10s)));
        ASSERT_TRUE(down) << down.error().message();
        ASSERT_TRUE(pair_.run(pair_.control().await_position(to, down->position, pair_.in(10s))));
        ASSERT_TRUE(pair_.run(pair_.control().promote(to, Epoch{epoch}, pair_.in(10s))));
        const auto lost = pair_.run(
            pair_.control().keep_divergence(from, to, pair_.folder() + "/kept", pair_.in(10s)));
        ASSERT_TRUE(lost) << lost.error().message();
        EXPECT_EQ(lost->bytes, 0U);
        EXPECT_EQ(lost->artefact, "");
        const auto back = pair_.run(pair_.control().rebuild(from, to, Epoch{epoch}, pair_.in(20s)));
        ASSERT_TRUE(back) << back.error().message();
        EXPECT_TRUE(back->is_streaming);
        ASSERT_TRUE(client.await(50));
        std::swap(from, to);
    }
    EXPECT_FALSE(pair_.log().has("postgres.restart_failed"))
        << ::testing::PrintToString(pair_.log().lines());
    const auto& acknowledged = client.stop();
    EXPECT_GT(acknowledged.size(), 150U);
    std::string wanted;
    for (const int id : acknowledged) {
        wanted += (wanted.empty() ? "" : ",") + std::to_string(id);
    }
    EXPECT_EQ(PostgresPair::sql(from, "SELECT count(*) FROM unnest('{" + wanted +
                                          "}'::int[]) AS id WHERE id NOT IN (SELECT id FROM rows)"),
              "0");
}

}  // namespace
}  // namespace muster::adapters
