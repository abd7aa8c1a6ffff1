// What must move nothing: the wall clock is stepped, the node sleeps, a cut heals in time.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "sim/scenario.h"
#include "sim/sim_node.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

/// One node at the arbiter over a healthy pair, with clients that write.
class BadWorld : public testing::Test {
  protected:
    BadWorld() {
        trace_.keep_text();
        tasks_.spawn(node_.run(scenario_plan({})));
        tasks_.spawn(serve_clients());
    }
    ~BadWorld() override {
        TaskGroup closing(loop_.get_executor());
        closing.spawn(node_.kill());
        closing.spawn(tasks_.stop());
        while (closing.size() > 0 && clock_.step()) {
        }
    }
    Task<> serve_clients() {
        while (true) {
            CO_TRY_OK(co_await clock_.sleep_for(500ms));
            world_.write();
            world_.replicate();
        }
    }
    void live(Duration length) {
        const auto end = clock_.now() + length;
        while (clock_.now() < end && clock_.step()) {
            world_.check();
        }
    }
    [[nodiscard]] std::string condition() { return node_.agent().status().services[0].condition; }
    void expect_nothing_moved() {
        EXPECT_TRUE(node_.agent().runner().list().empty());
        EXPECT_EQ(world_.promotions, 0U);
        EXPECT_TRUE(trace_.violations().empty()) << testing::PrintToString(trace_.violations());
        EXPECT_EQ(condition(), "ok");
        EXPECT_EQ(node_.agent().status().services[0].primary, SiteId("east"));
    }

    boost::asio::io_context loop_{1};
    VirtualClock clock_{loop_};
    SeededRandom random_{7};
    Trace trace_{clock_};
    SiteWorld world_{clock_, random_, trace_};
    state::MemoryStore store_{loop_.get_executor(), clock_};
    SimNames names_;
    SimNode node_{loop_.get_executor(), world_, store_, names_,
                  SimNode::Place{SiteId("arbiter"), {SiteId("arbiter")}, false}};
    TaskGroup tasks_{loop_.get_executor()};
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
