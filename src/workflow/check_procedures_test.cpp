#include "workflow/check_procedures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::workflow {
namespace {

using testing::HasSubstr;

plan::Node text(std::string value, int line) {
    plan::Node node;
    node.kind = plan::Node::Kind::kScalar;
    node.scalar = std::move(value);
    node.mark = {line, 7};
    return node;
}

plan::Step step(const std::string& id, int line) {
    plan::Step made;
    made.id = StepId(id);
    made.action = "exec";
    made.mark = {line, 3};
    return made;
}

class CheckProcedures : public testing::Test {
  protected:
    CheckProcedures() {
        procedure_.name = "announce";
        procedure_.parameters = {{"channel", "all"}};
        procedure_.steps = {step("count", 1), step("middle", 2), step("send", 3)};
        procedure_.steps[1].needs = {StepId("count")};
        procedure_.steps[2].needs = {StepId("middle")};
    }
    /// With `says` in the last step's parameters, at line 33.
    std::vector<plan::Diagnostic> found(const std::string& says) {
        auto& with = procedure_.steps[2].with;
        with = {};
        with.kind = plan::Node::Kind::kList;
        with.items = {text(says, 33)};
        plan::Plan plan;
        plan.procedures = {procedure_};
        return check_procedures(plan, {{"exec", {"stdout", "exit_code"}}});
    }
    plan::Procedure procedure_;
};

TEST_F(CheckProcedures, AcceptsWhatHasEndedByThen) {
    procedure_.steps[2].when = "succeeded(count) and ${steps.middle.exit_code} == \"0\"";
    EXPECT_TRUE(found("${steps.count.stdout} ${parameters.channel} ${run.id} $${x}").empty());
}

TEST_F(CheckProcedures, NamesAnUnknownStepItsPlaceAndTheNearestName) {
    const auto all = found("${steps.cuont.stdout}");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].mark.line, 33);
    EXPECT_EQ(all[0].message, "step \"send\" of announce speaks of the unknown step \"cuont\"");
    EXPECT_THAT(all[0].hint, HasSubstr("did you mean \"count\"?"));
}

TEST_F(CheckProcedures, NamesAnUnknownOutputAndTheNearestName) {
    const auto all = found("${steps.count.sdtout}");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].message,
              "step \"send\" of announce wants ${steps.count.sdtout}, but step \"count\" (`exec`) "
              "puts out no \"sdtout\", only stdout, exit_code");
    EXPECT_EQ(all[0].hint, "did you mean \"stdout\"?");
    EXPECT_TRUE(found("${steps.count.sdtout:-none}").empty()) << "it has a value in any case";
}

TEST_F(CheckProcedures, GuessesNoNameWhereNoneIsNear) {
    const auto all = found("${steps.count.proof}");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_TRUE(all[0].hint.empty()) << all[0].hint;
}

TEST_F(CheckProcedures, AsksNothingOfActionsThatMayPutOutAnything) {
    procedure_.steps[0].action = "sql";
    EXPECT_TRUE(found("${steps.count.any_column}").empty());
}

TEST_F(CheckProcedures, RefusesAStepThatNeedNotHaveEnded) {
    procedure_.steps[2].needs = {};
    const auto all = found("${steps.count.stdout}");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_THAT(all[0].message, HasSubstr("but does not need it"));
}

TEST_F(CheckProcedures, LooksIntoConditions) {
    procedure_.steps[2].when = "failed(cuont)";
    auto all = found("x");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].mark.line, 3);
    procedure_.steps[2].when = "failed(";
    all = found("x");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_THAT(all[0].message, HasSubstr("has a `when` that can't be read"));
}

TEST_F(CheckProcedures, NamesAnUnknownParameter) {
    const auto all = found("${parameters.chanel}");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_THAT(all[0].hint, HasSubstr("did you mean \"channel\"?"));
    EXPECT_TRUE(found("${parameters.chanel:-x}").empty());
}

}  // namespace
}  // namespace muster::workflow
