#include <gtest/gtest.h>

#include "component/fakes_test.h"

namespace muster::component {
namespace {

using State = workflow::Observation::State;

std::unique_ptr<Component> made(const plan::Component& component = queue()) {
    return *make_component(shop({component}), component);
}

plan::Component with_hooks(std::map<std::string, std::vector<std::string>> hooks) {
    auto component = queue();
    Parameters settings;
    for (const auto& [hook, command] : hooks) {
        settings.texts(hook, command);
    }
    component.settings = std::move(settings).build();
    return component;
}

TEST(CustomMake, NeedsAProbeAndAFenceBesideAPromotion) {
    auto component = queue();
    component.probe.reset();
    EXPECT_EQ(make_component(shop({component}), component).error().code(), Errc::kInvalid);
    component = with_hooks({{"promote", {"go"}}});
    EXPECT_EQ(make_component(shop({component}), component).error().code(), Errc::kInvalid);
}

TEST(CustomFenceClass, IsAdvisoryUnlessThePlanSaysMore) {
    EXPECT_EQ(made()->fence_class(), plan::FenceClass::kAdvisory);
    auto component = queue();
    component.settings.entries.push_back({"fence_class", {}, text_node("enforced")});
    EXPECT_EQ(made(component)->fence_class(), plan::FenceClass::kEnforced);
    const auto stateless = made(with_hooks({{"steer", {"go"}}}));
    EXPECT_FALSE(stateless->fence_class());
    EXPECT_FALSE(stateless->is_stateful());
}

TEST(CustomSteps, APlannedMovePrefersItsOwnDemotion) {
    const auto component =
        with_hooks({{"fence", {"fence"}}, {"demote", {"demote"}}, {"promote", {"promote"}}});
    const auto steps = made(component)->steps(move_of(Move::Kind::kSwitchover));
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].step.id.str(), "demote");
    EXPECT_EQ(steps[1].step.with.text("proof"), "${steps.queue.demote.proof}");
}

TEST(CustomProbes, HandTheSiteSettingsOver) {
    const auto probes = made()->probes(SiteId("west"));
    ASSERT_EQ(probes.size(), 2U);
    EXPECT_EQ(probes[0].variables.at("address"), "east.queue:5672");
    EXPECT_EQ(probes[1].variables.at("expect_role"), "primary");
}

TEST(CustomAssess, TakesTheProbesWordForRoleAndWrites) {
    probe::Verdict verdict;
    verdict.health = probe::Health::kUp;
    verdict.facts = {{"role", "primary"}, {"writable", "true"}};
    const auto report = made()->assess(SiteId("east"), SiteId("east"),
                                       {{target_of("queue", "east"), verdict}}, Instant());
    EXPECT_EQ(report.role, "primary");
    EXPECT_TRUE(report.is_writable);
    EXPECT_EQ(made()->assess(SiteId("west"), SiteId("east"), {}, Instant()).health,
              probe::Health::kUnknown);
}

struct CustomRun : testing::Test {
    Bench bench;
    static plan::Node step(std::size_t index) {
        return made()->steps(move_of(Move::Kind::kFailover)).at(index).step.with;
    }
};

TEST_F(CustomRun, RunsTheHookAtItsSiteAndTellsWhatItIsFor) {
    bench.commands.results["queue-fence east.queue:5672"].output = "position_lsn=12\nnoise\n";
    const auto outputs = bench.apply("custom.run", step(0));
    ASSERT_TRUE(outputs) << outputs.error().message();
    EXPECT_EQ(outputs->at("position_lsn"), "12");
    EXPECT_EQ(outputs->at("proof"), "queue.fence succeeded, epoch 7");
    const auto& environment = bench.commands.ran.at(0).environment;
    EXPECT_EQ(environment.at("MUSTER_EPOCH"), "7");
    EXPECT_EQ(environment.at("MUSTER_HOOK"), "fence");
    EXPECT_EQ(environment.at("MUSTER_FROM"), "east");
}

TEST_F(CustomRun, PromotionWithoutProofIsRefused) {
    const auto outputs = bench.apply("custom.run", step(1));  // Its `${…}` is not filled in.
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code(), Errc::kDenied);
    EXPECT_TRUE(bench.commands.ran.empty());
}

TEST_F(CustomRun, AFailedHookMayHaveDoneSomething) {
    bench.commands.results["queue-fence east.queue:5672"].exit_code = 3;
    EXPECT_EQ(bench.apply("custom.run", step(0)).error().code(), Errc::kOutcomeUnknown);
    bench.commands.errors.insert_or_assign("queue-fence east.queue:5672",
                                           Error(Errc::kNotFound, "no such program"));
    EXPECT_EQ(bench.apply("custom.run", step(0)).error().code(), Errc::kNotFound);
}

TEST_F(CustomRun, CheckTellsWhetherItIsDone) {
    EXPECT_EQ(bench.observe("custom.run", step(0))->state, State::kUnknown);
    auto with = step(0);
    with.entries.push_back({"check", {}, {}});
    with.entries.back().value.kind = plan::Node::Kind::kList;
    with.entries.back().value.items = {text_node("is-it-so")};
    EXPECT_EQ(bench.observe("custom.run", with)->state, State::kDone);
    bench.commands.results["is-it-so"].exit_code = 1;
    EXPECT_EQ(bench.observe("custom.run", with)->state, State::kNotDone);
}

TEST_F(CustomRun, AFenceIsTakenBackByItsOwnCommandOnly) {
    EXPECT_EQ(bench.undo("custom.run", step(0)).error().code(), Errc::kInvalid);
    auto component = queue();
    component.settings.entries.push_back({"unfence", {}, {}});
    component.settings.entries.back().value.kind = plan::Node::Kind::kList;
    component.settings.entries.back().value.items = {text_node("queue-back")};
    const auto with = made(component)->steps(move_of(Move::Kind::kFailover)).front().step.with;
    EXPECT_TRUE(bench.undo("custom.run", with));
    EXPECT_EQ(bench.commands.ran.at(0).argv, std::vector<std::string>{"queue-back"});
}

}  // namespace
}  // namespace muster::component
