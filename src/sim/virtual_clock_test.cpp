#include "sim/virtual_clock.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "base/task_group.h"

namespace muster::sim {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context};
    TaskGroup group{context.get_executor()};
    std::vector<std::string> seen;

    Task<> note_at(Instant when, std::string name) {
        const auto slept = co_await clock.sleep_until(when);
        seen.push_back(name + (slept ? "" : " cancelled") + " at " +
                       format_duration(clock.now().time_since_epoch()));
        co_return Result<>{};
    }
    Task<> count_down(int times) {
        for (int i = 0; i < times; ++i) {
            CO_TRY_OK(co_await clock.sleep_for(seconds(1)));
        }
        co_return Result<>{};
    }
    void run() {
        while (clock.step()) {
        }
    }
};

TEST(VirtualClock, FiresInTheOrderOfTimeAndTiesInTheOrderOfSetting) {
    Bench bench;
    bench.group.spawn(bench.note_at(Instant(seconds(2)), "late"));
    bench.group.spawn(bench.note_at(Instant(seconds(1)), "first"));
    bench.group.spawn(bench.note_at(Instant(seconds(1)), "second"));
    bench.run();
    EXPECT_EQ(bench.seen, (std::vector<std::string>{"first at 1s", "second at 1s", "late at 2s"}));
}

TEST(VirtualClock, LeavesTimeExactlyWhereItWasToldTo) {
    Bench bench;
    bench.group.spawn(bench.note_at(Instant(seconds(5)), "timer"));
    bench.clock.advance(seconds(3));
    EXPECT_EQ(bench.clock.now(), Instant(seconds(3)));
    EXPECT_TRUE(bench.seen.empty());
    EXPECT_EQ(bench.clock.pending(), 1U);
    bench.clock.advance(seconds(3));
    EXPECT_EQ(bench.seen, (std::vector<std::string>{"timer at 5s"}));
    EXPECT_EQ(bench.clock.now(), Instant(seconds(6)));
}

TEST(VirtualClock, WakesACancelledSleeperWithoutMovingTime) {
    Bench bench;
    bench.group.spawn(bench.note_at(Instant(hours(9)), "sleeper"));
    bench.clock.advance(seconds(1));
    TaskGroup stopper(bench.context.get_executor());
    stopper.spawn(bench.group.stop());
    bench.run();
    EXPECT_EQ(bench.seen, (std::vector<std::string>{"sleeper cancelled at 1s"}));
    EXPECT_EQ(bench.group.size(), 0U);
    EXPECT_EQ(bench.clock.pending(), 0U);
}

TEST(VirtualClock, ReturnsAtOnceForAPastInstant) {
    Bench bench;
    bench.clock.advance(seconds(7));
    bench.group.spawn(bench.note_at(Instant(seconds(1)), "past"));
    bench.run();
    EXPECT_EQ(bench.seen, (std::vector<std::string>{"past at 7s"}));
}

TEST(VirtualClock, MovesTheWallClockAlone) {
    Bench bench;
    bench.clock.shift_wall(hours(-1));
    EXPECT_EQ(format_wall(bench.clock.wall()), "2025-12-31T23:00:00.000Z");
    EXPECT_EQ(bench.clock.now(), Instant{});
}

TEST(VirtualClock, CarriesManyTimers) {
    Bench bench;
    for (int i = 0; i < 100; ++i) {
        bench.group.spawn(bench.count_down(1000));
    }
    bench.run();
    EXPECT_EQ(bench.clock.now(), Instant(seconds(1000)));
    EXPECT_EQ(bench.group.size(), 0U);
}

TEST(VirtualClock, DestroysWhatStillSleeps) {
    Bench bench;
    bench.group.spawn(bench.note_at(Instant(hours(1)), "never"));
    bench.clock.advance(seconds(1));
    EXPECT_EQ(bench.clock.pending(), 1U);
}

}  // namespace
}  // namespace muster::sim
