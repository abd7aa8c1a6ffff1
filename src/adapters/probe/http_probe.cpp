#include "adapters/probe/http_probe.h"

#include <algorithm>
#include <charconv>

#include "adapters/probe/sample.h"

namespace muster::adapters {

namespace {

// A kept connection hides a dead listener; a full TLS handshake each second costs ten times the
// rest (health-dns 2.4). So plain HTTP connects anew each time, TLS every 30 s.
constexpr Duration kKeepTls = std::chrono::seconds(30);
constexpr std::size_t kMostBody = 64U << 10U;

Result<std::vector<int>> read_statuses(const plan::Node& settings) {
    std::vector<int> statuses;
    for (const auto& text : settings.texts("status")) {
        int status = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
        if (error != std::errc{} || end != text.data() + text.size() || status < 100 ||
            status > 599) {
            return Error{Errc::kInvalid, "\"" + text + "\" is not an HTTP status",
                         "write a number from 100 to 599, or a list of them"};
        }
        statuses.push_back(status);
    }
    return statuses;
}

Result<std::optional<std::regex>> read_pattern(const plan::Node& settings) {
    const auto text = settings.text("matches");
    if (text.empty()) {
        return std::optional<std::regex>{};
    }
    try {
        return std::optional(std::regex(text, std::regex::ECMAScript | std::regex::optimize));
    } catch (const std::regex_error& error) {
        return Error{Errc::kInvalid, "\"" + text + "\" is not a regular expression",
                     std::string("ECMAScript syntax: ") + error.what()};
    }
}

Result<HttpRequest> read_request(const probe::Settings& settings) {
    const auto& node = settings.plan.settings;
    HttpRequest request;
    TRY(request.url, text_at(settings, "http"));
    if (!request.url.starts_with("http://") && !request.url.starts_with("https://")) {
        return Error{Errc::kInvalid, "\"" + request.url + "\" is not an http or https address",
                     "write http://host:port/path or https://host/path"};
    }
    request.method = node.text("method", "GET");
    TRY(request.unix_socket, text_at(settings, "unix_socket"));
    TRY(request.resolve, text_at(settings, "resolve"));
    TRY(request.ca_file, text_at(settings, "ca_file"));
    request.verify_tls = node.flag("verify", true);
    request.max_body = kMostBody;
    if (const auto* headers = node.find("headers"); headers != nullptr) {
        for (const auto& entry : headers->entries) {
            TRY(request.headers[entry.key], probe::fill(entry.value.scalar, settings.variables));
        }
    }
    return request;
}

}  // namespace

plan::Type HttpProbe::settings() {
    using plan::Type;
    const auto status = Type::integer(100, 599, "an HTTP status");
    return Type::object(
        {
            {"http", Type::text("the address to ask: http://… or https://…"), true, ""},
            {"method", Type::one_of({"GET", "HEAD", "POST", "OPTIONS"}, "the method"), false,
             "GET"},
            {"headers", Type::map(Type::text("its value"), "headers to send, by name"), false, ""},
            {"status", Type::one_or_list(status, "statuses that are good"), false, "200 to 399"},
            {"body", Type::text("text that the body must contain"), false, ""},
            {"matches", Type::text("regular expression found in the body"), false, ""},
            {"tls_days", Type::integer(0, 3650, "fewer days left of the certificate are slow"),
             false, "0"},
            {"ca_file", Type::text("file with the authorities to trust"), false, "the system's"},
            {"verify", Type::boolean("check the server's certificate"), false, "true"},
            {"resolve", Type::text("host:port:address to connect to instead"), false, ""},
            {"unix_socket", Type::text("path of a Unix socket to connect to instead"), false, ""},
            {"slow_after", Type::duration("an answer that takes longer is slow"), false, ""},
        },
        "an HTTP request is answered as expected");
}

Result<std::unique_ptr<probe::Probe>> HttpProbe::make(const probe::Settings& settings,
                                                      probe::Deps deps,
                                                      std::shared_ptr<HttpClient> client) {
    const auto& node = settings.plan.settings;
    Wanted wanted;
    TRY(wanted.request, read_request(settings));
    TRY(wanted.statuses, read_statuses(node).with("status"));
    TRY(wanted.body, text_at(settings, "body"));
    TRY(wanted.matches, read_pattern(node).with("matches"));
    TRY(wanted.slow_after, duration_at(node, "slow_after"));
    wanted.tls_days = node.integer("tls_days", 0);
    return std::make_unique<HttpProbe>(std::move(wanted), std::move(deps), std::move(client));
}

HttpProbe::HttpProbe(Wanted wanted, probe::Deps deps, std::shared_ptr<HttpClient> client)
    : wanted_(std::move(wanted)), deps_(std::move(deps)), client_(std::move(client)) {
}

// What is wrong with an answer; empty when nothing is.
std::string HttpProbe::complaint(const HttpResponse& response) const {
    const bool is_wanted =
        wanted_.statuses.empty()
            ? response.status >= 200 && response.status <= 399
            : std::ranges::find(wanted_.statuses, response.status) != wanted_.statuses.end();
    if (!is_wanted) {
        return "status " + std::to_string(response.status);
    }
    if (!response.body.contains(wanted_.body)) {
        return "the body does not contain \"" + wanted_.body + "\"";
    }
    if (wanted_.matches && !std::regex_search(response.body, *wanted_.matches)) {
        return "the body does not match";
    }
    return {};
}

probe::Sample HttpProbe::judge(const HttpResponse& response, Duration took) const {
    auto sample =
        answered_sample("status " + std::to_string(response.status), took, wanted_.slow_after);
    if (auto wrong = complaint(response); !wrong.empty()) {
        sample.evidence = probe::Evidence::kHard;
        sample.detail = std::move(wrong);
    }
    sample.facts["status"] = std::to_string(response.status);
    if (!response.tls_days_left) {
        return sample;
    }
    sample.facts["tls_days_left"] = std::to_string(*response.tls_days_left);
    if (*response.tls_days_left < wanted_.tls_days && sample.evidence == probe::Evidence::kGood) {
        // It works today: a person must renew it, nothing must move because of it.
        sample.evidence = probe::Evidence::kSlow;
        sample.detail += ", its certificate ends in " + std::to_string(*response.tls_days_left) +
                         " days (wanted " + std::to_string(wanted_.tls_days) + ")";
    }
    return sample;
}

Task<probe::Sample> HttpProbe::check(Instant deadline) {
    const auto began = deps_.clock.now();
    auto request = wanted_.request;
    const bool is_tls = request.url.starts_with("https://");
    request.fresh_connection = !is_tls || fresh_at_ == Instant{} || began - fresh_at_ >= kKeepTls;
    if (request.fresh_connection) {
        // A fresh connection is not kept; the next check makes the one that is.
        fresh_at_ = began;
    }
    const auto response = co_await client_->send(std::move(request), deadline);
    const auto took = deps_.clock.now() - began;
    if (response) {
        co_return judge(*response, took);
    }
    auto sample = failed_sample(response.error(), took);
    if (sample && response.error().code() == Errc::kDenied) {
        sample->evidence = probe::Evidence::kHard;  // Users are refused by the same certificate.
    }
    co_return sample;
}

}  // namespace muster::adapters
