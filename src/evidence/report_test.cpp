#include "evidence/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>

#include "evidence/text.h"

namespace muster::evidence {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using workflow::Run;
using workflow::RunStatus;
using workflow::StepStatus;

const WallTime kBegan = *parse_wall("2026-11-21T05:08:28.000Z");

struct Made {
    std::string id;
    std::string phase;
    Duration began;
    Duration took;
    Fields outputs = {};
    StepStatus status = StepStatus::kDone;
};

void add(Run& run, const Made& made) {
    plan::Step step;
    step.id = StepId(made.id);
    step.action = "postgres." + made.phase;
    step.phase = made.phase;
    run.spec.steps.push_back(step);
    workflow::StepState state;
    state.status = made.status;
    if (made.status != StepStatus::kPending && made.status != StepStatus::kSkipped) {
        state.attempts = 1;
        state.began_after = made.began;
        state.took = made.took;
        state.started =
            run.started + std::chrono::duration_cast<std::chrono::microseconds>(made.began);
        state.ended =
            *state.started + std::chrono::duration_cast<std::chrono::microseconds>(made.took);
    }
    state.outputs = made.outputs;
    run.steps[step.id] = state;
}

Run failover() {
    Run run;
    run.spec.id = RunId("r-20261121-050830-k3f9");
    run.spec.plan_digest = "9f2c";
    auto& cause = run.spec.cause;
    cause.kind = "failover";
    cause.is_automatic = true;
    cause.requested_by = "muster";
    cause.service = ServiceId("shop");
    cause.from = SiteId("east");
    cause.to = SiteId("west");
    cause.epoch = Epoch{7};
    cause.summary = "fail over, east → west: site east is lost";
    cause.decision = "shop: failover, east → west\n  ✓ votes  3 of 3\n";
    cause.outage_began = kBegan;
    cause.detected = kBegan + 1830ms;
    cause.decided = kBegan + 1850ms;
    cause.rpo = 30s;
    cause.rto = 2min;
    run.started = kBegan + 1900ms;
    run.status = RunStatus::kDone;
    run.took = 2600ms;
    run.ended = run.started + 2600ms;
    add(run, {"orders.fence", "fence", 5ms, 600ms, {{"proof", "stopped"}}});
    add(run, {"orders.keep",
              "promote",
              610ms,
              90ms,
              {{"lost_transactions", "3"}, {"lost_bytes", "4096"}, {"artefact", "divergent-7"}}});
    add(run, {"orders.promote", "promote", 700ms, 500ms, {{"loss_ms", "412.5"}}});
    add(run, {"web.scale", "scale", 1200ms, 700ms});
    add(run, {"entry.point", "steer", 1900ms, 8ms});
    add(run, {"entry.verify", "verify", 1910ms, 690ms, {{"first_good_ms", "290"}}});
    return run;
}

TEST(Measure, TellsTheSixPartsApart) {
    const auto report = measure(failover());
    EXPECT_EQ(report.parts.detect, 1830ms);
    EXPECT_EQ(report.parts.decide, 20ms);
    EXPECT_EQ(report.parts.fence, 655ms);  // 50 ms from decision to run, then the step
    EXPECT_EQ(report.parts.promote, 595ms);
    EXPECT_EQ(report.parts.steer, 708ms);
    EXPECT_EQ(report.parts.users_back, 292ms);
    EXPECT_EQ(report.parts.total, 4100ms);
}

TEST(Measure, PartsAddUpToTheTotal) {
    const auto parts = measure(failover()).parts;
    EXPECT_EQ(*parts.detect + *parts.decide + *parts.fence + *parts.promote + *parts.steer +
                  *parts.users_back,
              *parts.total);
}

TEST(Measure, ReadsTheLossOffTheSteps) {
    const auto report = measure(failover());
    EXPECT_EQ(report.loss.time, 412500us);
    EXPECT_EQ(report.loss.transactions, 3U);
    EXPECT_EQ(report.loss.bytes, 4096U);
    EXPECT_EQ(report.loss.artefact, "divergent-7");
    EXPECT_EQ(report.rpo, Objective::kMet);
    EXPECT_EQ(report.rto, Objective::kMet);
}

TEST(Measure, FallsBackToTheHeartbeatsBoundWhenNoStepToldTheTime) {
    auto run = failover();
    run.steps[StepId("orders.promote")].outputs.clear();
    run.spec.parameters["loss_bound_ms"] = "750.0";
    EXPECT_EQ(measure(run).loss.time, 750ms);
}

TEST(Measure, MissesWhatWentOverTheObjective) {
    auto run = failover();
    run.spec.cause.rto = 4s;
    run.spec.cause.rpo = 400ms;
    const auto report = measure(run);
    EXPECT_EQ(report.rto, Objective::kMissed);
    EXPECT_EQ(report.rpo, Objective::kMissed);
}

TEST(Measure, AMissingAcknowledgedIdBreaksAnRpoOfZeroWhateverWasBelieved) {
    auto run = failover();
    run.spec.steps = {};
    run.steps.clear();
    run.spec.cause.rpo = Duration{};
    run.spec.parameters = {{"was_in_sync", "true"}, {"loss_bound_ms", "0"}};
    add(run, {"orders.keep", "release", 2s, 1s, {{"lost_transactions", "3"}, {"lost_bytes", "9"}}});
    EXPECT_EQ(measure(run).rpo, Objective::kMet);
    EXPECT_THAT(to_markdown(measure(run)), HasSubstr("none of it acknowledged"));
    EXPECT_THAT(to_markdown(measure(run)), Not(HasSubstr("muster's own")));
    run.steps[StepId("orders.keep")].outputs["own_transactions"] = "2";
    EXPECT_THAT(to_markdown(measure(run)), HasSubstr("3 transactions (2 of muster's own)"));
    add(run, {"orders.acknowledged",
              "release",
              2s,
              1s,
              {{"acknowledged_sampled", "10000"}, {"acknowledged_missing", "0"}}});
    EXPECT_EQ(measure(run).rpo, Objective::kMet);
    EXPECT_EQ(sample_line(measure(run)), "of 10,000 sampled acknowledged ids 0 are missing");
    auto& outputs = run.steps[StepId("orders.acknowledged")].outputs;
    outputs["acknowledged_missing"] = "1";
    outputs["missing_ids"] = "r7";
    EXPECT_EQ(measure(run).rpo, Objective::kMissed);
    EXPECT_EQ(sample_line(measure(run)), "of 10,000 sampled acknowledged ids 1 is missing: r7");
    EXPECT_THAT(to_markdown(measure(run)), Not(HasSubstr("none of it acknowledged")));
}

TEST(Measure, NeverAssumesALossThatWasNotMeasured) {
    auto run = failover();
    for (auto& [id, state] : run.steps) {
        state.outputs.clear();
    }
    const auto report = measure(run);
    EXPECT_FALSE(report.loss.time.has_value());
    EXPECT_EQ(report.rpo, Objective::kUnknown);
    EXPECT_EQ(report.parts.users_back, 692ms);  // without first_good_ms: the step's end
}

TEST(Measure, CountedAndNothingMissingIsNoLoss) {
    auto run = failover();
    run.steps[StepId("orders.promote")].outputs.clear();
    run.steps[StepId("orders.keep")].outputs = {{"lost_transactions", "0"}};
    run.spec.cause.rpo = 0s;
    const auto report = measure(run);
    EXPECT_EQ(report.loss.time, Duration{});
    EXPECT_EQ(report.rpo, Objective::kMet);
}

TEST(Measure, LostTransactionsWithoutTheirTimeLeaveTheRpoUnknown) {
    auto run = failover();
    run.steps[StepId("orders.promote")].outputs.clear();
    EXPECT_EQ(measure(run).rpo, Objective::kUnknown);
}

TEST(Measure, CountsTheSameBytesOnce) {
    auto run = failover();
    run.steps[StepId("orders.promote")].outputs["divergence_bytes"] = "4096";
    EXPECT_EQ(measure(run).loss.bytes, 4096U);
    run.steps[StepId("orders.keep")].outputs.erase("lost_bytes");
    EXPECT_EQ(measure(run).loss.bytes, 4096U);
}

TEST(Measure, TakesNoNumberFromGarbage) {
    auto run = failover();
    run.steps[StepId("orders.promote")].outputs = {{"loss_ms", "12 apples"}};
    run.steps[StepId("orders.keep")].outputs = {{"lost_transactions", "-3"}, {"lost_bytes", "nan"}};
    run.steps[StepId("entry.verify")].outputs = {{"first_good_ms", "1e300"}};
    const auto report = measure(run);
    EXPECT_FALSE(report.loss.time || report.loss.transactions || report.loss.bytes);
    EXPECT_EQ(report.parts.users_back, 692ms);
}

TEST(Measure, AnUnfinishedPhaseAndAllAfterItAreNotMeasured) {
    auto run = failover();
    run.status = RunStatus::kRunning;
    run.ended.reset();
    run.steps[StepId("orders.promote")].status = StepStatus::kRunning;
    run.steps[StepId("entry.point")].status = StepStatus::kPending;
    const auto report = measure(run);
    EXPECT_TRUE(report.parts.fence.has_value());
    EXPECT_FALSE(report.parts.promote || report.parts.steer || report.parts.users_back);
    EXPECT_FALSE(report.parts.total.has_value());
    EXPECT_EQ(report.rto, Objective::kUnknown);
}

TEST(Measure, AnOutageThatIsOverItsObjectiveIsMissedBeforeItEnds) {
    auto run = failover();
    run.status = RunStatus::kWaiting;
    run.steps[StepId("orders.promote")].status = StepStatus::kFailed;
    run.took = 3min;
    EXPECT_EQ(measure(run).rto, Objective::kMissed);
}

TEST(Measure, PlannedMoveCountsFromTheFirstFence) {
    auto run = failover();
    run.spec.cause.kind = "switchover";
    run.spec.cause.outage_began.reset();
    run.spec.cause.detected.reset();
    run.spec.cause.decided.reset();
    const auto report = measure(run);
    EXPECT_FALSE(report.parts.detect || report.parts.decide);
    EXPECT_EQ(report.parts.fence, 600ms);
    EXPECT_EQ(report.parts.total, 2195ms);
}

TEST(Measure, SkippedPhasesLeaveTheOthersMeasured) {
    auto run = failover();
    run.steps[StepId("entry.point")].status = StepStatus::kSkipped;
    const auto report = measure(run);
    EXPECT_FALSE(report.parts.steer.has_value());
    EXPECT_EQ(report.parts.users_back, 1000ms);
}

TEST(Measure, RunWithoutAServiceHasNoObjectives) {
    auto run = failover();
    run.spec.cause.service = {};
    EXPECT_EQ(measure(run).rto, Objective::kUnknown);
}

TEST(Json, HoldsWhatWasMeasured) {
    const auto root = boost::json::parse(to_json(measure(failover()))).as_object();
    EXPECT_EQ(root.at("run").as_string(), "r-20261121-050830-k3f9");
    EXPECT_EQ(root.at("status").as_string(), "done");
    EXPECT_DOUBLE_EQ(root.at("parts").at("detect_s").as_double(), 1.83);
    EXPECT_DOUBLE_EQ(root.at("parts").at("total_s").as_double(), 4.1);
    EXPECT_EQ(root.at("loss").at("transactions").to_number<int>(), 3);
    EXPECT_EQ(root.at("rto").as_string(), "met");
    EXPECT_EQ(root.at("steps").as_array().size(), 6U);
}

TEST(Json, WhatWasNotMeasuredIsNull) {
    const workflow::Run run;
    const auto root = boost::json::parse(to_json(measure(run))).as_object();
    EXPECT_TRUE(root.at("parts").at("total_s").is_null());
    EXPECT_TRUE(root.at("loss").at("time_s").is_null());
    EXPECT_EQ(root.at("rpo").as_string(), "unknown");
}

Run hostile() {
    auto run = failover();
    const std::string nasty = "<script>alert('x')</script> & \"q\" | `b` \x01\xff";
    run.spec.cause.summary = nasty;
    run.spec.cause.decision = nasty + "\n````";
    run.spec.cause.service = ServiceId(nasty);
    run.reason = nasty;
    add(run, {nasty, "verify", 1s, 1s, {{nasty, nasty}}, StepStatus::kFailed});
    run.steps[StepId(nasty)].error = nasty;
    return run;
}

TEST(Html, EscapesEveryText) {
    const auto html = to_html(measure(hostile()));
    EXPECT_THAT(html, Not(HasSubstr("<script")));
    EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
    EXPECT_EQ(html, clean(html));
}

TEST(Html, NeedsNothingFromOutside) {
    const auto html = to_html(measure(failover()));
    for (const auto* outside : {"src=", "href=", "@import", "url(", "<script", "<link"}) {
        EXPECT_THAT(html, Not(HasSubstr(outside)));
    }
    EXPECT_THAT(html, HasSubstr("<svg"));
}

TEST(Timeline, EscapesEveryText) {
    EXPECT_THAT(timeline_svg(measure(hostile())), Not(HasSubstr("<script")));
}

TEST(Timeline, DrawsARunWithoutAnything) {
    EXPECT_THAT(timeline_svg(measure(workflow::Run{})), HasSubstr("not measured"));
}

TEST(Markdown, EscapesEveryText) {
    const auto text = to_markdown(measure(hostile()));
    EXPECT_THAT(text, HasSubstr("\\<script\\>"));
    EXPECT_THAT(text, HasSubstr("`````text\n"));
    EXPECT_THAT(text, HasSubstr("\\`b\\`"));
}

TEST(Markdown, NamesPartsAndObjectives) {
    const auto text = to_markdown(measure(failover()));
    EXPECT_THAT(text, HasSubstr("| users back | 292 ms |"));
    EXPECT_THAT(text, HasSubstr("| RTO | 4.10 s of 2m: met |"));
    EXPECT_THAT(text, HasSubstr("3 transactions, 4.00 KiB, kept in divergent-7"));
}

TEST(Text, ReplacesWhatIsNotUtf8) {
    EXPECT_EQ(clean("a\xC3\xA9\xE2\x9C\x93\xF0\x9F\x98\x80"),
              "a\xC3\xA9\xE2\x9C\x93\xF0\x9F\x98\x80");
    EXPECT_EQ(clean("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(clean("\xED\xA0\x80x"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx");
    EXPECT_EQ(clean("\xE2\x9C"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace muster::evidence
