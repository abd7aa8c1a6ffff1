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

bool touches(const state::Transaction& change, std::string_view key) {
    return std::ranges::any_of(change.ops, [key](const auto& op) { return op.key == key; });
}

TEST_F(Node, MovesOnceTheStoreTakesTheRunThatItRefusedAtFirst) {
    live(2min);
    int refused = 0;
    store_.is_refused = [&refused](const state::Transaction& change) {
        const bool is_run = touches(change, "locks/run/shop");
        refused += is_run ? 1 : 0;
        return is_run;
    };
    world_.server(SiteId("east")).is_running = false;
    live(1min);
    EXPECT_GT(refused, 1) << "it tries again";
    EXPECT_LT(refused, 70) << "and not without a pause";
    EXPECT_EQ(world_.promotions, 0U);
    store_.is_refused = {};
    live(2min);
    EXPECT_EQ(world_.promotions, 1U);
    EXPECT_EQ(primary(), SiteId("west"));
    EXPECT_TRUE(trace_.violations().empty()) << testing::PrintToString(trace_.violations());
}

TEST_F(Node, SettlesAMoveThatEndedWhileTheStoreDidNotTakeIt) {
    live(2min);
    store_.is_refused = [this](const state::Transaction& change) {
        return world_.promotions > 0 && touches(change, "services/shop/primacy");
    };
    world_.server(SiteId("east")).is_running = false;
    live(5min);
    ASSERT_EQ(world_.promotions, 1U);
    ASSERT_TRUE(workflow::is_final(node_.agent().runner().list().at(0)->status));
    EXPECT_EQ(primary(), SiteId("east")) << "nobody was told";
    store_.is_refused = {};
    live(1min);
    EXPECT_EQ(primary(), SiteId("west"));
    EXPECT_FALSE(node_.agent().status().services[0].active_run) << "it may move again";
}

}  // namespace
}  // namespace muster::sim
