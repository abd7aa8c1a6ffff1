// What must move nothing: the wall clock is stepped, the node sleeps, a cut heals in time.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/one_node_test.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

class BadWorld : public OneNode {
  protected:
    void expect_nothing_moved() {
        EXPECT_TRUE(node_.agent().runner().list().empty());
        EXPECT_EQ(world_.promotions, 0U);
        EXPECT_TRUE(trace_.violations().empty()) << testing::PrintToString(trace_.violations());
        EXPECT_EQ(condition(), "ok");
        EXPECT_EQ(primary(), SiteId("east"));
    }
};

TEST_F(BadWorld, AWallClockSteppedByADayMovesNothing) {
    live(2min);
    expect_nothing_moved();
    for (const auto step : {Duration(24h), Duration(-48h), Duration(24h)}) {
        clock_.shift_wall(step);
        live(10min);
        expect_nothing_moved();
    }
}

TEST_F(BadWorld, AStepOfTheWallClockChangesNoMoveEither) {
    live(2min);
    world_.server(SiteId("east")).is_running = false;
    live(100ms);
    clock_.shift_wall(24h);
    live(5min);
    EXPECT_EQ(world_.promotions, 1U);
    const auto runs = node_.agent().runner().list();
    ASSERT_FALSE(runs.empty());
    EXPECT_EQ(runs.back()->spec.cause.kind, "failover");
    EXPECT_EQ(std::ranges::count_if(
                  runs, [](const auto* run) { return run->spec.cause.kind == "failover"; }),
              1);
    EXPECT_EQ(runs.back()->status, workflow::RunStatus::kDone);
    clock_.shift_wall(-48h);
    live(10min);
    EXPECT_EQ(world_.promotions, 1U) << "the cool-down does not count in wall time";
    EXPECT_TRUE(trace_.violations().empty());
}

TEST_F(BadWorld, AfterAnHourOfSleepItLooksAgainBeforeItActs) {
    live(2min);
    auto& east = world_.server(SiteId("east"));
    // It goes to sleep upon the first bad sample, and all is well again when it wakes.
    east.is_frozen = true;
    live(1500ms);
    node_.pause(1h);
    live(30min);
    east.is_frozen = false;
    live(30min);
    live(1min);
    expect_nothing_moved();
    EXPECT_TRUE(std::ranges::any_of(trace_.text(), [](const auto& line) {
        return line.contains("node.resumed");
    })) << "it said so";
}

TEST_F(BadWorld, ACutThatHealsWhileTheFenceIsStillTriedCallsTheMoveOff) {
    live(2min);
    const SiteId east("east");
    for (const auto& other : {SiteId("arbiter"), SiteId("west")}) {
        world_.link(other, east).is_cut = true;
        world_.link(east, other).is_cut = true;
    }
    world_.management(east).is_cut = true;
    const auto& runs = node_.agent().runner();
    for (int i = 0; i < 600 && runs.list().empty(); ++i) {
        live(100ms);
    }
    ASSERT_EQ(runs.list().size(), 1U) << "it wants to move";
    EXPECT_EQ(runs.list()[0]->status, workflow::RunStatus::kRunning);
    for (const auto& other : {SiteId("arbiter"), SiteId("west")}) {
        world_.link(other, east) = {};
        world_.link(east, other) = {};
    }
    live(5s);
    world_.management(east) = {};
    live(3min);
    EXPECT_EQ(world_.promotions, 0U);
    EXPECT_EQ(runs.list().size(), 1U);
    EXPECT_EQ(runs.list()[0]->status, workflow::RunStatus::kRolledBack);
    EXPECT_TRUE(runs.list()[0]->reason.contains("the primary answers again"))
        << runs.list()[0]->reason;
    EXPECT_EQ(condition(), "ok");
    EXPECT_TRUE(world_.server(east).answers());
    EXPECT_TRUE(trace_.violations().empty()) << testing::PrintToString(trace_.violations());
}

}  // namespace
}  // namespace muster::sim
