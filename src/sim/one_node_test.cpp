#include "sim/one_node_test.h"

#include <algorithm>

// What a node does with one healthy pair and a person or a store that is not.

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

class Node : public OneNode {
  protected:
    Task<> reload(plan::Plan plan) { return node_.agent().reload(std::move(plan)); }
    void reload_with(Duration rto) {
        auto plan = scenario_plan({});
        plan.services[0].objectives.rto = rto;
        tasks_.spawn(reload(std::move(plan)));
        live(10s);
    }
    [[nodiscard]] long said(const std::string& event) {
        return std::ranges::count_if(
            trace_.text(), [&event](const auto& line) { return line.contains(" " + event + " "); });
    }
};

TEST_F(Node, SaysAgainThatAForecastExceedsTheRtoOnceItFitted) {
    live(2min);
    world_.server(SiteId("east")).is_running = false;
    live(5min);
    ASSERT_EQ(world_.promotions, 1U) << "what a move takes is known now";
    EXPECT_EQ(said("forecast.exceeds_rto"), 0);
    for (int i = 1; i <= 2; ++i) {
        reload_with(1ms);
        reload_with(2ms);
        EXPECT_EQ(said("forecast.exceeds_rto"), i);
        EXPECT_EQ(said("forecast.fits_rto"), i - 1);
        reload_with(2min);
        reload_with(3min);
        EXPECT_EQ(said("forecast.fits_rto"), i);
    }
}

}  // namespace
}  // namespace muster::sim
