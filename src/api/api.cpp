#include "api/api.h"

#include <optional>
#include <utility>

#include "api/route.h"

// Who may do what. Reading is open to whoever reaches the listener: the Unix socket's file mode, or
// the loopback address, decides that. Changing needs the token, wherever the request comes from.
// Browsers are a third party on the same machine: a page of another site can make them send
// requests here. It can't read the token, so that nothing changes; and requests that a browser
// marks as coming from elsewhere, or that a plain form could send, are refused before the token is
// looked at.

namespace muster::api {

namespace {

std::string header(const Request& request, const std::string& name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
}

std::string_view without_scheme(std::string_view origin) {
    const auto colon = origin.find("://");
    return colon == std::string_view::npos ? origin : origin.substr(colon + 3);
}

Result<> check_same_site(const Request& request) {
    const auto origin = header(request, "origin");
    if (!origin.empty() && without_scheme(origin) != header(request, "host")) {
        return Error{Errc::kDenied, "a page of " + origin + " may not change anything here",
                     "send the request from the command line, or from muster's own page"};
    }
    const auto site = header(request, "sec-fetch-site");
    if (!site.empty() && site != "same-origin" && site != "none") {
        return Error{Errc::kDenied, "a page of another site may not change anything here",
                     "send the request from the command line, or from muster's own page"};
    }
    const auto type = header(request, "content-type");
    if (!request.body.empty() && !type.starts_with("application/json")) {
        return Error{Errc::kInvalid, "the body is not declared as JSON",
                     "send the header Content-Type: application/json"};
    }
    return {};
}

Result<> check_token(const Request& request, const Secret& token) {
    constexpr std::string_view kScheme = "Bearer ";
    const auto given = header(request, "authorization");
    if (given.starts_with(kScheme) && !token.empty() &&
        token.matches(given.substr(kScheme.size()))) {
        return {};
    }
    return Error{Errc::kDenied,
                 given.empty() ? "this changes something and needs the token"
                               : "the token is not this node's",
                 "send Authorization: Bearer TOKEN with the content of DATA/token"};
}

std::optional<Response> refusal_of(const Request& request, const Secret& token) {
    if (const auto same = check_same_site(request); !same) {
        return error_response(same.error());
    }
    if (const auto known = check_token(request, token); !known) {
        Response response = error_response(known.error());
        response.status = 401;
        response.headers["WWW-Authenticate"] = "Bearer";
        return response;
    }
    return std::nullopt;
}

Response not_found(const Request& request) {
    return error_response(Error{Errc::kNotFound, "there is nothing at " + request.path,
                                "GET /api/v1/openapi.json lists what there is"});
}

Response wrong_method(const Request& request, const std::string& allowed) {
    Response response = error_response(Error{
        Errc::kInvalid, request.method + " is not possible on " + request.path, "use " + allowed});
    response.status = 405;
    response.headers["Allow"] = allowed;
    return response;
}

}  // namespace

Api::Api(NodeView& node, Clock& clock, Log& log, Secret token)
    : node_(node), clock_(clock), log_(log), token_(std::move(token)) {
}

Task<Response> Api::handle(Request request) {
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    std::string allowed;
    for (const auto& route : all_routes()) {
        auto captures = match(route.pattern, request.path);
        if (!captures) {
            continue;
        }
        if (route.method != method) {
            allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
            continue;
        }
        if (auto refused = route.needs_token ? refusal_of(request, token_) : std::nullopt) {
            log_.warn("api.refused", {{"path", request.path}, {"status", refused->status}});
            co_return std::move(*refused);
        }
        Call call{node_, clock_, log_, std::move(request), std::move(*captures), route.body};
        auto answered = co_await route.handle(std::move(call));
        if (!answered) {
            co_return error_response(answered.error());
        }
        co_return std::move(*answered);
    }
    co_return allowed.empty() ? not_found(request) : wrong_method(request, allowed);
}

}  // namespace muster::api
