#include <boost/json.hpp>

#include "api/encode.h"

namespace muster::api {

namespace json = boost::json;

namespace {

template <class Ids>
json::array encode_ids(const Ids& ids) {
    json::array result;
    for (const auto& id : ids) {
        result.push_back(json::value(id.str()));
    }
    return result;
}

// Only what places a component: its settings may name credentials, and stay in the plan file.
json::object encode_component(const plan::Component& component) {
    json::array sites;
    for (const auto& site : component.sites) {
        sites.push_back(json::value(site.site.str()));
    }
    return {{"id", component.id.str()},
            {"kind", component.kind},
            {"needs", encode_ids(component.needs)},
            {"sites", std::move(sites)}};
}

json::object encode_service(const plan::Service& service) {
    json::array components;
    for (const auto& component : service.components) {
        components.push_back(encode_component(component));
    }
    json::object impact{{"tier", service.impact.tier},
                        {"loss_per_hour", nullptr},
                        {"currency", service.impact.currency}};
    if (service.impact.loss_per_hour) {
        impact["loss_per_hour"] = *service.impact.loss_per_hour;
    }
    const auto& policy = service.failover;
    json::object failover{
        {"mode", plan::to_string(policy.mode)},      {"preset", plan::to_string(policy.preset)},
        {"cooldown_s", to_seconds(policy.cooldown)}, {"max_per_day", policy.max_per_day},
        {"fence", plan::to_string(policy.fence)},    {"is_frozen", policy.is_frozen}};
    return {{"id", service.id.str()},
            {"owner", service.owner},
            {"impact", std::move(impact)},
            {"rpo_s", to_seconds(service.objectives.rpo)},
            {"rto_s", to_seconds(service.objectives.rto)},
            {"strategy", plan::to_string(service.strategy)},
            {"primary", service.primary.str()},
            {"standby", encode_ids(service.standby)},
            {"depends_on", encode_ids(service.depends_on)},
            {"failover", std::move(failover)},
            {"components", std::move(components)}};
}

}  // namespace

json::object encode(const plan::Plan& plan) {
    json::array sites;
    for (const auto& site : plan.sites) {
        sites.push_back(json::object{
            {"id", site.id.str()}, {"region", site.region}, {"is_arbiter", site.is_arbiter}});
    }
    json::array services;
    for (const auto& service : plan.services) {
        services.push_back(encode_service(service));
    }
    json::array procedures;
    for (const auto& procedure : plan.procedures) {
        json::object parameters;
        for (const auto& [name, fallback] : procedure.parameters) {
            parameters[name] = fallback;
        }
        procedures.push_back(json::object{{"name", procedure.name},
                                          {"on", procedure.on},
                                          {"parameters", std::move(parameters)},
                                          {"steps", procedure.steps.size()}});
    }
    return {{"name", plan.name},
            {"digest", plan.digest},
            {"sites", std::move(sites)},
            {"services", std::move(services)},
            {"procedures", std::move(procedures)}};
}

}  // namespace muster::api
