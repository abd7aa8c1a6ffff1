#include <boost/json.hpp>

#include "evidence/report.h"
#include "evidence/segments.h"
#include "evidence/text.h"

namespace muster::evidence {
namespace {

namespace json = boost::json;

json::value seconds(std::optional<Duration> duration) {
    return duration ? json::value(to_seconds(*duration)) : json::value(nullptr);
}

json::value wall(std::optional<WallTime> time) {
    return time ? json::value(format_wall(*time)) : json::value(nullptr);
}

json::value whole(std::optional<std::uint64_t> number) {
    return number ? json::value(*number) : json::value(nullptr);
}

json::object parts_json(const Parts& parts) {
    return {{"detect_s", seconds(parts.detect)}, {"decide_s", seconds(parts.decide)},
            {"fence_s", seconds(parts.fence)},   {"promote_s", seconds(parts.promote)},
            {"steer_s", seconds(parts.steer)},   {"users_back_s", seconds(parts.users_back)},
            {"total_s", seconds(parts.total)}};
}

json::object loss_json(const Loss& loss) {
    return {{"time_s", seconds(loss.time)},
            {"bytes", whole(loss.bytes)},
            {"transactions", whole(loss.transactions)},
            {"own_transactions", whole(loss.own)},
            {"tables", clean(loss.tables)},
            {"artefact", clean(loss.artefact)},
            {"was_in_sync", loss.was_in_sync},
            {"acknowledged", json::object{{"sampled", whole(loss.sampled)},
                                          {"missing", whole(loss.missing)},
                                          {"missing_ids", clean(loss.missing_ids)},
                                          {"error", clean(loss.sample_error)}}}};
}

json::object step_json(const workflow::Run& run, const plan::Step& step) {
    const auto* found = state_of(run, step);
    const auto state = found == nullptr ? workflow::StepState{} : *found;
    json::object outputs;
    for (const auto& [name, value] : state.outputs) {
        outputs[clean(name)] = clean(value);
    }
    const auto began = state.started ? std::optional(state.began_after) : std::nullopt;
    const auto took = state.started ? std::optional(state.took) : std::nullopt;
    return {{"id", clean(step.id.str())}, {"action", clean(step.action)},
            {"phase", clean(step.phase)}, {"status", workflow::to_string(state.status)},
            {"attempts", state.attempts}, {"began_s", seconds(began)},
            {"took_s", seconds(took)},    {"outputs", std::move(outputs)},
            {"error", clean(state.error)}};
}

}  // namespace

std::string to_json(const Report& report) {
    const auto& run = report.run;
    const auto& cause = run.spec.cause;
    json::array steps;
    for (const auto& step : run.spec.steps) {
        steps.push_back(step_json(run, step));
    }
    const json::object root{{"run", clean(run.spec.id.str())},
                            {"kind", clean(cause.kind)},
                            {"service", clean(cause.service.str())},
                            {"from", clean(cause.from.str())},
                            {"to", clean(cause.to.str())},
                            {"epoch", cause.epoch.value},
                            {"status", workflow::to_string(run.status)},
                            {"reason", clean(run.reason)},
                            {"automatic", cause.is_automatic},
                            {"requested_by", clean(cause.requested_by)},
                            {"plan_digest", clean(run.spec.plan_digest)},
                            {"outage_began", wall(cause.outage_began)},
                            {"detected", wall(cause.detected)},
                            {"decided", wall(cause.decided)},
                            {"started", format_wall(run.started)},
                            {"ended", wall(run.ended)},
                            {"took_s", to_seconds(run.took)},
                            {"restarts", run.restarts},
                            {"parts", parts_json(report.parts)},
                            {"loss", loss_json(report.loss)},
                            {"rpo_s", to_seconds(cause.rpo)},
                            {"rto_s", to_seconds(cause.rto)},
                            {"rpo", to_string(report.rpo)},
                            {"rto", to_string(report.rto)},
                            {"steps", std::move(steps)},
                            {"summary", clean(cause.summary)},
                            {"decision", clean(cause.decision)}};
    return json::serialize(root);
}

}  // namespace muster::evidence
