#include <boost/json.hpp>

#include "api/encode.h"
#include "api/query.h"
#include "api/route.h"

namespace muster::api {

namespace json = boost::json;

namespace {

Response accepted(const RunId& run) {
    Response response = json_response(json::serialize(json::object{{"run", run.str()}}));
    response.status = 202;
    response.headers["Location"] = "/api/v1/runs/" + run.str();
    return response;
}

Task<Response> post_request(Call call, agent::MoveRequest request) {
    CO_TRY(const auto body, read_body(call));
    request.service = ServiceId(call.captures.at("service"));
    request.to = SiteId(body.to);
    request.by = body.by;
    request.is_forced = body.is_forced;
    request.is_fence_vouched = body.is_fence_vouched;
    if (body.is_dry_run) {
        CO_TRY(const auto preview, co_await call.node.preview(std::move(request)));
        co_return json_response(json::serialize(encode(preview)));
    }
    CO_TRY(const auto run, co_await call.node.move(std::move(request)));
    co_return accepted(run);
}

Task<Response> post_move(Call call, component::Move::Kind kind) {
    agent::MoveRequest request;
    request.kind = kind;
    return post_request(std::move(call), std::move(request));
}

}  // namespace

Task<Response> post_failover(Call call) {
    return post_move(std::move(call), component::Move::Kind::kFailover);
}

Task<Response> post_switchover(Call call) {
    return post_move(std::move(call), component::Move::Kind::kSwitchover);
}

Task<Response> post_failback(Call call) {
    agent::MoveRequest request;
    request.kind = component::Move::Kind::kSwitchover;
    request.is_failback = true;
    return post_request(std::move(call), std::move(request));
}

Task<Response> post_rebuild(Call call) {
    return post_move(std::move(call), component::Move::Kind::kRebuild);
}

Task<Response> post_service_approve(Call call) {
    CO_TRY(const auto body, read_body(call));
    const ServiceId service(call.captures.at("service"));
    CO_TRY(const auto run, co_await call.node.approve_decision(service, body.by));
    co_return accepted(run);
}

Task<Response> post_procedure(Call call) {
    CO_TRY(const auto body, read_body(call));
    const auto name = call.captures.at("name");
    CO_TRY(const auto run, co_await call.node.run_procedure(name, body.parameters, body.by));
    co_return accepted(run);
}

Task<Response> post_reload(Call call) {
    CO_TRY_OK(read_body(call));
    CO_TRY_OK(co_await call.node.reload());
    const auto& plan = call.node.plan();
    const json::object body{{"plan", plan.name}, {"digest", plan.digest}};
    co_return json_response(json::serialize(body));
}

}  // namespace muster::api
