#include <boost/json.hpp>

#include "api/encode.h"
#include "api/query.h"
#include "api/route.h"

namespace muster::api {

namespace json = boost::json;

Task<Response> get_backups(Call call) {
    json::array backups;
    for (const auto& service : call.node.status().services) {
        for (const auto& component : service.components) {
            for (const auto& job : component.backups) {
                backups.push_back(encode(job));
            }
        }
    }
    co_return json_response(json::serialize(json::object{{"backups", std::move(backups)}}));
}

Task<Response> post_backup_run(Call call) {
    CO_TRY(const auto body, read_body(call));
    CO_TRY_OK(call.node.back_up(ServiceId(call.captures.at("service")),
                                ComponentId(call.captures.at("component")), body.is_tried));
    auto response = json_response(json::serialize(json::object{{"state", "begun"}}));
    response.status = 202;
    co_return response;
}

Task<Response> post_backup_accept(Call call) {
    CO_TRY(const auto body, read_body(call));
    CO_TRY_OK(co_await call.node.accept_backup(ServiceId(call.captures.at("service")),
                                               ComponentId(call.captures.at("component")),
                                               body.by));
    co_return json_response(json::serialize(json::object{{"state", "accepted"}}));
}

}  // namespace muster::api
