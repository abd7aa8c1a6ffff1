#include <gtest/gtest.h>

#include <algorithm>

#include "component/fakes_test.h"
#include "component/kinds/postgres_server.h"

namespace muster::component {
namespace {

using postgres::Process;
using postgres::Role;
using State = workflow::Observation::State;

plan::Node server(const std::string& site) {
    return to_node(servers_at(orders(), SiteId(site)).front());
}

struct PostgresActions : testing::Test {
    Bench bench;
    FakeControl& control = bench.control;

    void SetUp() override {
        auto& east = control.states["east"];
        east.process = Process::kStopped;
        east.position = {0x3000148};
        auto& west = control.states["west"];
        west.process = Process::kRunning;
        west.role = Role::kStandby;
        west.is_streaming = true;
        west.timeline = 1;
        west.position = {0x3000100};
        west.received = {0x3000100};
        west.system_identifier = "7";
        east.system_identifier = "7";
    }
    static plan::Node fence() {
        return std::move(
                   Parameters().node("server", server("east")).node("candidate", server("west")))
            .build();
    }
    static plan::Node promote(const std::string& proof) {
        return std::move(Parameters()
                             .node("server", server("west"))
                             .text("proof", proof)
                             .text("old_position", "0/3000148"))
            .build();
    }
    static plan::Node keep(bool tolerates) {
        return std::move(Parameters()
                             .node("old", server("east"))
                             .node("new", server("west"))
                             .text("keep", "/srv/keep")
                             .flag("tolerate_unreachable", tolerates))
            .build();
    }
    static plan::Node rebuild(const std::string& kept) {
        return std::move(Parameters()
                             .node("server", server("east"))
                             .node("primary", server("west"))
                             .text("kept", kept)
                             .text("keep", "/srv/keep")
                             .text("counted_transactions", "2"))
            .build();
    }
    static plan::Node ready() {
        return std::move(
                   Parameters().node("standby", server("west")).node("primary", server("east")))
            .build();
    }
    [[nodiscard]] bool called(const std::string& call) const {
        return std::ranges::find(control.calls, call) != control.calls.end();
    }
};

TEST_F(PostgresActions, FenceGivesProofAndPosition) {
    const auto outputs = bench.apply("postgres.fence", fence());
    ASSERT_TRUE(outputs);
    EXPECT_EQ(outputs->at("proof"),
              "host of the server at east (/srv/east) confirms that no postmaster runs, epoch 7");
    EXPECT_EQ(outputs->at("position_lsn"), "0/3000148");
}

TEST_F(PostgresActions, FenceIsNotDoneWhileThePostmasterLives) {
    for (const auto process : {Process::kRunning, Process::kFrozen, Process::kUnknown}) {
        control.states["east"].process = process;
        const auto outputs = bench.apply("postgres.fence", fence());
        ASSERT_FALSE(outputs);
        EXPECT_EQ(outputs.error().code(), Errc::kOutcomeUnknown);
        EXPECT_FALSE(outputs.error().hint().empty());
    }
}

TEST_F(PostgresActions, OwnFenceCommandIsProofWhenTheHostIsGone) {
    control.states["east"].process = Process::kUnknown;
    auto old = servers_at(orders(), SiteId("east")).front();
    old.fence_command = {"power-off", "east"};
    const auto with = std::move(Parameters().node("server", to_node(old))).build();
    EXPECT_TRUE(bench.apply("postgres.fence", with));
    control.states["east"].accepts_connections = true;
    EXPECT_FALSE(bench.apply("postgres.fence", with));
}

TEST_F(PostgresActions, FenceHandsErrorsOnWithTheirCode) {
    for (const auto code : {Errc::kUnavailable, Errc::kConflict, Errc::kTimedOut, Errc::kDenied,
                            Errc::kOutcomeUnknown}) {
        control.errors.insert_or_assign("fence east", Error(code, "no"));
        const auto outputs = bench.apply("postgres.fence", fence());
        ASSERT_FALSE(outputs);
        EXPECT_EQ(outputs.error().code(), code);
        EXPECT_NE(outputs.error().message().find("while fencing"), std::string::npos);
    }
}

TEST_F(PostgresActions, AStoppedServerStillNeedsItsFence) {
    EXPECT_EQ(bench.observe("postgres.fence", fence())->state, State::kUnknown);
    EXPECT_TRUE(bench.actions.find("postgres.fence")->traits().is_idempotent);
}

TEST_F(PostgresActions, UndoOfAFenceStartsTheOldPrimaryAgain) {
    ASSERT_TRUE(bench.undo("postgres.fence", fence()));
    EXPECT_EQ(control.calls,
              (std::vector<std::string>{"inspect west", "start east", "promote east"}));
}

TEST_F(PostgresActions, UndoOfAFenceIsRefusedWhenTheOtherSideMayBePrimary) {
    control.states["west"].role = Role::kPrimary;
    control.states["west"].is_writable = true;
    EXPECT_EQ(bench.undo("postgres.fence", fence()).error().code(), Errc::kDenied);
    control.states["west"].role = Role::kUnknown;
    control.states["west"].is_writable = false;
    EXPECT_EQ(bench.undo("postgres.fence", fence()).error().code(), Errc::kDenied);
    control.errors.insert_or_assign("inspect west", Error(Errc::kUnavailable, "gone"));
    EXPECT_EQ(bench.undo("postgres.fence", fence()).error().code(), Errc::kUnavailable);
    const auto alone = std::move(Parameters().node("server", server("east"))).build();
    EXPECT_EQ(bench.undo("postgres.fence", alone).error().code(), Errc::kDenied);
    EXPECT_FALSE(called("start east"));
}

TEST_F(PostgresActions, PromotionWithoutProofIsRefused) {
    for (const std::string proof : {"", "${steps.orders.fence.proof}"}) {
        const auto outputs = bench.apply("postgres.promote", promote(proof));
        ASSERT_FALSE(outputs);
        EXPECT_EQ(outputs.error().code(), Errc::kDenied);
    }
    EXPECT_FALSE(called("promote west"));
}

plan::Node promotion_within(const std::string& limit_ms, const std::string& decided) {
    return std::move(Parameters()
                         .node("server", server("west"))
                         .node("old", server("east"))
                         .text("proof", "stopped")
                         .text("loss_limit_ms", limit_ms)
                         .text("loss_bound_ms", "500")
                         .text("decided", decided))
        .build();
}

TEST_F(PostgresActions, PromotionThatComesLateGivesUpNoMoreThanItsLimit) {
    control.commits = {1580, std::chrono::seconds(8)};
    const auto long_ago = format_wall(bench.clock.wall() - std::chrono::seconds(12));
    const auto refused = bench.apply("postgres.promote", promotion_within("5000", long_ago));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kDenied);
    EXPECT_NE(refused.error().message().find("1580 commits over 8.00 s"), std::string::npos)
        << refused.error().message();
    EXPECT_FALSE(called("promote west"));
    EXPECT_TRUE(bench.apply("postgres.promote", promotion_within("9000", long_ago)));
}

TEST_F(PostgresActions, PromotionAsksTheOldHostOnlyWhenItIsLate) {
    control.commits = {1580, std::chrono::seconds(8)};
    const auto now = format_wall(bench.clock.wall());
    EXPECT_TRUE(bench.apply("postgres.promote", promotion_within("5000", now)));
    EXPECT_TRUE(bench.apply("postgres.promote", promotion_within("", now)));
    EXPECT_FALSE(called("commits east"));
    const auto later = format_wall(bench.clock.wall() + std::chrono::hours(24));
    EXPECT_FALSE(bench.apply("postgres.promote", promotion_within("5000", later)));
}

TEST_F(PostgresActions, PromotionGoesOnWhenTheOldHostCannotTell) {
    control.errors.insert_or_assign("commits east", Error(Errc::kUnavailable, "no route"));
    const auto long_ago = format_wall(bench.clock.wall() - std::chrono::seconds(12));
    EXPECT_TRUE(bench.apply("postgres.promote", promotion_within("5000", long_ago)));
    EXPECT_TRUE(called("commits east"));
}

TEST_F(PostgresActions, PromotionTellsWhatItLacks) {
    const auto outputs = bench.apply("postgres.promote", promote("stopped"));
    ASSERT_TRUE(outputs);
    EXPECT_EQ(outputs->at("divergence_bytes"), "72");
    EXPECT_EQ(outputs->at("timeline"), "1");
    EXPECT_EQ(outputs->at("lsn"), "0/3000100");
}

TEST_F(PostgresActions, PromotionIsNotDoneBeforeWritesAreAccepted) {
    control.is_promotion_stuck = true;
    EXPECT_EQ(bench.apply("postgres.promote", promote("stopped")).error().code(),
              Errc::kOutcomeUnknown);
}

TEST_F(PostgresActions, PromotionIsObservedByItsWrites) {
    EXPECT_EQ(bench.observe("postgres.promote", promote("x"))->state, State::kNotDone);
    control.states["west"].role = Role::kPrimary;
    EXPECT_EQ(bench.observe("postgres.promote", promote("x"))->state, State::kUnknown);
    control.states["west"].is_writable = true;
    EXPECT_EQ(bench.observe("postgres.promote", promote("x"))->state, State::kDone);
    control.errors.insert_or_assign("inspect west", Error(Errc::kUnavailable, "gone"));
    EXPECT_EQ(bench.observe("postgres.promote", promote("x")).error().code(), Errc::kUnavailable);
}

TEST_F(PostgresActions, PromotionHasNoWayBack) {
    EXPECT_TRUE(bench.actions.find("postgres.promote")->traits().is_point_of_no_return);
    EXPECT_EQ(bench.undo("postgres.promote", promote("x")).error().code(), Errc::kInvalid);
}

TEST_F(PostgresActions, DemotionNeedsTheLastPosition) {
    EXPECT_EQ(bench.apply("postgres.demote", fence())->at("position_lsn"), "0/3000148");
    control.states["east"].position = {};
    EXPECT_EQ(bench.apply("postgres.demote", fence()).error().code(), Errc::kOutcomeUnknown);
    control.errors.insert_or_assign("demote east", Error(Errc::kConflict, "newer epoch"));
    EXPECT_EQ(bench.apply("postgres.demote", fence()).error().code(), Errc::kConflict);
}

TEST_F(PostgresActions, AwaitReadsItsPosition) {
    const auto with = [](const std::string& position) {
        return std::move(Parameters().node("standby", server("west")).text("position", position))
            .build();
    };
    EXPECT_EQ(bench.apply("postgres.await", with("0/3000148"))->at("reached_lsn"), "0/3000148");
    EXPECT_EQ(bench.apply("postgres.await", with("soon")).error().code(), Errc::kInvalid);
    control.errors.insert_or_assign("await west", Error(Errc::kTimedOut, "behind"));
    EXPECT_EQ(bench.apply("postgres.await", with("0/3000148")).error().code(), Errc::kTimedOut);
}

TEST_F(PostgresActions, DivergenceIsCountedAndKeptByRun) {
    control.divergence = {
        {0x3000100}, {0x3000148},     72,
        2,           "/srv/keep/r-1", {{"public.orders", 3}, {"public.items", 1}}};
    const auto outputs = bench.apply("postgres.keep_divergence", keep(true));
    ASSERT_TRUE(outputs);
    EXPECT_EQ(control.kept_in, "/srv/keep/r-1");
    EXPECT_EQ(outputs->at("lost_transactions"), "2");
    EXPECT_EQ(outputs->at("tables"), "public.orders (3 changes); public.items (1 change)");
    EXPECT_EQ(outputs->at("lost_bytes"), "72");
    EXPECT_EQ(outputs->at("artefact"), "/srv/keep/r-1");
    EXPECT_FALSE(outputs->contains("loss_ms"));
}

TEST_F(PostgresActions, NothingLostIsMeasuredAsZero) {
    const auto outputs = bench.apply("postgres.keep_divergence", keep(true));
    EXPECT_EQ(outputs->at("loss_ms"), "0");
    EXPECT_EQ(outputs->at("kept"), "nothing to keep");
}

TEST_F(PostgresActions, AnAbsentHostLeavesTheLossUnknown) {
    control.errors.insert_or_assign("keep east", Error(Errc::kUnavailable, "no route"));
    EXPECT_EQ(bench.apply("postgres.keep_divergence", keep(false)).error().code(),
              Errc::kUnavailable);
    const auto outputs = bench.apply("postgres.keep_divergence", keep(true));
    ASSERT_TRUE(outputs);
    EXPECT_EQ(outputs->at("reached"), "false");
    EXPECT_FALSE(outputs->contains("lost_transactions"));
    EXPECT_FALSE(outputs->contains("kept"));
}

TEST_F(PostgresActions, CorruptWalIsNeverTolerated) {
    control.errors.insert_or_assign("keep east", Error(Errc::kCorrupt, "bad record"));
    EXPECT_EQ(bench.apply("postgres.keep_divergence", keep(true)).error().code(), Errc::kCorrupt);
}

TEST_F(PostgresActions, RebuildIsRefusedBeforeTheOldDataIsKept) {
    EXPECT_EQ(bench.apply("postgres.rebuild", rebuild("")).error().code(), Errc::kDenied);
    EXPECT_FALSE(called("rebuild east"));
}

TEST_F(PostgresActions, RebuildKeepsWhatAServerTookThatCameBackSince) {
    control.states["west"].is_writable = true;
    control.errors.insert_or_assign("rebuild east", Error(Errc::kDenied, "not kept"));
    EXPECT_EQ(bench.apply("postgres.rebuild", rebuild("kept")).error().code(), Errc::kDenied);
    control.divergence.transactions = 5;
    control.divergence.artefact = "/srv/keep/r-1";
    control.refused_until_kept = "rebuild east";
    const auto outputs = bench.apply("postgres.rebuild", rebuild("kept"));
    ASSERT_TRUE(outputs);
    EXPECT_EQ(outputs->at("lost_transactions"), "3");
    EXPECT_EQ(outputs->at("artefact"), "/srv/keep/r-1");
    EXPECT_EQ(outputs->at("streaming"), "false");
}

TEST_F(PostgresActions, RebuildNeedsAWritablePrimary) {
    EXPECT_EQ(bench.apply("postgres.rebuild", rebuild("kept")).error().code(), Errc::kUnavailable);
    EXPECT_FALSE(called("rebuild east"));
    control.states["west"].is_writable = true;
    EXPECT_TRUE(bench.apply("postgres.rebuild", rebuild("kept")));
    EXPECT_TRUE(called("rebuild east"));
}

TEST_F(PostgresActions, RebuildIsDoneWhenItStreamsOnThePrimarysTimeline) {
    auto& east = control.states["east"];
    east.role = Role::kStandby;
    east.is_streaming = true;
    east.timeline = 1;
    EXPECT_EQ(bench.observe("postgres.rebuild", rebuild("kept"))->state, State::kDone);
    control.states["west"].timeline = 2;
    EXPECT_EQ(bench.observe("postgres.rebuild", rebuild("kept"))->state, State::kNotDone);
    east.is_streaming = false;
    control.errors.insert_or_assign("inspect west", Error(Errc::kUnavailable, "no route"));
    EXPECT_EQ(bench.observe("postgres.rebuild", rebuild("kept"))->state, State::kNotDone)
        << "whatever became of its primary";
}

TEST_F(PostgresActions, ReadinessNeedsAStreamingStandbyOfTheSameCluster) {
    auto& east = control.states["east"];
    EXPECT_EQ(bench.apply("postgres.check_ready", ready()).error().code(), Errc::kUnavailable);
    east.is_writable = true;
    EXPECT_EQ(bench.apply("postgres.check_ready", ready())->at("lag_bytes"), "72");
    east.position = {0x30000000};
    EXPECT_EQ(bench.apply("postgres.check_ready", ready()).error().code(), Errc::kUnavailable);
    control.states["west"].is_streaming = false;
    EXPECT_EQ(bench.apply("postgres.check_ready", ready()).error().code(), Errc::kUnavailable);
    control.states["west"].system_identifier = "8";
    EXPECT_EQ(bench.apply("postgres.check_ready", ready()).error().code(), Errc::kDenied);
}

TEST_F(PostgresActions, VerifyWritesThroughTheNewPrimary) {
    const auto with = std::move(Parameters().node("server", server("west"))).build();
    EXPECT_TRUE(bench.apply("postgres.verify", with));
    control.errors.insert_or_assign("canary west", Error(Errc::kUnavailable, "read-only"));
    EXPECT_EQ(bench.apply("postgres.verify", with).error().code(), Errc::kUnavailable);
}

}  // namespace
}  // namespace muster::component
