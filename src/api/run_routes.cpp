#include <boost/json.hpp>

#include "api/encode.h"
#include "api/query.h"
#include "api/route.h"
#include "evidence/report.h"

namespace muster::api {

namespace json = boost::json;

namespace {

constexpr std::int64_t kMaxRuns = 1000;

Result<const workflow::Run*> find_run(const Call& call) {
    const auto& id = call.captures.at("id");
    if (const auto* run = call.node.find_run(RunId(id))) {
        return run;
    }
    return Error{Errc::kNotFound, "there is no run " + id, "list them: muster run list"};
}

// What a change of a run answers: the run as it then stands.
Task<Response> answer_run(Call call) {
    CO_TRY(const auto* run, find_run(call));
    co_return json_response(json::serialize(encode(*run)));
}

Task<Response> change_run(Call call, Task<> (NodeView::*change)(RunId run, std::string by)) {
    CO_TRY(const auto body, read_body(call));
    CO_TRY_OK(co_await (call.node.*change)(RunId(call.captures.at("id")), body.by));
    co_return co_await answer_run(std::move(call));
}

}  // namespace

Task<Response> get_runs(Call call) {
    CO_TRY(const auto limit, query_number(call, "limit", {100, 1, kMaxRuns}));
    const auto service = call.query("service");
    json::array list;
    for (const auto* run : call.node.runs()) {
        if (static_cast<std::int64_t>(list.size()) >= limit) {
            break;
        }
        if (service.empty() || run->spec.cause.service.str() == service) {
            list.push_back(encode_brief(*run));
        }
    }
    // Runs outlive their service: only a name that has neither is nobody's.
    if (list.empty() && !service.empty() && call.node.plan().find(ServiceId(service)) == nullptr) {
        co_return Error{Errc::kNotFound, "there is no service " + service + ", nor a run of it",
                        "see the services: muster status"};
    }
    const json::object body{{"runs", std::move(list)}};
    co_return json_response(json::serialize(body));
}

Task<Response> get_run(Call call) {
    return answer_run(std::move(call));
}

Task<Response> get_report(Call call) {
    CO_TRY(const auto* run, find_run(call));
    const auto format = call.query("format", "html");
    const auto report = evidence::measure(*run);
    Response response;
    if (format == "html") {
        response.content_type = "text/html; charset=utf-8";
        response.body = evidence::to_html(report);
    } else if (format == "md") {
        response.content_type = "text/markdown; charset=utf-8";
        response.body = evidence::to_markdown(report);
    } else if (format == "json") {
        response.body = evidence::to_json(report);
    } else if (format == "svg") {
        response.content_type = "image/svg+xml";
        response.body = evidence::timeline_svg(report);
    } else {
        co_return Error{Errc::kInvalid, "there is no report format \"" + format + "\"",
                        "the formats are html, md, json and svg"};
    }
    response.headers["Content-Security-Policy"] =
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    co_return response;
}

Task<Response> post_run_resume(Call call) {
    return change_run(std::move(call), &NodeView::resume);
}

Task<Response> post_run_abort(Call call) {
    return change_run(std::move(call), &NodeView::abort);
}

Task<Response> post_run_rollback(Call call) {
    return change_run(std::move(call), &NodeView::rollback);
}

Task<Response> post_step_approve(Call call) {
    CO_TRY(const auto body, read_body(call));
    const RunId run(call.captures.at("id"));
    const StepId step(call.captures.at("step"));
    CO_TRY_OK(co_await call.node.approve(run, step, body.by));
    co_return co_await answer_run(std::move(call));
}

}  // namespace muster::api
