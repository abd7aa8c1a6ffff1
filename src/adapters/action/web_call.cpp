#include "adapters/action/web_call.h"

#include <algorithm>
#include <charconv>

#include "adapters/action/journal_text.h"
#include "adapters/os/secret_source.h"

namespace muster::adapters {

using plan::Type;

namespace {

constexpr std::size_t kMaxBody = 64U << 10U;

// "https://user@host:8443/path?query" → "host:8443": the rest may hold secrets.
std::string host_of(const std::string& url) {
    const auto scheme = url.find("://");
    const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
    const auto host = url.substr(begin, url.find_first_of("/?#", begin) - begin);
    const auto at = host.rfind('@');
    return at == std::string::npos ? host : host.substr(at + 1);
}

// Which statuses promise that nothing happened, and which do not: RFC 9110, section 15.
Errc code_of(int status) {
    switch (status) {
        case 401:
        case 403:
            return Errc::kDenied;
        case 404:
        case 410:
            return Errc::kNotFound;
        case 408:
        case 429:
            return Errc::kUnavailable;
        case 409:
        case 412:
            return Errc::kConflict;
        default:
            return status >= 500 ? Errc::kOutcomeUnknown : Errc::kInvalid;
    }
}

}  // namespace

bool WebCall::is_good(const HttpResponse& response) const {
    const bool is_expected = expect.empty()
                                 ? response.status >= 200 && response.status <= 299
                                 : std::ranges::find(expect, response.status) != expect.end();
    return is_expected && response.body.find(contains) != std::string::npos;
}

bool WebCall::is_repeatable() const {
    return request.method != "POST" && request.method != "PATCH";
}

std::vector<plan::Field> web_call_fields() {
    return {
        {"method", Type::one_of({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, "the method"),
         false, "GET"},
        {"url", Type::text("http:// or https://"), true, ""},
        {"headers", Type::map(Type::text("its value"), "more headers"), false, ""},
        {"body", Type::text("the body"), false, ""},
        {"expect", Type::one_or_list(Type::integer(100, 599, "a status"), "the good statuses"),
         false, "200 to 299"},
        {"contains", Type::text("the answer's body must have this text"), false, ""},
    };
}

std::vector<plan::Field> token_fields() {
    return {
        {"token_file", Type::text("a file with a token, sent as Authorization: Bearer"), false, ""},
        {"token_env", Type::text("an environment variable of muster with that token"), false, ""},
        {"ca_file", Type::text("certificates to trust instead of the system's"), false, ""},
    };
}

Result<WebCall> read_web_call(const plan::Node& node, const workflow::Call& call) {
    WebCall read;
    auto& request = read.request;
    request.method = node.text("method", "GET");
    request.url = node.text("url");
    request.body = node.text("body");
    request.ca_file = call.with.text("ca_file");
    request.max_body = kMaxBody;
    if (const auto* headers = node.find("headers")) {
        for (const auto& entry : headers->entries) {
            request.headers[entry.key] = entry.value.scalar;
        }
    }
    // draft-ietf-httpapi-idempotency-key-header: a server that knows it answers a repetition
    // without doing it again.
    request.headers.try_emplace("Idempotency-Key",
                                "\"" + call.run.str() + "/" + call.step.str() + "\"");
    read.contains = node.text("contains");
    for (const auto& text : node.texts("expect")) {
        int status = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), status);
        if (parsed.ec != std::errc{}) {
            return Error{Errc::kInvalid, "\"" + text + "\" is not an HTTP status"};
        }
        read.expect.push_back(status);
    }
    return read;
}

Result<> add_token(HttpRequest& request, const plan::Node& with) {
    const SecretSource source{with.text("token_file"), with.text("token_env")};
    if (source.empty()) {
        return {};
    }
    TRY(const auto token, read_secret(source));
    if (token.reveal().find_first_of("\r\n") != std::string::npos) {
        return Error{Errc::kInvalid, "a token must be a single line"};
    }
    request.headers["Authorization"] = "Bearer " + token.reveal();
    return {};
}

Error bad_answer(const WebCall& call, const HttpResponse& response) {
    const auto where = call.request.method + " " + host_of(call.request.url);
    const bool is_success = response.status >= 200 && response.status <= 299;
    if (is_success && !call.contains.empty()) {
        return Error{Errc::kOutcomeUnknown, where + " answered " + std::to_string(response.status) +
                                                " without the text \"" + call.contains + "\""};
    }
    const auto words = last_line(response.body);
    return Error{code_of(response.status), where + " answered " + std::to_string(response.status) +
                                               (words.empty() ? "" : ": " + words)};
}

}  // namespace muster::adapters
