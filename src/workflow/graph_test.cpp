#include "workflow/graph.h"

#include <gtest/gtest.h>

#include "workflow/testing/run_bench.h"

namespace muster::workflow {
namespace {

using testing::RunBench;
using testing::step;

std::string refusal(std::vector<plan::Step> steps) {
    const auto checked = check_graph(RunBench::spec(std::move(steps)));
    EXPECT_FALSE(checked.has_value());
    EXPECT_TRUE(checked || checked.error().code() == Errc::kInvalid);
    return checked ? "" : checked.error().message();
}
plan::Step when(plan::Step of, std::string condition) {
    of.when = std::move(condition);
    return of;
}

TEST(Graph, AcceptsAnEmptyOneAndADiamond) {
    EXPECT_TRUE(check_graph(RunBench::spec({})).has_value());
    EXPECT_TRUE(check_graph(RunBench::spec({step("d", {"b", "c"}), step("b", {"a"}),
                                            step("c", {"a"}), step("a")}))
                    .has_value());
}

TEST(Graph, RefusesWhatIsNoGraph) {
    EXPECT_EQ(refusal({step("")}), "a step with action \"\" has no id");
    EXPECT_EQ(refusal({step("a"), step("a")}), "step \"a\" is there twice");
    EXPECT_EQ(refusal({step("a", {"z"})}), "step \"a\" needs step \"z\", which is not there");
    EXPECT_EQ(refusal({step("a", {"b"}), step("b", {"a"})}),
              "step \"a\" waits for itself: its needs are a circle");
    EXPECT_EQ(refusal({step("a", {"a"})}), "step \"a\" waits for itself: its needs are a circle");
    EXPECT_NE(refusal(std::vector<plan::Step>(kMaxSteps + 1)).find("1001 steps"),
              std::string::npos);
}

TEST(Graph, RefusesToSpeakOfAStepThatNeedNotHaveEnded) {
    EXPECT_EQ(refusal({step("a"), step("b", {}, {{"x", "${steps.a.mark}"}})}),
              "step \"b\" speaks of step \"a\" but does not need it");
    EXPECT_EQ(refusal({step("a"), when(step("b"), "failed(a)")}),
              "step \"b\" speaks of step \"a\" but does not need it");
    EXPECT_EQ(refusal({when(step("b"), "succeeded(z)")}),
              "step \"b\" speaks of step \"z\", which is not there");
    // What is needed by way of another step is as good.
    EXPECT_TRUE(check_graph(RunBench::spec({step("a"), step("b", {"a"}),
                                            step("c", {"b"}, {{"x", "${steps.a.mark}"}})}))
                    .has_value());
}

TEST(Graph, RefusesUnknownParametersAndBadConditions) {
    EXPECT_EQ(refusal({step("a", {}, {{"x", "${parameters.none}"}})}),
              "step \"a\" uses ${parameters.none}, but the run has no such parameter");
    EXPECT_TRUE(
        check_graph(RunBench::spec({step("a", {}, {{"x", "${parameters.none:-y}"}})})).has_value());
    EXPECT_NE(refusal({when(step("a"), "what")}).find("column 1"), std::string::npos);
    EXPECT_NE(refusal({step("a", {}, {{"x", "${nothing}"}})}).find("in \"x\""), std::string::npos);
    auto ask = step("ask", {}, {{"message", "go?"}, {"expires", "soon"}});
    ask.action = kApprove;
    EXPECT_NE(refusal({ask}).find("\"soon\" is not a duration"), std::string::npos);
}

TEST(Graph, LetsAStepOverrideItsActionsTraits) {
    Actions actions;
    testing::RunBench bench({{"a", {}}});
    auto declared = step("a");
    declared.timeout = std::chrono::seconds(7);
    declared.attempts = 0;
    declared.point_of_no_return = true;
    const auto traits = traits_of(RunBench::spec({declared}), bench.actions);
    ASSERT_TRUE(traits.has_value());
    EXPECT_EQ(traits->at(StepId("a")).timeout, std::chrono::seconds(7));
    EXPECT_EQ(traits->at(StepId("a")).attempts, 1);
    EXPECT_TRUE(traits->at(StepId("a")).is_point_of_no_return);
    EXPECT_FALSE(traits_of(RunBench::spec({declared}), actions).has_value());
}

TEST(Actions, KnowTheEnginesOwnApproval) {
    const Actions actions;
    const auto types = actions.parameter_types();
    ASSERT_TRUE(types.contains("approve"));
    EXPECT_EQ(types.at("approve").fields.size(), 2U);
    EXPECT_EQ(actions.find("approve"), nullptr);
}

}  // namespace
}  // namespace muster::workflow
