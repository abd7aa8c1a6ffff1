#include "agent/replay.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/scenario.h"

// A day of faults is recorded and gone through again: with the same thresholds every decision comes
// again, at the same moment; with others it does not.

namespace muster::sim {
namespace {

using namespace std::chrono_literals;
using agent::Replay;
using agent::ReplayOf;

ReplayOf recorded(std::uint64_t seed, int nodes, const std::string& degrade = {}) {
    const ScenarioOptions options{
        .seed = seed, .nodes = nodes, .length = 3h, .degrade = degrade, .is_recorded = true};
    ReplayOf wanted;
    wanted.segments = simulate(options).observations;
    wanted.from = WallTime::min();
    wanted.to = WallTime::max();
    wanted.plan = [options](const std::string& digest) -> Result<plan::Plan> {
        EXPECT_EQ(digest, "0");
        return scenario_plan(options);
    };
    return wanted;
}

std::string text(const agent::Turn& turn) {
    return format_wall(turn.at) + " " + turn.outcome.kind + " " + turn.outcome.target + " | " +
           turn.outcome.stops;
}

void expect_the_same(const Replay& replay) {
    ASSERT_GT(replay.recorded.size(), 20U);
    const auto number = std::min(replay.recorded.size(), replay.replayed.size());
    for (std::size_t i = 0; i < number; ++i) {
        ASSERT_EQ(text(replay.replayed[i]), text(replay.recorded[i])) << "turn " << i;
    }
    EXPECT_EQ(replay.replayed.size(), replay.recorded.size());
    EXPECT_TRUE(replay.differences.empty());
}

std::size_t failovers(const std::vector<agent::Turn>& turns) {
    return static_cast<std::size_t>(std::ranges::count_if(
        turns, [](const auto& turn) { return turn.outcome.kind == "failover"; }));
}

TEST(Replay, UnderTheSameThresholdsGivesTheRecordedDecisionsAgain) {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
        const auto replay = agent::replay(recorded(seed, 1)).value();
        SCOPED_TRACE(seed);
        expect_the_same(replay);
        EXPECT_TRUE(replay.notes.empty());
    }
}

TEST(Replay, OfOneVantageOfThreeGivesTheRecordedDecisionsAgain) {
    expect_the_same(agent::replay(recorded(6, 3)).value());
}

TEST(Replay, OfManagedReplicationKnowsWhoWasInSync) {
    std::size_t moves = 0;
    for (const std::uint64_t seed : {1U, 2U}) {
        const auto replay = agent::replay(recorded(seed, 1, "30s")).value();
        SCOPED_TRACE(seed);
        expect_the_same(replay);
        EXPECT_TRUE(replay.notes.empty());
        moves += failovers(replay.replayed);
    }
    EXPECT_GT(moves, 0U) << "only a standby in sync is moved to";
    expect_the_same(agent::replay(recorded(6, 3, "never")).value());
}

TEST(Replay, UnderOtherThresholdsSaysWhatWouldHaveChanged) {
    auto wanted = recorded(4, 1);
    const auto before = agent::replay(wanted).value();
    ASSERT_GE(failovers(before.recorded), 2U);
    ASSERT_TRUE(wanted.thresholds.set("fall_hard=100"));
    ASSERT_TRUE(wanted.thresholds.set("fall=100"));
    const auto never = agent::replay(wanted).value();
    EXPECT_EQ(failovers(never.replayed), 0U);
    EXPECT_EQ(failovers(never.recorded), failovers(before.recorded));
    EXPECT_GE(never.differences.size(), failovers(before.recorded) / 2);

    wanted.thresholds = {};
    ASSERT_TRUE(wanted.thresholds.set("hold=40s"));
    const auto slower = agent::replay(wanted).value();
    ASSERT_FALSE(slower.differences.empty());
    for (const auto& one : slower.differences) {
        EXPECT_FALSE(one.is_later && one.shift < Duration{}) << one.text;
        EXPECT_FALSE(one.text.empty());
    }
}

TEST(Replay, CanBeginInTheMiddleOfARecord) {
    auto wanted = recorded(2, 1);
    const auto whole = agent::replay(wanted).value();
    const auto middle = whole.from + (whole.to - whole.from) / 2;
    wanted.from = middle;
    const auto half = agent::replay(wanted).value();
    EXPECT_GE(half.from, middle);
    EXPECT_LT(half.recorded.size(), whole.recorded.size());
    EXPECT_TRUE(half.differences.empty());
}

TEST(Replay, ReadsARecordWhoseEndIsTorn) {
    auto wanted = recorded(3, 1);
    const auto whole = agent::replay(wanted).value();
    auto& last = wanted.segments.back();
    for (const std::size_t cut : {1U, 7U, 4000U}) {
        if (last.size() <= cut + 100) {
            continue;
        }
        auto torn = wanted;
        torn.segments.back().resize(last.size() - cut);
        const auto rest = agent::replay(torn).value();
        EXPECT_LE(rest.recorded.size(), whole.recorded.size());
        EXPECT_TRUE(rest.differences.empty());
        ASSERT_EQ(rest.notes.size(), 1U);
        EXPECT_NE(rest.notes[0].find("no whole frame"), std::string::npos);
    }
}

TEST(Replay, ComparesNothingBeforeItHasSeenEnoughOfARecordWithoutItsBeginning) {
    auto wanted = recorded(4, 1);
    ASSERT_GE(wanted.segments.size(), 1U);
    const auto whole = agent::replay(wanted).value();
    // As if the oldest segments had gone: a later one of the same process comes first.
    for (std::size_t gone = 1; gone < wanted.segments.size(); ++gone) {
        auto rest = wanted;
        rest.segments.erase(rest.segments.begin(),
                            rest.segments.begin() + static_cast<std::ptrdiff_t>(gone));
        const auto replay = agent::replay(rest);
        if (replay) {
            EXPECT_TRUE(replay->differences.empty()) << gone << " segments are gone";
        }
    }
    EXPECT_TRUE(whole.differences.empty());
}

TEST(Replay, RefusesWhatARecordCanNotShow) {
    auto wanted = recorded(5, 1);
    ASSERT_TRUE(wanted.thresholds.set("interval=10ms"));
    EXPECT_EQ(agent::replay(wanted).error().code(), Errc::kInvalid);
    wanted.thresholds = {};
    ASSERT_TRUE(wanted.thresholds.set("timeout=1m"));
    EXPECT_EQ(agent::replay(wanted).error().code(), Errc::kInvalid);
    wanted.thresholds = {};
    wanted.segments.clear();
    EXPECT_EQ(agent::replay(wanted).error().code(), Errc::kNotFound);
}

TEST(Replay, ThinsSamplesToALongerInterval) {
    auto wanted = recorded(1, 1);
    ASSERT_TRUE(wanted.thresholds.set("interval=5s"));
    const auto replay = agent::replay(wanted).value();
    EXPECT_FALSE(replay.differences.empty()) << "everything is seen later";
}

}  // namespace
}  // namespace muster::sim
