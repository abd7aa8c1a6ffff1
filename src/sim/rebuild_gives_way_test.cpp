// A rebuild under way when the primary dies: with a third site the service moves at once, and the
// rebuild is begun again afterwards.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/one_node_test.h"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;

plan::Plan plan_of_three() {
    auto plan = scenario_plan({});
    auto& shop = plan.services[0];
    shop.components.resize(1);
    shop.failover.cooldown = 1s;
    auto at = shop.components[0].sites.back();
    at.site = SiteId("north");
    std::ranges::find(at.settings.entries, "conninfo", &plan::Node::Entry::key)->value.scalar =
        "host=north";
    shop.components[0].sites.push_back(at);
    shop.standby.emplace_back("north");
    auto site = plan.sites[1];
    site.id = SiteId("north");
    plan.sites.push_back(site);
    return plan;
}

plan::Plan asking(plan::Plan plan) {
    plan.services[0].failover.mode = plan::Mode::kApprove;
    return plan;
}

class GivesWay : public OneNode {
  protected:
    explicit GivesWay(plan::Plan plan = plan_of_three()) : OneNode(std::move(plan)) {
        world_.add_standby(north_);
        world_.rebuild_takes = 2h;
    }

    // East is lost, west serves, and east is being rebuilt for hours.
    void rebuild_east() {
        live(2min);
        world_.server(east_).is_running = false;
        await([this] { return rebuild() != nullptr; });
        ASSERT_EQ(primary(), west_);
        live(10min);
        ASSERT_EQ(rebuild()->status, workflow::RunStatus::kRunning);
        keep_this_one();
    }
    // Those after it take no longer than usual.
    void keep_this_one() {
        id_ = rebuild()->spec.id;
        world_.rebuild_takes = 20s;
        world_.is_rebuild_stubborn = false;
    }
    void await(const std::function<bool()>& holds) {
        for (int i = 0; i < 600 && !holds(); ++i) {
            live(1s);
        }
        ASSERT_TRUE(holds());
    }
    [[nodiscard]] const workflow::Run* rebuild() {
        const auto* run = node_.agent().runner().active_on(ServiceId("shop"));
        return run != nullptr && run->spec.cause.kind == "rebuild" ? run : nullptr;
    }
    [[nodiscard]] const workflow::Run& first() { return *node_.agent().runner().find(id_); }
    Result<RunId> fail_over(const SiteId& to) {
        agent::MoveRequest request;
        request.service = ServiceId("shop");
        request.kind = component::Move::Kind::kFailover;
        request.to = to;
        request.by = "ann";
        Result<RunId> outcome = Error{Errc::kNotFound, "it never ended"};
        tasks_.spawn(ask(request, &outcome));
        live(30s);
        return outcome;
    }
    Task<> ask(agent::MoveRequest request, Result<RunId>* outcome) {
        *outcome = co_await node_.agent().move(std::move(request));
        co_return Result<>{};
    }
    void expect_set_aside() {
        EXPECT_EQ(first().status, workflow::RunStatus::kAborted);
        EXPECT_EQ(first().reason, "aborted by muster: set aside, a failover goes first");
        EXPECT_EQ(said("rebuild.set_aside"), 1);
        EXPECT_EQ(said("reprotect.failed"), 0);
        EXPECT_EQ(said("rebuild.holds_failover"), 0);
    }
    // Both that were left follow the new primary, and nothing unsafe was seen.
    void expect_all_follow_north() {
        live(30min);
        for (const auto& site : {east_, west_}) {
            EXPECT_EQ(world_.server(site).role, postgres::Role::kStandby) << site.str();
            EXPECT_EQ(world_.server(site).timeline, world_.server(north_).timeline) << site.str();
        }
        EXPECT_EQ(condition(), "ok");
        EXPECT_TRUE(trace_.violations().empty()) << testing::PrintToString(trace_.violations());
    }

    const SiteId east_{"east"};
    const SiteId west_{"west"};
    const SiteId north_{"north"};
    RunId id_;
};

TEST_F(GivesWay, ToAnAutomaticFailoverElsewhere) {
    rebuild_east();
    const auto lost = clock_.now();
    world_.server(west_).is_running = false;
    await([this] { return primary() == north_; });
    EXPECT_LT(clock_.now() - lost, 20s);
    expect_set_aside();
    expect_all_follow_north();
    EXPECT_EQ(world_.promotions, 2U);
}

TEST_F(GivesWay, ToAFailoverThatAPersonAsksFor) {
    rebuild_east();
    const auto itself = fail_over(east_);
    ASSERT_FALSE(itself);
    EXPECT_EQ(itself.error().code(), Errc::kConflict);
    EXPECT_TRUE(itself.error().message().contains("rebuilds east")) << itself.error().message();
    EXPECT_FALSE(workflow::is_final(first().status));
    const auto moved = fail_over(SiteId());
    ASSERT_TRUE(moved) << moved.error().message();
    EXPECT_EQ(primary(), north_);
    expect_set_aside();
    expect_all_follow_north();
}

TEST_F(GivesWay, NotBeforeItsStepHasEndedAndSaysSo) {
    world_.is_rebuild_stubborn = true;
    rebuild_east();
    world_.server(west_).is_running = false;
    live(5min);
    EXPECT_EQ(primary(), west_);
    EXPECT_EQ(said("rebuild.set_aside"), 1);
    EXPECT_EQ(said("rebuild.holds_failover"), 1);
    const auto status = node_.agent().status().services[0];
    EXPECT_EQ(status.condition, "down");
    EXPECT_TRUE(status.detail.contains("rebuilds east")) << status.detail;
    ASSERT_EQ(status.notices.size(), 1U) << testing::PrintToString(status.notices);
    EXPECT_TRUE(status.notices[0].contains("waits for the end of run " + id_.str() +
                                           ", which rebuilds east: step orders.rebuild"))
        << status.notices[0];
    const auto asked = fail_over(north_);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code(), Errc::kConflict) << asked.error().message();
    live(2h);
    EXPECT_EQ(primary(), north_) << "the step has ended by itself";
    expect_all_follow_north();
    EXPECT_TRUE(node_.agent().status().services[0].notices.empty());
}

TEST_F(GivesWay, NotWhenThePrimaryIsBackBeforeItHasEnded) {
    world_.is_rebuild_stubborn = true;
    rebuild_east();
    world_.server(west_).is_running = false;
    await([this] { return said("rebuild.set_aside") == 1; });
    world_.server(west_).is_running = true;
    live(3h);
    EXPECT_EQ(primary(), west_);
    EXPECT_EQ(world_.promotions, 1U);
    EXPECT_EQ(condition(), "ok") << "east was rebuilt all the same";
    EXPECT_TRUE(trace_.violations().empty()) << testing::PrintToString(trace_.violations());
}

class Asks : public GivesWay {
  protected:
    Asks() : GivesWay(asking(plan_of_three())) {}
};

TEST_F(Asks, APersonWhileARebuildIsUnderWay) {
    live(2min);
    world_.server(east_).is_running = false;
    live(1min);
    ASSERT_TRUE(fail_over(west_));
    await([this] { return rebuild() != nullptr; });
    live(1min);
    keep_this_one();
    const auto before = said("approval.needed");
    world_.server(west_).is_running = false;
    live(2min);
    EXPECT_EQ(said("approval.needed"), before + 1);
    EXPECT_EQ(first().status, workflow::RunStatus::kRunning) << "nobody has decided yet";
    ASSERT_TRUE(fail_over(north_));
    EXPECT_EQ(primary(), north_);
    expect_set_aside();
    expect_all_follow_north();
}

plan::Plan plan_of_two() {
    auto plan = scenario_plan({});
    plan.services[0].failover.cooldown = 1s;
    return plan;
}

class OnlyTwo : public OneNode {
  protected:
    OnlyTwo() : OneNode(plan_of_two()) {}
};

TEST_F(OnlyTwo, HaveNowhereToGoWhileOneIsRebuilt) {
    world_.rebuild_takes = 2h;
    live(2min);
    world_.server(SiteId("east")).is_running = false;
    live(5min);
    ASSERT_EQ(primary(), SiteId("west"));
    world_.server(SiteId("west")).is_running = false;
    live(5min);
    EXPECT_EQ(said("rebuild.set_aside"), 0);
    EXPECT_EQ(condition(), "down");
    const auto decision = node_.agent().why(ServiceId("shop"));
    ASSERT_TRUE(decision);
    EXPECT_TRUE(decision->summary.contains("rebuilds east, its only standby")) << decision->summary;
}

}  // namespace
}  // namespace muster::sim
