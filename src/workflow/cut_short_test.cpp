#include <gtest/gtest.h>

#include "workflow/testing/run_bench.h"

namespace muster::workflow {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the bench's own words.
using std::chrono::minutes;
using std::chrono::seconds;

const RunId kRun("r-1");

Behaviour long_one(bool is_idempotent) {
    Behaviour out;
    out.traits.can_undo = true;
    out.traits.is_idempotent = is_idempotent;
    out.traits.timeout = minutes(300);
    out.traits.attempts = 3;
    out.takes = minutes(100);
    return out;
}

TEST(CutShort, CancelsTheStepUnderWayAndBeginsNoOther) {
    RunBench bench({{"a", long_one(true)}, {"b", Behaviour{}}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a"), step("b", {"a"})})))
                    .has_value());
    bench.advance(minutes(5));
    ASSERT_TRUE(bench.finish(bench.runner->cut_short(kRun, "muster: it gives way")).has_value());
    bench.advance(seconds(1));
    const auto& run = bench.run(kRun);
    EXPECT_EQ(run.status, RunStatus::kAborted);
    EXPECT_EQ(run.reason, "aborted by muster: it gives way");
    EXPECT_EQ(run.steps.at(StepId("a")).error, "step \"a\" was cut short with its run");
    EXPECT_EQ(run.steps.at(StepId("b")).status, StepStatus::kPending);
    EXPECT_EQ(bench.runner->active_on(ServiceId("shop")), nullptr) << "another one may begin";
    bench.settle();
    EXPECT_EQ(bench.world.things[StepId("a")].applied, 0);
    EXPECT_EQ(bench.world.violations, std::vector<std::string>{});
}

TEST(CutShort, LetsAFenceAndAStepThatMayNotBeRepeatedFinish) {
    auto fence = step("a");
    fence.phase = "fence";
    for (const auto& [of, behaviour] :
         {std::pair(fence, long_one(true)), std::pair(step("a"), long_one(false))}) {
        RunBench bench({{"a", behaviour}, {"b", Behaviour{}}});
        ASSERT_TRUE(
            bench.finish(bench.runner->start(RunBench::spec({of, step("b", {"a"})}))).has_value());
        ASSERT_TRUE(bench.finish(bench.runner->cut_short(kRun, "muster")).has_value());
        bench.advance(minutes(150));
        EXPECT_EQ(bench.status(kRun), RunStatus::kRunning);
        bench.settle();
        EXPECT_EQ(bench.status(kRun), RunStatus::kAborted);
        EXPECT_EQ(bench.status(kRun, "a"), StepStatus::kDone);
        EXPECT_EQ(bench.status(kRun, "b"), StepStatus::kPending);
        EXPECT_EQ(bench.world.things[StepId("a")].applied, 1);
    }
}

TEST(CutShort, OnceMoreEndsWhatARestartAskedAgain) {
    RunBench bench({{"a", long_one(true)}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    bench.advance(minutes(1));
    bench.shut_down();
    bench.boot();
    ASSERT_TRUE(bench.finish(bench.runner->recover()).has_value());
    ASSERT_TRUE(bench.finish(bench.runner->cut_short(kRun, "muster")).has_value());
    const auto again = bench.finish(bench.runner->cut_short(kRun, "muster"));
    EXPECT_TRUE(again.has_value() || again.error().code() == Errc::kConflict);
    bench.advance(seconds(5));
    EXPECT_TRUE(is_final(bench.status(kRun)));
    EXPECT_EQ(bench.finish(bench.runner->cut_short(kRun, "muster")).error().code(), Errc::kConflict)
        << "it has ended";
}

}  // namespace
}  // namespace muster::workflow
