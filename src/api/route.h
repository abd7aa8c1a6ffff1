#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/message.h"
#include "api/node_view.h"
#include "base/clock.h"
#include "base/log.h"

namespace muster::api {

/// What a handler works with: the node, and the request's parts.
struct Call {
    NodeView& node;
    Clock& clock;
    Log& log;
    Request request;
    Fields captures;             ///< Parts of the path: `{service}`, `{id}`, `{step}`, `{name}`.
    std::string_view body_keys;  ///< As the route has them.

    [[nodiscard]] std::string query(const std::string& name, std::string fallback = {}) const;
};

/// One way in: the router, the OpenAPI document and its test all read this table.
struct Route {
    std::string_view method;
    std::string_view pattern;  ///< "/api/v1/runs/{id}"
    bool needs_token = false;  ///< It changes something.
    std::string_view summary;
    std::string_view body;   ///< Names of the body's keys, separated by spaces; empty: none.
    std::string_view query;  ///< Names of query parameters, likewise.
    Task<Response> (*handle)(Call call);
};

/// All routes; `api/routes.cpp` is the one place that lists them.
std::span<const Route> all_routes();

/// The captures when `path` fits the pattern; a capture is never empty and has no slash.
std::optional<Fields> match(std::string_view pattern, std::string_view path);

/// 200 with a JSON text.
Response json_response(std::string body);
/// The error as {"error": {"code", "message", "hint"}} under the status that its code stands for.
Response error_response(const Error& error);
int status_of(Errc code);

// The handlers, by file.
Task<Response> get_health(Call call);            // read_routes.cpp
Task<Response> get_status(Call call);            //
Task<Response> get_plan(Call call);              //
Task<Response> get_why(Call call);               //
Task<Response> get_events(Call call);            //
Task<Response> get_page(Call call);              //
Task<Response> get_metrics(Call call);           //
Task<Response> get_openapi(Call call);           //
Task<Response> get_stream(Call call);            // stream_route.cpp
Task<Response> get_runs(Call call);              // run_routes.cpp
Task<Response> get_run(Call call);               //
Task<Response> get_report(Call call);            //
Task<Response> post_run_resume(Call call);       //
Task<Response> post_run_abort(Call call);        //
Task<Response> post_run_rollback(Call call);     //
Task<Response> post_step_approve(Call call);     //
Task<Response> post_failover(Call call);         // move_routes.cpp
Task<Response> post_switchover(Call call);       //
Task<Response> post_failback(Call call);         //
Task<Response> post_rebuild(Call call);          //
Task<Response> post_service_approve(Call call);  //
Task<Response> post_procedure(Call call);        //
Task<Response> post_reload(Call call);           //
Task<Response> get_backups(Call call);           // backup_routes.cpp
Task<Response> post_backup_run(Call call);       //
Task<Response> post_backup_accept(Call call);    //

}  // namespace muster::api
