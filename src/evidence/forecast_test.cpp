#include "evidence/forecast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace muster::evidence {
namespace {

using namespace std::chrono_literals;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;
using workflow::Run;
using workflow::RunStatus;
using workflow::StepStatus;

const WallTime kNow = *parse_wall("2026-11-21T05:08:28.000Z");

plan::Step step(const std::string& id, const std::string& phase,
                const std::vector<std::string>& needs) {
    plan::Step made;
    made.id = StepId(id);
    made.action = "do." + id;
    made.phase = phase;
    for (const auto& need : needs) {
        made.needs.emplace_back(need);
    }
    return made;
}

/// Two ways from the fence to the users: the database's and the servers'.
std::vector<plan::Step> steps() {
    return {step("fence", "fence", {}), step("promote", "promote", {"fence"}),
            step("scale", "scale", {"fence"}), step("verify", "verify", {"promote", "scale"}),
            step("keep", "release", {"promote"})};
}

ForecastOf wanted() {
    return {ServiceId("shop"), "failover", SiteId("west"), steps(), 2min, true};
}

/// A finished, automatic failover in which each step took what is said, in the order of `steps()`.
class History {
  public:
    Run& add(const std::vector<Duration>& took) {
        auto& run = *runs_.emplace_back(std::make_unique<Run>());
        run.spec.id = RunId("r-" + std::to_string(runs_.size()));
        run.spec.steps = steps();
        run.status = RunStatus::kDone;
        auto& cause = run.spec.cause;
        cause.kind = "failover";
        cause.service = ServiceId("shop");
        cause.is_automatic = true;
        cause.outage_began = kNow - 1h;
        cause.detected = kNow - 1h + 100ms;
        run.started = kNow - 1h + 110ms;
        for (std::size_t i = 0; i < took.size(); ++i) {
            const auto& planned = run.spec.steps[i];
            auto& state = run.steps[planned.id];
            for (const auto& need : planned.needs) {
                const auto& before = run.steps.at(need);
                state.began_after = std::max(state.began_after, before.began_after + before.took);
            }
            state.status = StepStatus::kDone;
            state.took = took[i];
        }
        return run;
    }
    [[nodiscard]] std::vector<const Run*> newest_first() const {
        std::vector<const Run*> list;
        for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
            list.push_back(run->get());
        }
        return list;
    }

  private:
    std::vector<std::unique_ptr<Run>> runs_;
};

TEST(Forecast, IsUnknownUntilThereIsSomethingToGoBy) {
    const auto made = forecast(wanted(), {}, kNow);
    EXPECT_FALSE(made.total.p50);
    EXPECT_EQ(made.verdict(), Forecast::Verdict::kUnknown);
    EXPECT_EQ(describe(made), "unknown: no run has measured its steps yet");
}

TEST(Forecast, IsTheLongestPathWithDetectionAndDecisionBeforeIt) {
    History history;
    history.add({20ms, 30ms, 50ms, 5ms, 900ms});
    const auto made = forecast(wanted(), history.newest_first(), kNow);
    EXPECT_EQ(made.total.p50, 100ms + 10ms + 20ms + 50ms + 5ms);
    EXPECT_THAT(made.unknown, IsEmpty());
    EXPECT_EQ(made.verdict(), Forecast::Verdict::kFits);
    std::vector<std::string> path;
    for (const auto& one : made.steps) {
        if (one.is_critical) {
            path.push_back(one.id.str());
        }
    }
    EXPECT_THAT(path, ElementsAre("fence", "scale", "verify"));
    EXPECT_FALSE(made.steps[4].is_awaited) << "users are back before it";
    EXPECT_EQ(describe(made), "185 ms p50, 185 ms p95 of 2 min 0 s (RTO), from 1 run");
}

TEST(Forecast, IsShorterThanTheSumOfTheStepsQuantiles) {
    History history;
    for (int i = 0; i < 20; ++i) {
        const bool is_slow = i % 5 == 0;
        history.add({is_slow ? 1s : 10ms, i % 4 == 0 ? 1s : 10ms, 1ms, 1ms, 1ms});
    }
    const auto made = forecast(wanted(), history.newest_first(), kNow);
    const auto sum = *made.steps[0].time.p95 + *made.steps[1].time.p95 + *made.steps[3].time.p95;
    EXPECT_EQ(made.steps[0].time.p95, 1s);
    EXPECT_LE(*made.total.p95, sum + 110ms);
    EXPECT_GE(*made.total.p95, 1s);
    EXPECT_LT(*made.total.p50, 1s) << "most moves have no slow step";
}

TEST(Forecast, TellsHowOftenAStepIsOnTheCriticalPath) {
    History history;
    history.add({1ms, 10ms, 20ms, 1ms, 1ms});
    history.add({1ms, 30ms, 20ms, 1ms, 1ms});
    const auto made = forecast(wanted(), history.newest_first(), kNow);
    EXPECT_THAT(made.steps[0].share, DoubleNear(1.0, 1e-9));
    EXPECT_THAT(made.steps[1].share, DoubleNear(0.5, 0.05));
    EXPECT_THAT(made.steps[2].share, DoubleNear(0.5, 0.05));
}

TEST(Forecast, GivesALowerBoundWhereAStepWasNeverMeasured) {
    History history;
    auto& run = history.add({20ms, 30ms, 50ms, 5ms, 900ms});
    run.steps.at(StepId("verify")).status = StepStatus::kFailed;
    run.status = RunStatus::kAborted;
    const auto made = forecast(wanted(), history.newest_first(), kNow);
    EXPECT_THAT(made.unknown, ElementsAre("verify"));
    EXPECT_EQ(made.total.p95, 180ms);
    EXPECT_EQ(made.verdict(), Forecast::Verdict::kUnknown);
    EXPECT_EQ(describe(made),
              "at least 180 ms p50, 180 ms p95 of 2 min 0 s (RTO), from 1 run; never measured: "
              "verify");
}

TEST(Forecast, ExceedsEvenByALowerBound) {
    History history;
    auto& run = history.add({3min, 30ms, 50ms, 5ms, 900ms});
    run.steps.at(StepId("verify")).status = StepStatus::kSkipped;
    const auto made = forecast(wanted(), history.newest_first(), kNow);
    EXPECT_EQ(made.verdict(), Forecast::Verdict::kExceeds);
}

Forecast within(Duration p95, std::vector<std::string> unknown = {}) {
    Forecast made;
    made.rto = 100s;
    made.total.p95 = p95;
    made.unknown = std::move(unknown);
    return made;
}

TEST(RtoAlarm, IsSaidOnceAndAgainAfterItFitted) {
    using Verdict = Forecast::Verdict;
    RtoAlarm alarm;
    EXPECT_EQ(alarm.take(within(99s)), Verdict::kUnknown) << "nothing is wrong";
    EXPECT_EQ(alarm.take(within(101s)), Verdict::kExceeds);
    EXPECT_EQ(alarm.take(within(150s)), Verdict::kUnknown) << "said already";
    EXPECT_EQ(alarm.take(within(90s)), Verdict::kFits);
    EXPECT_EQ(alarm.take(within(80s)), Verdict::kUnknown);
    EXPECT_EQ(alarm.take(within(101s)), Verdict::kExceeds);
}

TEST(RtoAlarm, DoesNotFollowEveryStepAcrossTheRto) {
    RtoAlarm alarm;
    int said = 0;
    for (int i = 0; i < 20; ++i) {
        said += alarm.take(within(i % 2 == 0 ? 101s : 95s)) == Forecast::Verdict::kUnknown ? 0 : 1;
    }
    EXPECT_EQ(said, 1);
}

TEST(RtoAlarm, IsSaidAgainAfterOnlyAPartWasKnown) {
    using Verdict = Forecast::Verdict;
    RtoAlarm alarm;
    EXPECT_EQ(alarm.take(within(101s, {"verify"})), Verdict::kExceeds) << "a lower bound is enough";
    EXPECT_EQ(alarm.take(within(95s, {"verify"})), Verdict::kUnknown);
    EXPECT_EQ(alarm.take(within(101s, {"verify"})), Verdict::kUnknown);
    EXPECT_EQ(alarm.take(within(50s, {"verify"})), Verdict::kUnknown)
        << "nobody knows that it fits";
    EXPECT_EQ(alarm.take(within(101s)), Verdict::kExceeds);
    auto without = within(101s);
    without.rto = {};
    EXPECT_EQ(alarm.take(without), Verdict::kFits);
}

TEST(Forecast, TakesNothingFromOtherServicesActionsOrInterruptedRuns) {
    History history;
    history.add({1s, 1s, 1s, 1s, 1s}).spec.cause.service = ServiceId("other");
    history.add({1s, 1s, 1s, 1s, 1s}).restarts = 1;
    history.add({1s, 1s, 1s, 1s, 1s}).status = RunStatus::kRunning;
    history.add({1s, 1s, 1s, 1s, 1s}).started = kNow - 24h * 181;
    auto& resumed = history.add({1s, 1s, 1s, 1s, 1s});
    for (auto& [id, state] : resumed.steps) {
        state.was_resumed = true;
    }
    auto& renamed = history.add({1s, 1s, 1s, 1s, 1s});
    auto steps = renamed.spec.steps.all();
    for (auto& one : steps) {
        one.action = "exec";
    }
    renamed.spec.steps = std::move(steps);
    EXPECT_EQ(forecast(wanted(), history.newest_first(), kNow).runs, 0U);
}

TEST(Forecast, LooksAtTheNewestFiftyRuns) {
    History history;
    for (int i = 0; i < 30; ++i) {
        history.add({9s, 9s, 9s, 9s, 9s});
    }
    for (std::size_t i = 0; i < kForecastRuns; ++i) {
        history.add({1ms, 1ms, 1ms, 1ms, 1ms});
    }
    const auto made = forecast(wanted(), history.newest_first(), kNow);
    EXPECT_EQ(made.runs, kForecastRuns);
    EXPECT_EQ(made.steps[0].time.p95, 1ms);
}

TEST(Forecast, TakesTheFirstGoodAnswerForTheEndOfALookThatGoesOn) {
    History history;
    auto& run = history.add({1ms, 1ms, 1ms, 3s, 1ms});
    run.steps.at(StepId("verify")).outputs["first_good_ms"] = "40";
    EXPECT_EQ(forecast(wanted(), history.newest_first(), kNow).steps[3].time.p50, 40ms);
}

TEST(Forecast, CountsWhatTheEngineTakesBetweenTwoSteps) {
    History history;
    auto& run = history.add({1ms, 1ms, 1ms, 1ms, 1ms});
    run.steps.at(StepId("promote")).began_after += 4ms;
    EXPECT_EQ(forecast(wanted(), history.newest_first(), kNow).steps[1].time.p50, 5ms);
}

TEST(Forecast, LeavesAPersonsTimeOutOfAnAutomaticServicesDecision) {
    History history;
    history.add({1ms, 1ms, 1ms, 1ms, 1ms}).spec.cause.is_automatic = false;
    const auto made = forecast(wanted(), history.newest_first(), kNow);
    EXPECT_EQ(made.detect.p50, 100ms);
    EXPECT_THAT(made.unknown, ElementsAre("decide"));
}

TEST(Forecast, OfAPlannedMoveBeginsWithTheRun) {
    History history;
    history.add({1ms, 1ms, 1ms, 1ms, 1ms});
    auto planned = wanted();
    planned.kind = "switchover";
    const auto made = forecast(planned, history.newest_first(), kNow);
    EXPECT_EQ(made.total.p50, 3ms);
    EXPECT_THAT(made.unknown, IsEmpty());
}

TEST(Forecast, IsTheSameForTheSameRuns) {
    History history;
    for (int i = 1; i < 8; ++i) {
        history.add({i * 3ms, i * 7ms, i * 5ms, i * 1ms, 1ms});
    }
    const auto first = forecast(wanted(), history.newest_first(), kNow);
    const auto second = forecast(wanted(), history.newest_first(), kNow);
    EXPECT_EQ(first.total.p50, second.total.p50);
    EXPECT_EQ(first.total.p95, second.total.p95);
}

TEST(Forecast, ExpectsNothingOfAStepThatOnlyAConditionLetsRun) {
    History history;
    auto& run = history.add({1ms, 1ms, 1ms, 1ms, 1ms});
    run.steps.at(StepId("scale")).status = StepStatus::kSkipped;
    auto conditional = wanted();
    EXPECT_THAT(forecast(conditional, history.newest_first(), kNow).unknown, ElementsAre("scale"));
    conditional.steps[2].when = "failed(promote)";
    EXPECT_THAT(forecast(conditional, history.newest_first(), kNow).unknown, IsEmpty());
}

TEST(Forecast, KeepsGoingWithoutPhases) {
    History history;
    auto& run = history.add({1ms, 2ms, 4ms, 8ms, 16ms});
    auto plain = wanted();
    for (auto& one : plain.steps) {
        one.phase.clear();
    }
    run.spec.steps = plain.steps;
    plain.kind = "switchover";
    EXPECT_EQ(forecast(plain, history.newest_first(), kNow).total.p50, 1ms + 2ms + 16ms)
        << "then every step is awaited";
}

}  // namespace
}  // namespace muster::evidence
