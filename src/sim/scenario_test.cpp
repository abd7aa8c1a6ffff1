#include <gtest/gtest.h>

#include "sim/scenario.h"

namespace muster::sim {
namespace {

TEST(Scenario, TheSameSeedGivesTheSameTraceTwice) {
    const ScenarioOptions options{.seed = 5, .nodes = 3, .length = std::chrono::hours(1)};
    EXPECT_EQ(simulate(options).trace_hash, simulate(options).trace_hash);
}

TEST(Scenario, DifferentSeedsGiveDifferentLives) {
    EXPECT_NE(simulate({.seed = 5, .length = std::chrono::hours(1)}).trace_hash,
              simulate({.seed = 6, .length = std::chrono::hours(1)}).trace_hash);
}

}  // namespace
}  // namespace muster::sim
