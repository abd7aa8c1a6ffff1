#include <array>
#include <boost/json.hpp>

#include "api/encode.h"
#include "api/route.h"

namespace muster::api {

namespace {

constexpr std::string_view kMoveBody = "to dry_run force vouch_fenced by";

constexpr std::array kRoutes{
    Route{"GET", "/", false, "The live status page, for people", "", "", &get_page},
    Route{"GET", "/healthz", false, "Whether this node serves", "", "", &get_health},
    Route{"GET", "/metrics", false, "Metrics in Prometheus' text format", "", "", &get_metrics},
    Route{"GET", "/api/v1/openapi.json", false, "This document", "", "", &get_openapi},
    Route{"GET", "/api/v1/status", false, "Everything this node sees now", "", "history",
          &get_status},
    Route{"GET", "/api/v1/plan", false, "The plan in force, without settings", "", "", &get_plan},
    Route{"GET", "/api/v1/services/{service}/why", false,
          "The newest decision on a service, with what stopped it", "", "", &get_why},
    Route{"GET", "/api/v1/events", false, "What happened, oldest first", "", "after limit",
          &get_events},
    Route{"GET", "/api/v1/stream", false,
          "Server-sent events: status, runs and events as they change", "", "after", &get_stream},
    Route{"GET", "/api/v1/runs", false, "All runs, newest first", "", "service limit", &get_runs},
    Route{"GET", "/api/v1/runs/{id}", false, "A run with its steps", "", "", &get_run},
    Route{"GET", "/api/v1/runs/{id}/report", false,
          "A run measured against its objectives: html, md, json or svg", "", "format",
          &get_report},
    Route{"POST", "/api/v1/services/{service}/failover", true, "Move a service after a loss",
          kMoveBody, "", &post_failover},
    Route{"POST", "/api/v1/services/{service}/switchover", true, "Move a service without loss",
          kMoveBody, "", &post_switchover},
    Route{"POST", "/api/v1/services/{service}/failback", true,
          "Move a service home to the plan's primary, without loss", kMoveBody, "", &post_failback},
    Route{"POST", "/api/v1/services/{service}/rebuild", true,
          "Make a site a standby of the primary again", kMoveBody, "", &post_rebuild},
    Route{"POST", "/api/v1/services/{service}/approve", true,
          "Answer a decision that waits for a person", "by", "", &post_service_approve},
    Route{"POST", "/api/v1/runs/{id}/resume", true, "Try a failed step again", "by", "",
          &post_run_resume},
    Route{"POST", "/api/v1/runs/{id}/abort", true, "End a run; nothing is undone", "by", "",
          &post_run_abort},
    Route{"POST", "/api/v1/runs/{id}/rollback", true, "Undo a run's finished steps", "by", "",
          &post_run_rollback},
    Route{"POST", "/api/v1/runs/{id}/steps/{step}/approve", true, "Answer a waiting step", "by", "",
          &post_step_approve},
    Route{"GET", "/api/v1/backups", false, "Every backup of the plan, and what it is worth", "", "",
          &get_backups},
    Route{"POST", "/api/v1/backups/{service}/{component}/run", true,
          "Back a component up now, and try the restore", "verify by", "", &post_backup_run},
    Route{"POST", "/api/v1/backups/{service}/{component}/accept", true,
          "Answer for a suspicious backup", "by", "", &post_backup_accept},
    Route{"POST", "/api/v1/procedures/{name}", true, "Start a declared procedure", "parameters by",
          "", &post_procedure},
    Route{"POST", "/api/v1/reload", true, "Read the plan file again", "", "", &post_reload},
};

std::string_view take_segment(std::string_view& path) {
    const auto end = path.find('/');
    const auto segment = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    return segment;
}

}  // namespace

std::span<const Route> all_routes() {
    return kRoutes;
}

std::optional<Fields> match(std::string_view pattern, std::string_view path) {
    const auto slashes = [](std::string_view text) { return std::ranges::count(text, '/'); };
    if (slashes(pattern) != slashes(path)) {
        return std::nullopt;
    }
    Fields captures;
    while (!pattern.empty()) {
        const auto wanted = take_segment(pattern);
        const auto given = take_segment(path);
        if (!wanted.starts_with('{')) {
            if (wanted != given) {
                return std::nullopt;
            }
            continue;
        }
        if (given.empty()) {
            return std::nullopt;
        }
        captures[std::string(wanted.substr(1, wanted.size() - 2))] = std::string(given);
    }
    return path.empty() ? std::optional(captures) : std::nullopt;
}

std::string Call::query(const std::string& name, std::string fallback) const {
    const auto found = request.query.find(name);
    if (found == request.query.end()) {
        return fallback;
    }
    return found->second;
}

Response json_response(std::string body) {
    Response response;
    response.body = std::move(body);
    response.body += '\n';
    response.headers["Cache-Control"] = "no-store";
    return response;
}

int status_of(Errc code) {
    switch (code) {
        case Errc::kInvalid:
            return 400;
        case Errc::kNotFound:
            return 404;
        case Errc::kConflict:
            return 409;
        case Errc::kDenied:
            return 403;
        case Errc::kUnavailable:
        case Errc::kCancelled:
            return 503;
        case Errc::kTimedOut:
            return 504;
        case Errc::kOutcomeUnknown:
        case Errc::kCorrupt:
            break;
    }
    return 500;
}

Response error_response(const Error& error) {
    Response response = json_response(boost::json::serialize(encode(error)));
    response.status = status_of(error.code());
    return response;
}

}  // namespace muster::api
