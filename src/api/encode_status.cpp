#include <boost/json.hpp>

#include "api/encode.h"

namespace muster::api {

namespace json = boost::json;

namespace {

json::value bytes_or_null(const std::optional<ByteCount>& size) {
    return size ? json::value(size->bytes) : json::value(nullptr);
}

json::object encode_site(const component::SiteReport& report) {
    return {{"site", report.site.str()},
            {"health", probe::to_string(report.health)},
            {"evidence", probe::to_string(report.evidence)},
            {"role", report.role},
            {"detail", report.detail},
            {"is_writable", report.is_writable},
            {"lag_s", seconds_or_null(report.lag)},
            {"lag_bytes", bytes_or_null(report.lag_bytes)},
            {"is_in_sync", report.is_in_sync},
            {"is_confirmed_stopped", report.is_confirmed_stopped},
            {"healthy", report.healthy},
            {"wanted", report.wanted},
            {"warnings", json::array(report.warnings.begin(), report.warnings.end())}};
}

json::object encode_component(const agent::ComponentStatus& component) {
    json::array sites;
    for (const auto& site : component.sites) {
        sites.push_back(encode_site(site));
    }
    json::value replication = nullptr;
    if (const auto& sync = component.sync) {
        replication = json::object{{"state", sync->state},
                                   {"site", sync->site.str()},
                                   {"standby", sync->standby},
                                   {"detail", sync->detail}};
    }
    json::array backups;
    for (const auto& job : component.backups) {
        backups.push_back(encode(job));
    }
    return {{"id", component.id.str()},
            {"kind", component.kind},
            {"backups", std::move(backups)},
            {"sites", std::move(sites)},
            {"replication", std::move(replication)}};
}

json::object encode_move(const agent::LastMove& move) {
    return {{"run", move.run.str()}, {"kind", move.kind},          {"from", move.from.str()},
            {"to", move.to.str()},   {"at", format_wall(move.at)}, {"status", move.status}};
}

json::array encode_history(const agent::TargetStatus& target, Instant now) {
    json::array history;
    for (const auto& seen : target.history) {
        history.push_back(json::object{{"age_s", to_seconds(now - seen.at)},
                                       {"evidence", probe::to_string(seen.evidence)},
                                       {"latency_ms", to_ms(seen.latency)},
                                       {"detail", seen.detail}});
    }
    return history;
}

json::object encode_target(const agent::TargetStatus& target, Instant now) {
    const auto& verdict = target.verdict;
    const bool is_sampled = verdict.sampled != Instant{};
    return {{"service", target.target.service.str()},
            {"component", target.target.component.str()},
            {"site", target.target.site.str()},
            {"instance", target.target.instance},
            {"health", probe::to_string(verdict.health)},
            {"evidence", probe::to_string(verdict.evidence)},
            {"is_suspect", verdict.is_suspect},
            {"detail", verdict.detail},
            {"since_age_s", is_sampled ? json::value(to_seconds(now - verdict.since)) : nullptr},
            {"latency_ms", is_sampled ? json::value(to_ms(verdict.latency)) : nullptr},
            {"facts", encode(verdict.facts)}};
}

}  // namespace

json::value seconds_or_null(const std::optional<Duration>& duration) {
    return duration ? json::value(to_seconds(*duration)) : json::value(nullptr);
}

json::value wall_or_null(const std::optional<WallTime>& time) {
    return time ? json::value(format_wall(*time)) : json::value(nullptr);
}

json::object encode(const Fields& fields) {
    json::object result;
    for (const auto& [name, text] : fields) {
        result[name] = text;
    }
    return result;
}

json::object encode(const Error& error) {
    return {{"error", json::object{{"code", to_string(error.code())},
                                   {"message", error.message()},
                                   {"hint", error.hint()}}}};
}

json::object encode(const agent::ServiceStatus& service, Instant now) {
    json::array components;
    for (const auto& component : service.components) {
        components.push_back(encode_component(component));
    }
    json::array forecasts;
    for (const auto& forecast : service.forecasts) {
        forecasts.push_back(encode(forecast));
    }
    json::object result;
    result["id"] = service.id.str();
    result["primary"] = service.primary.str();
    result["epoch"] = service.epoch.value;
    result["health"] = probe::to_string(service.health);
    result["condition"] = service.condition;
    result["detail"] = service.detail;
    result["rpo_now_s"] = seconds_or_null(service.rpo_now);
    result["lag_bytes"] = bytes_or_null(service.lag_bytes);
    result["rpo_s"] = to_seconds(service.rpo);
    result["rto_s"] = to_seconds(service.rto);
    result["mode"] = service.mode;
    result["mode_reason"] = service.mode_reason;
    result["active_run"] =
        service.active_run ? json::value(service.active_run->str()) : json::value(nullptr);
    result["last_move"] =
        service.last_move ? json::value(encode_move(*service.last_move)) : json::value(nullptr);
    result["forecasts"] = std::move(forecasts);
    result["notices"] = json::array(service.notices.begin(), service.notices.end());
    result["components"] = std::move(components);
    result["decision"] = encode(service.decision, now);
    return result;
}

json::object encode(const agent::NodeStatus& status, Instant now, StatusParts parts) {
    json::array services;
    for (const auto& service : status.services) {
        services.push_back(encode(service, now));
    }
    json::object result;
    result["node"] = status.node.str();
    result["site"] = status.site.str();
    result["plan"] = status.plan;
    result["plan_digest"] = status.plan_digest;
    result["now"] = format_wall(status.now);
    result["uptime_s"] = to_seconds(status.uptime);
    result["has_full_picture"] = status.has_full_picture;
    result["is_eligible"] = status.is_eligible;
    result["why_not_eligible"] = status.why_not_eligible;
    result["store_problem"] = status.store_problem;
    result["services"] = std::move(services);
    if (parts.with_targets) {
        json::array targets;
        for (const auto& target : status.targets) {
            auto encoded = encode_target(target, now);
            if (parts.with_history) {
                encoded["history"] = encode_history(target, now);
            }
            targets.push_back(std::move(encoded));
        }
        result["targets"] = std::move(targets);
    }
    return result;
}

json::object encode(const agent::Event& event) {
    return {{"id", event.id},
            {"at", format_wall(event.at)},
            {"name", event.name},
            {"severity", event.severity},
            {"subject", event.subject},
            {"message", event.message},
            {"data", encode(event.data)}};
}

}  // namespace muster::api
