#include <boost/json.hpp>

#include "api/encode.h"

namespace muster::api {

namespace json = boost::json;

namespace {

json::object encode_cause(const workflow::Cause& cause) {
    return {{"kind", cause.kind},
            {"is_automatic", cause.is_automatic},
            {"requested_by", cause.requested_by},
            {"service", cause.service.str()},
            {"from", cause.from.str()},
            {"to", cause.to.str()},
            {"epoch", cause.epoch.value},
            {"summary", cause.summary},
            {"decision", cause.decision},
            {"outage_began", wall_or_null(cause.outage_began)},
            {"detected", wall_or_null(cause.detected)},
            {"decided", wall_or_null(cause.decided)},
            {"rpo_s", to_seconds(cause.rpo)},
            {"rto_s", to_seconds(cause.rto)}};
}

json::object encode_step(const plan::Step& step, const workflow::StepState& state) {
    json::array needs;
    for (const auto& need : step.needs) {
        needs.push_back(json::value(need.str()));
    }
    return {{"id", step.id.str()},
            {"action", step.action},
            {"phase", step.phase},
            {"needs", std::move(needs)},
            {"point_of_no_return", step.point_of_no_return},
            {"status", workflow::to_string(state.status)},
            {"attempts", state.attempts},
            {"error", state.error},
            {"outputs", encode(state.outputs)},
            {"started", wall_or_null(state.started)},
            {"ended", wall_or_null(state.ended)},
            {"began_after_s", to_seconds(state.began_after)},
            {"took_s", to_seconds(state.took)}};
}

int steps_done(const workflow::Run& run) {
    int done = 0;
    for (const auto& [id, state] : run.steps) {
        done += static_cast<int>(state.status == workflow::StepStatus::kDone ||
                                 state.status == workflow::StepStatus::kSkipped);
    }
    return done;
}

}  // namespace

json::object encode_brief(const workflow::Run& run) {
    const auto& cause = run.spec.cause;
    return {{"id", run.spec.id.str()},
            {"kind", cause.kind},
            {"service", cause.service.str()},
            {"from", cause.from.str()},
            {"to", cause.to.str()},
            {"is_automatic", cause.is_automatic},
            {"requested_by", cause.requested_by},
            {"summary", cause.summary},
            {"status", workflow::to_string(run.status)},
            {"is_final", workflow::is_final(run.status)},
            {"reason", run.reason},
            {"started", format_wall(run.started)},
            {"ended", wall_or_null(run.ended)},
            {"took_s", to_seconds(run.took)},
            {"steps_done", steps_done(run)},
            {"steps_total", run.spec.steps.size()}};
}

json::object encode(const workflow::Run& run) {
    json::object result = encode_brief(run);
    json::array steps;
    for (const auto& step : run.spec.steps) {
        const auto found = run.steps.find(step.id);
        steps.push_back(
            encode_step(step, found == run.steps.end() ? workflow::StepState{} : found->second));
    }
    result["plan_digest"] = run.spec.plan_digest;
    result["parameters"] = encode(run.spec.parameters);
    result["restarts"] = run.restarts;
    result["cause"] = encode_cause(run.spec.cause);
    result["steps"] = std::move(steps);
    return result;
}

}  // namespace muster::api
