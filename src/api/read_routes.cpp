#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "api/encode.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "api/page.h"
#include "api/query.h"
#include "api/route.h"
#include "decide/decide.h"

namespace muster::api {

namespace json = boost::json;

Task<Response> get_health(Call call) {
    const auto status = call.node.status();
    json::object body{{"status", "ok"},
                      {"node", status.node.str()},
                      {"plan", status.plan},
                      {"has_full_picture", status.has_full_picture},
                      {"is_eligible", status.is_eligible}};
    co_return json_response(json::serialize(body));
}

Task<Response> get_status(Call call) {
    StatusParts parts;
    parts.with_history = call.query("history") == "true";
    co_return json_response(json::serialize(encode(call.node.status(), call.clock.now(), parts)));
}

Task<Response> get_plan(Call call) {
    co_return json_response(json::serialize(encode(call.node.plan())));
}

Task<Response> get_why(Call call) {
    CO_TRY(const auto decision, call.node.why(ServiceId(call.captures.at("service"))));
    const Instant now = call.clock.now();
    auto body = encode(decision, now);
    body["explanation"] = decide::explain(decision, now);
    co_return json_response(json::serialize(body));
}

Task<Response> get_events(Call call) {
    CO_TRY(const auto after, query_number(call, "after", {0, -1, INT64_MAX}));
    CO_TRY(const auto limit, query_number(call, "limit", {100, 1, kMaxEvents}));
    CO_TRY(const auto events, co_await call.node.events(after, static_cast<std::size_t>(limit)));
    json::array list;
    std::int64_t last = after;
    for (const auto& event : events) {
        list.push_back(encode(event));
        last = std::max(last, event.id);
    }
    const json::object body{{"events", std::move(list)}, {"next_after", last}};
    co_return json_response(json::serialize(body));
}

Task<Response> get_page(Call call) {
    static_cast<void>(call);
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.body = status_page();
    response.headers["Cache-Control"] = "no-cache";
    response.headers["Content-Security-Policy"] =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self'; frame-ancestors 'none'";
    co_return response;
}

Task<Response> get_metrics(Call call) {
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = render_metrics(call.node.status(), call.node.runs());
    co_return response;
}

Task<Response> get_openapi(Call call) {
    static_cast<void>(call);
    co_return json_response(openapi_document());
}

}  // namespace muster::api
