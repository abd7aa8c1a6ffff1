#include <algorithm>
#include <array>

#include "agent/state.h"

namespace muster::agent {

namespace {

Level level_of(const std::string& severity) {
    if (severity == "error") {
        return Level::kError;
    }
    return severity == "warn" ? Level::kWarn : Level::kInfo;
}

bool may_take_over(const LiveService& live, const SiteId& site) {
    return site == live.plan->primary ||
           std::ranges::find(live.plan->standby, site) != live.plan->standby.end();
}

void read_sites(const LiveService& live, ServiceStatus* status) {
    for (const auto& part : status->components) {
        for (const auto& report : part.sites) {
            const bool is_serving = report.site == live.primacy.site;
            if (is_serving && report.health == probe::Health::kDown) {
                status->health = probe::Health::kDown;
                status->detail = part.id.str() + ": " + report.detail;
            } else if (is_serving && report.health == probe::Health::kUnknown &&
                       status->health == probe::Health::kUp) {
                status->health = probe::Health::kUnknown;
                status->detail = report.detail.empty() ? "" : part.id.str() + ": " + report.detail;
            } else if (!is_serving && may_take_over(live, report.site) && report.lag &&
                       (!status->rpo_now || *report.lag < *status->rpo_now)) {
                status->rpo_now = report.lag;
                status->lag_bytes = report.lag_bytes;
            }
        }
    }
}

std::string warning(const LiveService& live, const ServiceStatus& status) {
    for (const auto& part : status.components) {
        for (const auto& report : part.sites) {
            const std::string where = part.id.str() + "@" + report.site.str() + ": ";
            if (!report.warnings.empty()) {
                return where + report.warnings.front();
            }
            if (!may_take_over(live, report.site) && report.health == probe::Health::kDown) {
                return where + report.detail;
            }
        }
    }
    return {};
}

// The standby is what stands between the service and a loss: without one it is exposed.
std::string exposure(const LiveService& live, const ServiceStatus& status) {
    for (const auto& part : status.components) {
        for (const auto& report : part.sites) {
            const bool is_up = report.health == probe::Health::kUp && report.trouble.empty();
            if (report.site != live.primacy.site && may_take_over(live, report.site) && !is_up) {
                const auto& why = report.trouble.empty() ? report.detail : report.trouble;
                return part.id.str() + "@" + report.site.str() + ": " +
                       (why.empty() ? "not known yet" : why);
            }
        }
    }
    return {};
}

std::string mode_of(const LiveService& live, std::string* reason) {
    if (live.plan->failover.is_frozen) {
        *reason = "freeze: true in the plan";
        return "frozen";
    }
    auto wanted = std::string(plan::to_string(live.plan->failover.mode));
    for (const auto& stage : live.decision.stages) {
        if (stage.name == "mode" && stage.state == decide::Stage::State::kStopped) {
            *reason = stage.reason;
            return wanted == "automatic" ? "approve" : wanted;
        }
    }
    return wanted;
}

// `rebuilt`: what the active run makes a standby again, if it does nothing else.
std::string condition_of(const LiveService& live, const std::optional<SiteId>& rebuilt,
                         ServiceStatus* status) {
    const bool is_down = status->health == probe::Health::kDown;
    if (status->active_run && is_down && rebuilt) {
        status->detail += "; run " + status->active_run->str() + " rebuilds " + rebuilt->str();
        return "down";
    }
    if (status->active_run) {
        status->detail = "run " + status->active_run->str() + " is under way";
        return "moving";
    }
    if (is_down) {
        return "down";
    }
    if (status->health == probe::Health::kUnknown) {
        if (status->detail.empty()) {
            status->detail = "not every target has been seen yet";
        }
        return "unknown";
    }
    for (const auto* state : {"waiting", "degraded"}) {
        for (const auto& part : status->components) {
            if (part.sync && part.sync->state == state) {
                status->detail = part.id.str() + ": " + part.sync->detail;
                return part.sync->state == "waiting" ? "stalled" : "degraded";
            }
        }
    }
    if (const auto lack = exposure(live, *status); !lack.empty()) {
        status->detail = lack;
        return "exposed";
    }
    if (const auto told = warning(live, *status); !told.empty()) {
        status->detail = told;
        return "degraded";
    }
    return "ok";
}

}  // namespace

void Agent::State::emit(Event event) {
    const std::array fields{LogField("subject", event.subject), LogField("message", event.message)};
    deps.log.write(level_of(event.severity), event.name, fields);
    events.append(std::move(event));
}

ServiceStatus Agent::State::status_of(const LiveService& live) const {
    ServiceStatus status;
    status.id = live.plan->id;
    status.primary = live.primacy.site;
    status.epoch = live.primacy.epoch;
    status.rpo = live.plan->objectives.rpo;
    status.rto = live.plan->objectives.rto;
    status.decision = live.decision;
    status.health = live.targets.empty() ? probe::Health::kUnknown : probe::Health::kUp;
    auto reports = reports_of(look(), live);
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        const auto& part = live.plan->components[i];
        status.components.push_back(
            {part.id, part.kind, std::move(reports[i]), sync_status(live, i)});
    }
    read_sites(live, &status);
    status.mode = mode_of(live, &status.mode_reason);
    for (const auto* run : runner.list()) {
        if (run->spec.cause.service != live.plan->id) {
            continue;
        }
        if (!status.last_move) {
            status.last_move = {run->spec.id,         run->spec.cause.kind,
                                run->spec.cause.from, run->spec.cause.to,
                                run->started,         std::string(to_string(run->status))};
        }
    }
    status.forecasts = live.forecasts;
    status.active_run = active_run(live);
    status.condition = condition_of(live, rebuilding(live), &status);
    status.notices = keeper_notices(live);
    return status;
}

}  // namespace muster::agent
