#include "workflow/condition.h"

#include <gtest/gtest.h>

namespace muster::workflow {
namespace {

Run example() {
    Run run;
    run.spec.id = RunId("r-1");
    run.spec.parameters = {{"mode", "fast"}};
    run.spec.cause.to = SiteId("west");
    run.spec.cause.epoch = {7};
    auto& done = run.steps[StepId("orders.fence")];
    done.status = StepStatus::kDone;
    done.outputs = {{"proof", "stopped"}};
    run.steps[StepId("b")].status = StepStatus::kFailed;
    return run;
}

bool holds(std::string_view text) {
    const auto condition = Condition::parse(text);
    EXPECT_TRUE(condition.has_value()) << text << ": " << condition.error().message();
    return condition && condition->holds(example());
}

std::string error(std::string_view text) {
    const auto condition = Condition::parse(text);
    EXPECT_FALSE(condition.has_value()) << text;
    EXPECT_TRUE(condition || condition.error().code() == Errc::kInvalid);
    return condition ? "" : condition.error().message();
}

TEST(Condition, HoldsWhenEmpty) {
    EXPECT_TRUE(holds(""));
    EXPECT_TRUE(holds("  "));
}

TEST(Condition, ComparesOutputsParametersAndTheRun) {
    EXPECT_TRUE(holds("${steps.orders.fence.proof} == \"stopped\""));
    EXPECT_FALSE(holds("${steps.orders.fence.proof} != 'stopped'"));
    EXPECT_TRUE(holds("${parameters.mode}==\"fast\""));
    EXPECT_TRUE(holds("\"west\" == ${run.to}"));
    EXPECT_TRUE(holds("${run.epoch} == '7'"));
    EXPECT_TRUE(holds("${steps.b.nothing} == ''"));
    EXPECT_TRUE(holds("${steps.b.nothing:-x} == 'x'"));
}

TEST(Condition, AsksForSuccessAndFailure) {
    EXPECT_TRUE(holds("succeeded(orders.fence)"));
    EXPECT_FALSE(holds("failed(orders.fence)"));
    EXPECT_TRUE(holds("failed( b )"));
    EXPECT_FALSE(holds("succeeded(absent)"));
}

TEST(Condition, BindsNotBeforeAndBeforeOr) {
    EXPECT_TRUE(holds("not succeeded(b) and failed(b)"));
    EXPECT_TRUE(holds("failed(b) or succeeded(b) and succeeded(b)"));
    EXPECT_FALSE(holds("(failed(b) or succeeded(b)) and succeeded(b)"));
    EXPECT_TRUE(holds("not (succeeded(b) or not failed(b))"));
    EXPECT_TRUE(holds("not not failed(b)"));
}

TEST(Condition, NamesTheColumnOfAMistake) {
    EXPECT_NE(error("${run.to} = 'x'").find("column 11"), std::string::npos);
    EXPECT_NE(error("failed(b) nor failed(b)").find("column 11"), std::string::npos);
    EXPECT_NE(error("failed(").find("column 8"), std::string::npos);
    EXPECT_NE(error("failed b").find("column 8"), std::string::npos);
    EXPECT_NE(error("(failed(b)").find("column 11"), std::string::npos);
    EXPECT_NE(error("${run.to == 'x'").find("never closed"), std::string::npos);
    EXPECT_NE(error("'x == 'y").find("column"), std::string::npos);
    EXPECT_NE(error("${run.nonsense} == 'x'").find("names nothing"), std::string::npos);
    EXPECT_NE(error("failed(b) and").find("column 14"), std::string::npos);
    EXPECT_NE(error("andrew == 'x'").find("column 1:"), std::string::npos);
}

TEST(Condition, RefusesEndlessNesting) {
    EXPECT_NE(error(std::string(100'000, '(')).find("nested"), std::string::npos);
    std::string negations;
    for (int i = 0; i < 1000; ++i) {
        negations += "not ";
    }
    EXPECT_NE(error(negations + "failed(b)").find("nested"), std::string::npos);
}

TEST(Condition, KnowsWhichFailuresItHandles) {
    const auto condition = Condition::parse("failed(a) or succeeded(b)");
    ASSERT_TRUE(condition.has_value());
    EXPECT_TRUE(condition->handles_failure_of(StepId("a")));
    EXPECT_FALSE(condition->handles_failure_of(StepId("b")));
    EXPECT_EQ(condition->steps(), (std::vector<StepId>{StepId("a"), StepId("b")}));
}

}  // namespace
}  // namespace muster::workflow
