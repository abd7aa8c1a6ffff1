#include "api/openapi.h"

#include <boost/json.hpp>
#include <vector>

#include "api/route.h"

namespace muster::api {

namespace json = boost::json;

namespace {

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> result;
    while (!text.empty()) {
        const auto end = text.find(' ');
        result.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return result;
}

json::array parameters_of(const Route& route) {
    json::array result;
    std::string_view rest = route.pattern;
    while (true) {
        const auto open = rest.find('{');
        if (open == std::string_view::npos) {
            break;
        }
        const auto close = rest.find('}', open);
        result.push_back(
            json::object{{"name", std::string(rest.substr(open + 1, close - open - 1))},
                         {"in", "path"},
                         {"required", true},
                         {"schema", json::object{{"type", "string"}}}});
        rest.remove_prefix(close + 1);
    }
    for (const auto& name : words(route.query)) {
        const bool is_number = name == "after" || name == "limit";
        result.push_back(
            json::object{{"name", name},
                         {"in", "query"},
                         {"schema", json::object{{"type", is_number ? "integer" : "string"}}}});
    }
    return result;
}

json::object body_of(const Route& route) {
    json::object properties;
    for (const auto& name : words(route.body)) {
        json::object schema{{"type", "string"}};
        if (name == "dry_run" || name == "force" || name == "vouch_fenced" || name == "verify") {
            schema = {{"type", "boolean"}};
        } else if (name == "parameters") {
            schema = {{"type", "object"},
                      {"additionalProperties", json::object{{"type", "string"}}}};
        }
        properties[name] = std::move(schema);
    }
    const json::object schema{
        {"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
    const json::object content{{"application/json", json::object{{"schema", schema}}}};
    return {{"required", false}, {"content", content}};
}

json::object operation_of(const Route& route) {
    const json::object error{{"$ref", "#/components/responses/Error"}};
    json::object operation{{"summary", std::string(route.summary)},
                           {"parameters", parameters_of(route)},
                           {"responses", json::object{{route.needs_token ? "2XX" : "200",
                                                       json::object{{"description", "Done"}}},
                                                      {"default", error}}}};
    if (!route.body.empty()) {
        operation["requestBody"] = body_of(route);
    }
    if (route.needs_token) {
        operation["security"] = json::array{json::object{{"token", json::array{}}}};
    }
    return operation;
}

json::object components() {
    const json::object text{{"type", "string"}};
    const json::object error{
        {"type", "object"},
        {"properties", json::object{{"code", text}, {"message", text}, {"hint", text}}}};
    const json::object schema{{"type", "object"}, {"properties", json::object{{"error", error}}}};
    const json::object content{{"application/json", json::object{{"schema", schema}}}};
    const json::object response{{"description", "It failed"}, {"content", content}};
    const json::object scheme{{"type", "http"}, {"scheme", "bearer"}};
    return {{"securitySchemes", json::object{{"token", scheme}}},
            {"responses", json::object{{"Error", response}}}};
}

std::string lower_method(std::string_view method) {
    return method == "GET" ? "get" : "post";
}

}  // namespace

std::string openapi_document() {
    json::object paths;
    for (const auto& route : all_routes()) {
        auto& path = paths[std::string(route.pattern)];
        if (!path.is_object()) {
            path = json::object{};
        }
        path.get_object()[lower_method(route.method)] = operation_of(route);
    }
    const json::object document{{"openapi", "3.1.0"},
                                {"info", json::object{{"title", "muster"}, {"version", "1"}}},
                                {"paths", std::move(paths)},
                                {"components", components()}};
    return json::serialize(document);
}

}  // namespace muster::api
