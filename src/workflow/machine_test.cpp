#include "workflow/machine.h"

#include <gtest/gtest.h>

#include "workflow/testing/run_bench.h"

namespace muster::workflow {
namespace {

using testing::RunBench;
using testing::step;

Machine machine(std::vector<plan::Step> steps, Traits traits = {}) {
    StepTraits all;
    for (const auto& of : steps) {
        all[of.id] = traits;
        all[of.id].is_point_of_no_return |= of.point_of_no_return;
    }
    auto made = Machine::make(RunBench::spec(std::move(steps)), all);
    EXPECT_TRUE(made.has_value());
    return *std::move(made);
}

Entry cause(Entry::Kind kind, const std::string& of = {}, int attempt = 0) {
    Entry out;
    out.kind = kind;
    out.step = StepId(of);
    out.attempt = attempt;
    out.by = "ann";
    return out;
}
Entry failing(Entry::Kind kind, const std::string& of, int attempt, Errc code) {
    auto out = cause(kind, of, attempt);
    out.error.emplace(code, "refused");
    return out;
}
Entry seen(const std::string& of, Observation::State state) {
    auto out = cause(Entry::Kind::kObserved, of);
    out.seen = state;
    return out;
}
Machine::Reaction take(Machine& on, Entry entry) {
    auto reaction = on.take(std::move(entry));
    EXPECT_TRUE(reaction.has_value()) << reaction.error().message();
    return reaction ? *std::move(reaction) : Machine::Reaction{};
}
std::string orders(const Machine::Reaction& reaction) {
    std::string out;
    for (const auto& directive : reaction.directives) {
        const char* verb = directive.kind == Directive::Kind::kApply  ? "apply "
                           : directive.kind == Directive::Kind::kUndo ? "undo "
                                                                      : "observe ";
        out += (out.empty() ? "" : ", ") + std::string(verb) + directive.call.step.str() + " " +
               std::to_string(directive.call.attempt);
    }
    return out;
}

TEST(Machine, EndsAtOnceWithoutSteps) {
    auto run = machine({});
    EXPECT_EQ(orders(take(run, cause(Entry::Kind::kStarted))), "");
    EXPECT_EQ(run.run().status, RunStatus::kDone);
}

TEST(Machine, ObservesWhatTheCrashCutOffAndNothingElse) {
    auto run = machine({step("a"), step("b"), step("c", {"a"})});
    EXPECT_EQ(orders(take(run, cause(Entry::Kind::kStarted))), "apply a 1, apply b 1");
    EXPECT_EQ(orders(take(run, cause(Entry::Kind::kApplied, "a", 1))), "apply c 1");
    EXPECT_EQ(orders(take(run, cause(Entry::Kind::kTakenUp))), "observe b 1, observe c 1");
    EXPECT_EQ(orders(take(run, seen("b", Observation::State::kDone))), "");
    EXPECT_EQ(orders(take(run, seen("c", Observation::State::kNotDone))), "apply c 2");
    EXPECT_EQ(run.run().restarts, 1);
}

TEST(Machine, ObservesAfterAnUnknownOutcomeAndNotAfterASafeFailure) {
    auto run = machine({step("a")});
    take(run, cause(Entry::Kind::kStarted));
    EXPECT_EQ(orders(take(run, failing(Entry::Kind::kApplied, "a", 1, Errc::kOutcomeUnknown))),
              "observe a 1");
    EXPECT_EQ(orders(take(run, seen("a", Observation::State::kNotDone))), "");
    ASSERT_TRUE(run.next_timer().has_value());
    auto timer = cause(Entry::Kind::kTimer);
    timer.after = *run.next_timer();
    EXPECT_EQ(orders(take(run, timer)), "apply a 2");
    EXPECT_EQ(orders(take(run, failing(Entry::Kind::kApplied, "a", 2, Errc::kTimedOut))), "");
    EXPECT_EQ(run.run().steps.at(StepId("a")).status, StepStatus::kRetrying);
}

TEST(Machine, SaysNothingOfATimerThatIsNotDue) {
    auto run = machine({step("a")});
    take(run, cause(Entry::Kind::kStarted));
    EXPECT_TRUE(take(run, cause(Entry::Kind::kTimer)).entries.empty());
}

TEST(Machine, RefusesOutcomesThatNobodyWaitsFor) {
    auto run = machine({step("a")});
    take(run, cause(Entry::Kind::kStarted));
    for (const auto& odd :
         {cause(Entry::Kind::kApplied, "a", 2), cause(Entry::Kind::kUndone, "a", 1),
          cause(Entry::Kind::kApplied, "z", 1), cause(Entry::Kind::kStarted),
          seen("a", Observation::State::kDone)}) {
        const auto taken = run.take(odd);
        ASSERT_FALSE(taken.has_value());
        EXPECT_EQ(taken.error().code(), Errc::kConflict);
        const auto folded = run.fold(odd);
        ASSERT_FALSE(folded.has_value());
        EXPECT_EQ(folded.error().code(), Errc::kCorrupt);
    }
    EXPECT_EQ(run.run().status, RunStatus::kRunning);
}

TEST(Machine, UndoesAStepThatMayHaveHappenedOnlyWhenItDid) {
    for (const auto state : {Observation::State::kDone, Observation::State::kNotDone}) {
        Traits traits;
        traits.can_undo = true;
        auto run = machine({step("a"), step("b", {"a"})}, traits);
        take(run, cause(Entry::Kind::kStarted));
        take(run, cause(Entry::Kind::kApplied, "a", 1));
        take(run, failing(Entry::Kind::kApplied, "b", 1, Errc::kOutcomeUnknown));
        take(run, seen("b", Observation::State::kUnknown));
        EXPECT_EQ(run.run().status, RunStatus::kWaiting);
        EXPECT_EQ(orders(take(run, cause(Entry::Kind::kRollingBack))), "observe b 1");
        const bool is_there = state == Observation::State::kDone;
        EXPECT_EQ(orders(take(run, seen("b", state))), is_there ? "undo b 1" : "undo a 1");
        if (is_there) {
            EXPECT_EQ(orders(take(run, cause(Entry::Kind::kUndone, "b", 1))), "undo a 1");
        }
        take(run, cause(Entry::Kind::kUndone, "a", 1));
        EXPECT_EQ(run.run().status, RunStatus::kRolledBack);
        EXPECT_EQ(run.run().steps.at(StepId("b")).status, StepStatus::kUndone);
    }
}

TEST(Machine, CountsAPointOfNoReturnAsPassedWhileItMayHaveHappened) {
    auto promote = step("a");
    promote.point_of_no_return = true;
    for (const auto code : {Errc::kOutcomeUnknown, Errc::kDenied}) {
        auto run = machine({promote});
        take(run, cause(Entry::Kind::kStarted));
        EXPECT_FALSE(run.take(cause(Entry::Kind::kRollingBack)).has_value());
        take(run, failing(Entry::Kind::kApplied, "a", 1, code));
        const auto back = run.take(cause(Entry::Kind::kRollingBack));
        EXPECT_EQ(back.has_value(), code == Errc::kDenied);
    }
}

TEST(Machine, WaitsWhenAnUndoFailsAndGoesOnWhenResumed) {
    Traits traits;
    traits.can_undo = true;
    auto run = machine({step("a"), step("b", {"a"})}, traits);
    take(run, cause(Entry::Kind::kStarted));
    take(run, cause(Entry::Kind::kApplied, "a", 1));
    take(run, failing(Entry::Kind::kApplied, "b", 1, Errc::kInvalid));
    EXPECT_EQ(orders(take(run, cause(Entry::Kind::kRollingBack))), "undo a 1");
    take(run, failing(Entry::Kind::kUndone, "a", 1, Errc::kDenied));
    EXPECT_EQ(run.run().status, RunStatus::kWaiting);
    EXPECT_NE(run.run().reason.find("step \"a\" failed to be undone: refused"), std::string::npos);
    EXPECT_EQ(orders(take(run, cause(Entry::Kind::kResumed))), "undo a 2");
    take(run, cause(Entry::Kind::kUndone, "a", 2));
    EXPECT_EQ(run.run().status, RunStatus::kRolledBack);
}

TEST(Machine, RunsTheHandlerOfAFailureAndStillWaits) {
    auto handler = step("h", {"a"});
    handler.when = "failed(a)";
    auto run = machine({step("a"), handler, step("z", {"a"})});
    take(run, cause(Entry::Kind::kStarted));
    EXPECT_EQ(orders(take(run, failing(Entry::Kind::kApplied, "a", 1, Errc::kInvalid))),
              "apply h 1");
    take(run, cause(Entry::Kind::kApplied, "h", 1));
    EXPECT_EQ(run.run().status, RunStatus::kWaiting);
    EXPECT_EQ(run.run().steps.at(StepId("z")).status, StepStatus::kPending);
}

TEST(Machine, FailsAStepWhoseParametersHaveNoValue) {
    auto run = machine({step("a"), step("b", {"a"}, {{"x", "${steps.a.nothing}"}})});
    take(run, cause(Entry::Kind::kStarted));
    EXPECT_EQ(orders(take(run, cause(Entry::Kind::kApplied, "a", 1))), "");
    EXPECT_EQ(run.run().status, RunStatus::kWaiting);
    EXPECT_NE(run.run().reason.find("${steps.a.nothing} has no value"), std::string::npos);
}

// Any causes at all, in any order: it never breaks, and at rest it has ended or says what it wants.
TEST(Machine, EndsOrWaitsWithAReasonWhateverComes) {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        SCOPED_TRACE(seed);
        SeededRandom random(seed);
        Traits traits;
        traits.can_undo = random.below(2) == 1;
        traits.is_idempotent = random.below(2) == 1;
        traits.attempts = 2;
        auto handler = step("d", {"b"});
        handler.when = "failed(b)";
        auto run = machine({step("a"), step("b", {"a"}), step("c", {"a"}), handler}, traits);
        std::vector<Directive> under_way = take(run, cause(Entry::Kind::kStarted)).directives;
        for (int turn = 0; turn < 60 && !is_final(run.run().status); ++turn) {
            Entry next = cause(static_cast<Entry::Kind>(static_cast<int>(Entry::Kind::kTimer) +
                                                        static_cast<int>(random.below(5))));
            if (!under_way.empty() && random.below(4) != 0) {
                const auto directive = under_way.back();
                under_way.pop_back();
                const auto& call = directive.call;
                if (directive.kind == Directive::Kind::kObserve) {
                    next = seen(call.step.str(), static_cast<Observation::State>(random.below(3)));
                } else {
                    next = cause(directive.kind == Directive::Kind::kApply ? Entry::Kind::kApplied
                                                                           : Entry::Kind::kUndone,
                                 call.step.str(), call.attempt);
                    if (random.below(2) == 1) {
                        next.error.emplace(static_cast<Errc>(random.below(9)), "refused");
                    }
                }
            } else if (random.below(6) == 0) {
                next = cause(Entry::Kind::kTakenUp);
                under_way.clear();
            }
            next.after = run.elapsed() + std::chrono::seconds(random.below(3));
            auto reaction = run.take(next);
            if (reaction) {
                for (auto& directive : reaction->directives) {
                    under_way.push_back(std::move(directive));
                }
            }
            const auto& now = run.run();
            if (now.status == RunStatus::kWaiting) {
                ASSERT_NE(now.reason.find("muster run resume r-1"), std::string::npos);
                ASSERT_TRUE(under_way.empty());
            } else if (!is_final(now.status)) {
                ASSERT_TRUE(!under_way.empty() || run.next_timer().has_value());
            }
        }
    }
}

}  // namespace
}  // namespace muster::workflow
