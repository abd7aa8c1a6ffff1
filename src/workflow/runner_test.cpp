#include "workflow/runner.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "workflow/journal.h"
#include "workflow/seal.h"
#include "workflow/testing/run_bench.h"

namespace muster::workflow {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the bench's own words.
using std::chrono::minutes;
using std::chrono::seconds;

const RunId kRun("r-1");

Behaviour once() {
    Behaviour out;
    out.traits.can_undo = true;
    return out;
}
Behaviour refusing(int times, Errc code) {
    auto out = once();
    out.refusals = times;
    out.refusal = code;
    return out;
}
plan::Step approval(const std::string& id, const std::string& expires) {
    auto out = step(id, {}, {{"message", "go to ${run.to}?"}, {"expires", expires}});
    out.action = "approve";
    return out;
}

TEST(Runner, RunsStepsInTheOrderOfTheirNeedsAndIndependentOnesTogether) {
    RunBench bench({{"a", once()}, {"b", once()}, {"c", once()}});
    const auto started = bench.finish(
        bench.runner->start(RunBench::spec({step("a"), step("b"), step("c", {"a", "b"})})));
    ASSERT_TRUE(started.has_value()) << started.error().message();
    EXPECT_EQ(bench.runner->active_on(ServiceId("shop")), bench.runner->find(kRun));
    bench.settle();
    const auto& run = bench.run(kRun);
    EXPECT_EQ(run.status, RunStatus::kDone);
    EXPECT_EQ(run.steps.at(StepId("a")).began_after, Duration{});
    EXPECT_EQ(run.steps.at(StepId("b")).began_after, Duration{});
    EXPECT_EQ(run.steps.at(StepId("c")).began_after, seconds(2));
    EXPECT_EQ(run.steps.at(StepId("c")).took, seconds(2));
    EXPECT_EQ(run.took, seconds(4));
    EXPECT_EQ(bench.last->status, RunStatus::kDone);
    EXPECT_EQ(bench.runner->active_on(ServiceId("shop")), nullptr);
}

TEST(Runner, RefusesASecondRunOnTheSameServiceUntilTheFirstHasEnded) {
    RunBench bench({{"a", once()}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    auto second = RunBench::spec({step("a")});
    second.id = RunId("r-2");
    const auto refused = bench.finish(bench.runner->start(second));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Errc::kConflict);
    EXPECT_NE(refused.error().message().find("r-1"), std::string::npos);
    bench.settle();
    EXPECT_TRUE(bench.finish(bench.runner->start(second)).has_value());
}

TEST(Runner, RefusesAnUnknownAction) {
    RunBench bench({{"a", once()}});
    const auto refused = bench.finish(bench.runner->start(RunBench::spec({step("z")})));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Errc::kInvalid);
    EXPECT_TRUE(bench.runner->list().empty());
}

TEST(Runner, WaitsWithTheStepAndTheCommandsWhenAStepFails) {
    RunBench bench({{"a", refusing(1, Errc::kDenied)}, {"b", once()}, {"c", once()}});
    ASSERT_TRUE(
        bench.finish(bench.runner->start(RunBench::spec({step("a"), step("b", {"a"}), step("c")})))
            .has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    EXPECT_EQ(bench.status(kRun, "b"), StepStatus::kPending);
    EXPECT_EQ(bench.status(kRun, "c"), StepStatus::kDone);
    EXPECT_EQ(bench.run(kRun).reason,
              "step \"a\" failed: refused; go on with: muster run resume r-1, or undo with: "
              "muster run rollback r-1, or end with: muster run abort r-1");
    EXPECT_TRUE(bench.finish(bench.runner->resume(kRun, "ann")).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kDone);
    const auto late = bench.finish(bench.runner->resume(kRun, "ann"));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code(), Errc::kConflict);
}

TEST(Runner, RetriesWithGrowingBackoffAndThenGivesUp) {
    auto flaky = refusing(1000, Errc::kUnavailable);
    flaky.traits.attempts = 4;
    flaky.traits.backoff = seconds(10);
    RunBench bench({{"a", flaky}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    bench.settle();
    const auto& state = bench.run(kRun).steps.at(StepId("a"));
    EXPECT_EQ(state.status, StepStatus::kFailed);
    EXPECT_EQ(state.attempts, 4);
    // Rests of 10, 20 and 40 s, each within 20 %, and 4 calls of 1 s.
    EXPECT_GE(state.took, seconds(56 + 4));
    EXPECT_LE(state.took, seconds(84 + 4));
}

TEST(Runner, WaitsForAnApprovalAndRefusesItWhenItHasExpired) {
    RunBench bench({{"b", once()}});
    ASSERT_TRUE(bench
                    .finish(bench.runner->start(
                        RunBench::spec({approval("ask", "10m"), step("b", {"ask"})})))
                    .has_value());
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    EXPECT_EQ(bench.run(kRun).reason,
              "approval of step \"ask\": go to west? (muster run approve r-1 ask)");
    const auto other = bench.finish(bench.runner->approve(kRun, StepId("b"), "ann"));
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().code(), Errc::kNotFound);
    bench.advance(minutes(11));
    EXPECT_EQ(bench.status(kRun, "ask"), StepStatus::kFailed);
    const auto late = bench.finish(bench.runner->approve(kRun, StepId("ask"), "ann"));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code(), Errc::kConflict);
    ASSERT_TRUE(bench.finish(bench.runner->resume(kRun, "ann")).has_value());
    ASSERT_TRUE(bench.finish(bench.runner->approve(kRun, StepId("ask"), "ann")).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kDone);
    EXPECT_EQ(bench.run(kRun).steps.at(StepId("ask")).outputs.at("approved_by"), "ann");
}

TEST(Runner, RollsBackInReverseOrderOfCompletion) {
    auto slow = once();
    slow.takes = seconds(5);
    RunBench bench({{"a", slow}, {"b", once()}, {"c", refusing(1000, Errc::kDenied)}});
    ASSERT_TRUE(bench
                    .finish(bench.runner->start(
                        RunBench::spec({step("a"), step("b"), step("c", {"a", "b"})})))
                    .has_value());
    bench.settle();
    ASSERT_TRUE(bench.finish(bench.runner->rollback(kRun, "ann")).has_value());
    EXPECT_EQ(bench.status(kRun), RunStatus::kRollingBack);
    bench.advance(seconds(1));
    EXPECT_EQ(bench.status(kRun, "a"), StepStatus::kUndoing);
    EXPECT_EQ(bench.status(kRun, "b"), StepStatus::kDone);
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kRolledBack);
    EXPECT_EQ(bench.status(kRun, "b"), StepStatus::kUndone);
    EXPECT_EQ(bench.world.violations, std::vector<std::string>{});
}

TEST(Runner, DeniesARollbackPastAPointOfNoReturn) {
    RunBench bench({{"a", once()}, {"b", refusing(1000, Errc::kDenied)}});
    auto promote = step("a");
    promote.point_of_no_return = true;
    ASSERT_TRUE(
        bench.finish(bench.runner->start(RunBench::spec({promote, step("b", {"a"})}))).has_value());
    bench.settle();
    const auto denied = bench.finish(bench.runner->rollback(kRun, "ann"));
    ASSERT_FALSE(denied.has_value());
    EXPECT_EQ(denied.error().code(), Errc::kDenied);
    EXPECT_NE(denied.error().message().find("\"a\""), std::string::npos);
    EXPECT_EQ(bench.run(kRun).reason.find("rollback"), std::string::npos);
    ASSERT_TRUE(bench.finish(bench.runner->abort(kRun, "ann")).has_value());
    EXPECT_EQ(bench.status(kRun), RunStatus::kFailed);
}

TEST(Runner, AbortsAfterTheStepsUnderWay) {
    RunBench bench({{"a", once()}, {"b", once()}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a"), step("b", {"a"})})))
                    .has_value());
    bench.advance(std::chrono::milliseconds(500));
    ASSERT_TRUE(bench.finish(bench.runner->abort(kRun, "ann")).has_value());
    EXPECT_FALSE(is_final(bench.status(kRun)));
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kAborted);
    EXPECT_EQ(bench.status(kRun, "a"), StepStatus::kDone);
    EXPECT_EQ(bench.status(kRun, "b"), StepStatus::kPending);
    EXPECT_EQ(bench.run(kRun).reason, "aborted by ann");
}

TEST(Runner, StopsBeforeTheNextEffectWhenItsEpochIsLost) {
    RunBench bench({{"a", once()}, {"b", once()}});
    bench.newest_epoch = {7};
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a"), step("b", {"a"})})))
                    .has_value());
    bench.newest_epoch = {8};
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    EXPECT_NE(bench.run(kRun).reason.find("epoch 7"), std::string::npos);
    EXPECT_EQ(bench.world.things[StepId("a")].applied, 1);
    EXPECT_EQ(bench.world.things[StepId("b")].applied, 0);
    EXPECT_EQ(bench.status(kRun, "b"), StepStatus::kPending);
    bench.newest_epoch = {7};
    ASSERT_TRUE(bench.finish(bench.runner->resume(kRun, "ann")).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kDone);
    EXPECT_EQ(bench.world.things[StepId("b")].applied, 1);
}

TEST(Runner, AsksAPersonWhenItCantTellWhetherAnUnrepeatableStepHappened) {
    auto blind = once();
    blind.can_tell = false;
    blind.silent = 1;
    RunBench bench({{"a", blind}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    const auto reason = bench.run(kRun).reason;
    EXPECT_NE(reason.find("; it can't be told whether step \"a\""), std::string::npos)
        << "after what happened: " << reason;
    EXPECT_EQ(bench.world.things[StepId("a")].applied, 1);
    ASSERT_TRUE(bench.finish(bench.runner->resume(kRun, "ann")).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kDone);
    EXPECT_EQ(bench.world.things[StepId("a")].applied, 2);
}

TEST(Runner, TreatsAnActionThatOverstaysItsDeadlineAsOfUnknownOutcome) {
    auto slow = once();
    slow.traits.timeout = seconds(10);
    slow.takes = minutes(2);
    slow.traits.attempts = 2;
    RunBench bench({{"a", slow}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    EXPECT_NE(bench.run(kRun).reason.find("deadline"), std::string::npos);
    EXPECT_EQ(bench.world.things[StepId("a")].applied, 0);
}

// Every commit in turn fails in each way that a store can fail; the run only takes longer.
TEST(Runner, OutlastsEachStoreFaultAtEachCommit) {
    using Fault = FaultStore::Fault;
    for (const auto fault :
         {Fault{Errc::kUnavailable, false}, Fault{Errc::kTimedOut, false},
          Fault{Errc::kOutcomeUnknown, false}, Fault{Errc::kOutcomeUnknown, true}}) {
        for (std::size_t at = 2; at <= 6; ++at) {
            SCOPED_TRACE(std::string(to_string(fault.code)) + " at " + std::to_string(at));
            RunBench bench({{"a", once()}, {"b", once()}});
            bench.store.fault = [at, fault](std::size_t number) {
                return number == at ? std::optional(fault) : std::nullopt;
            };
            const auto started =
                bench.finish(bench.runner->start(RunBench::spec({step("a"), step("b", {"a"})})));
            ASSERT_TRUE(started.has_value());
            bench.settle();
            ASSERT_EQ(bench.status(kRun), RunStatus::kDone);
            EXPECT_EQ(bench.world.things[StepId("b")].applied, 1);
        }
    }
}

TEST(Runner, StartsOnceWhenTheStoresAnswerToTheStartIsLost) {
    RunBench bench({{"a", once()}});
    bench.store.fault = [](std::size_t number) {
        return number == 1 ? std::optional(FaultStore::Fault{Errc::kOutcomeUnknown, true})
                           : std::nullopt;
    };
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    bench.settle();
    EXPECT_EQ(bench.world.things[StepId("a")].applied, 1);
}

TEST(Runner, ListsARunWhoseJournalIsCorruptAndGoesOnWithTheOthers) {
    RunBench bench({{"a", once()}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    auto second = RunBench::spec({step("a")});
    second.id = RunId("r-2");
    second.cause.service = ServiceId("blog");
    ASSERT_TRUE(bench.finish(bench.runner->start(second)).has_value());
    bench.shut_down();
    const auto deadline = bench.clock.now() + seconds(1);
    auto entry = **bench.finish(bench.disk.get(record_key(kRun, 1), deadline));
    entry.value[entry.value.size() / 2] ^= 1;
    ASSERT_TRUE(
        bench.finish(bench.disk.commit({{}, {state::Op::put(entry.key, entry.value)}}, deadline))
            .has_value());
    bench.boot();
    ASSERT_TRUE(bench.finish(bench.runner->recover()).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    EXPECT_NE(bench.run(kRun).reason.find("journal entry 1 of run r-1"), std::string::npos)
        << bench.run(kRun).reason;
    const auto refused = bench.finish(bench.runner->resume(kRun, "ann"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Errc::kCorrupt);
    EXPECT_EQ(bench.status(RunId("r-2")), RunStatus::kDone);
    EXPECT_EQ(bench.run(RunId("r-2")).restarts, 1);

    // A person ends it: the service is free, and not a byte is lost.
    auto next = RunBench::spec({step("a")});
    next.id = RunId("r-3");
    EXPECT_EQ(bench.finish(bench.runner->start(next)).error().code(), Errc::kConflict);
    ASSERT_TRUE(bench.finish(bench.runner->abort(kRun, "ann")).has_value());
    EXPECT_EQ(bench.status(kRun), RunStatus::kAborted);
    const auto kept = bench.finish(
        bench.disk.get("aside/" + record_key(kRun, 1), bench.clock.now() + seconds(1)));
    ASSERT_TRUE(kept.has_value() && kept->has_value());
    EXPECT_EQ((*kept)->value, entry.value);
    EXPECT_EQ(bench.finish(bench.runner->abort(kRun, "ann")).error().code(), Errc::kConflict);
    EXPECT_TRUE(bench.finish(bench.runner->start(next)).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(RunId("r-3")), RunStatus::kDone);
    bench.shut_down();
    bench.boot();
    ASSERT_TRUE(bench.finish(bench.runner->recover()).has_value());
    EXPECT_EQ(bench.runner->find(kRun), nullptr);
}

TEST(Runner, KeepsTheJournalThatANewerMusterWrote) {
    RunBench bench({{"a", once()}});
    bench.mortality.die_at({6});
    static_cast<void>(bench.finish(bench.runner->start(RunBench::spec({step("a")}))));
    bench.shut_down();
    bench.mortality.revive();
    const auto deadline = bench.clock.now() + seconds(1);
    auto entry = **bench.finish(bench.disk.get(spec_key(kRun), deadline));
    const auto body = boost::json::parse(entry.value).at("body");
    auto newer = body.as_object();
    newer["version"] = kJournalVersion + 1;
    ASSERT_TRUE(bench
                    .finish(bench.disk.commit(
                        {{}, {state::Op::put(entry.key, seal(newer, {}).text)}}, deadline))
                    .has_value());
    bench.boot();
    ASSERT_TRUE(bench.finish(bench.runner->recover()).has_value());
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    EXPECT_NE(bench.run(kRun).reason.find("newer"), std::string::npos) << bench.run(kRun).reason;
    EXPECT_EQ(bench.finish(bench.runner->abort(kRun, "ann")).error().code(), Errc::kInvalid);
    EXPECT_TRUE(bench.finish(bench.disk.get(spec_key(kRun), deadline))->has_value());
}

TEST(Runner, KeepsTheStepsItBeganWith) {
    RunBench bench({{"a", once()}, {"b", once()}});
    auto spec = RunBench::spec({step("a"), step("b", {"a"}, {{"x", "old"}})});
    ASSERT_TRUE(bench.finish(bench.runner->start(spec)).has_value());
    spec.steps = StepList({step("a"), step("b", {"a"}, {{"x", "new"}})});
    spec.plan_digest = "another";
    spec.parameters["more"] = "x";
    bench.shut_down();
    bench.boot();
    ASSERT_TRUE(bench.finish(bench.runner->recover()).has_value());
    bench.settle();
    EXPECT_EQ(bench.run(kRun).steps.at(StepId("b")).outputs.at("mark"), "b(old)");
    EXPECT_TRUE(bench.run(kRun).spec.plan_digest.empty());
    EXPECT_TRUE(bench.run(kRun).spec.parameters.empty());
    spec.id = RunId("r-2");
    ASSERT_TRUE(bench.finish(bench.runner->start(spec)).has_value());
    bench.settle();
    EXPECT_EQ(bench.run(RunId("r-2")).steps.at(StepId("b")).outputs.at("mark"), "b(new)");
}

TEST(StepList, IsSharedByItsCopiesAndNeverChangedUnderThem) {
    StepList one({step("a")});
    const StepList other = one;
    EXPECT_EQ(&one.front(), &other.front());
    one.push_back(step("b"));
    EXPECT_EQ(one.size(), 2U);
    EXPECT_EQ(other.size(), 1U);
    EXPECT_TRUE(StepList().empty());
}

// More keys than one page of the store's listing, so that a run's own keys lie on two.
TEST(Runner, TakesUpMoreRunsThanOnePageOfTheStoreHolds) {
    constexpr int kMany = 190;
    RunBench bench({{"a", once()}, {"b", once()}, {"c", once()}, {"d", once()}});
    const auto id = [](int number) { return RunId("r-" + std::to_string(10'000 + number)); };
    for (int number = 0; number < kMany; ++number) {
        auto spec =
            RunBench::spec({step("a"), step("b", {"a"}), step("c", {"b"}), step("d", {"c"})});
        spec.id = id(number);
        ASSERT_TRUE(bench.finish(bench.runner->start(spec)).has_value());
        bench.settle();
    }
    bench.shut_down();
    const auto deadline = bench.clock.now() + seconds(1);
    ASSERT_GT(bench.finish(bench.disk.list({"runs/", "", 0}, deadline))->size(), 1000U);
    bench.boot();
    ASSERT_TRUE(bench.finish(bench.runner->recover()).has_value());
    for (int number = 0; number < kMany; ++number) {
        ASSERT_EQ(bench.status(id(number)), RunStatus::kDone) << number;
    }
}

TEST(Runner, StopsDrivingARunThatAnotherProcessWrites) {
    RunBench bench({{"a", once()}, {"b", once()}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a"), step("b", {"a"})})))
                    .has_value());
    const auto deadline = bench.clock.now() + seconds(1);
    ASSERT_TRUE(bench
                    .finish(bench.disk.commit({{}, {state::Op::put(record_key(kRun, 2), "other")}},
                                              deadline))
                    .has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kWaiting);
    EXPECT_EQ(bench.world.things[StepId("b")].applied, 0);
}

TEST(Runner, LeavesARunThatAnotherNodeDrives) {
    RunBench bench({{"a", once()}});
    ASSERT_TRUE(bench.finish(bench.runner->start(RunBench::spec({step("a")}))).has_value());
    Runner other(
        Runner::Deps{bench.loop.get_executor(),
                     bench.clock,
                     bench.random,
                     bench.log,
                     bench.store,
                     bench.actions,
                     {},
                     [](const workflow::Run& run) { return run.spec.cause.to == SiteId("east"); }},
        {});
    ASSERT_TRUE(bench.finish(other.recover()).has_value());
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kDone);
    ASSERT_NE(other.find(kRun), nullptr);
    EXPECT_EQ(other.find(kRun)->restarts, 0);
    const auto refused = bench.finish(other.abort(kRun, "ann"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Errc::kConflict);
}

TEST(Runner, StartsAllTheSameWhenTheAskerGoesAway) {
    RunBench bench({{"a", once()}});
    {
        TaskGroup asker(bench.loop.get_executor());
        const auto ask = [](RunBench* on) -> Task<> {
            CO_TRY_OK(co_await on->runner->start(RunBench::spec({step("a")})));
            co_return Result<>{};
        };
        asker.spawn(ask(&bench));
        ASSERT_TRUE(bench.finish(asker.stop()).has_value());
    }
    bench.settle();
    EXPECT_EQ(bench.status(kRun), RunStatus::kDone);
}

TEST(Runner, KeepsTheNewestFinishedRunsInMemory) {
    RunBench bench({{"a", once()}});
    for (std::size_t i = 0; i < Runner::kMaxFinishedRuns + 5; ++i) {
        auto spec = RunBench::spec({step("a")});
        spec.id = RunId("r-" + std::to_string(1000 + i));
        ASSERT_TRUE(bench.finish(bench.runner->start(spec)).has_value());
        bench.settle();
    }
    const auto runs = bench.runner->list();
    EXPECT_EQ(runs.size(), Runner::kMaxFinishedRuns);
    EXPECT_EQ(runs.front()->spec.id.str(), "r-1204");
    EXPECT_EQ(bench.runner->find(RunId("r-1000")), nullptr);
}

TEST(Runner, RunsWithoutAServiceSideBySide) {
    RunBench bench({{"a", once()}});
    for (const char* id : {"r-1", "r-2"}) {
        auto spec = RunBench::spec({step("a")});
        spec.id = RunId(id);
        spec.cause.service = {};
        ASSERT_TRUE(bench.finish(bench.runner->start(spec)).has_value());
    }
    bench.settle();
    EXPECT_EQ(bench.status(RunId("r-2")), RunStatus::kDone);
}

TEST(RunIds, AreReadableAndSortByTime) {
    SeededRandom random(1);
    const auto wall = parse_wall("2026-11-21T05:08:28Z");
    const auto id = make_run_id(*wall, random).str();
    EXPECT_EQ(id.substr(0, id.size() - 4), "r-20261121-050828-");
    EXPECT_LT(make_run_id(*wall, random), make_run_id(*wall + seconds(1), random));
}

}  // namespace
}  // namespace muster::workflow
