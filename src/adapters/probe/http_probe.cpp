#include "adapters/probe/http_probe.h"

#include <algorithm>
#include <charconv>

#include "adapters/probe/sample.h"

namespace muster::adapters {

namespace {

// A kept connection hides a dead listener; a full TLS handshake each second costs ten times the
// rest (health-dns 2.4). So plain HTTP connects anew each time, TLS every 30 s, unless the plan
// says otherwise; a kept connection of plain HTTP is renewed as often.
constexpr Duration kKeepTls = PlainHttpClient::kRenewal;
// A name is looked up so often, and whenever the address that it gave does not answer well.
constexpr Duration kLookUp = std::chrono::seconds(30);
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

// Boost's, because the standard library's recurses once per character: a long line would end the
// process. This one has bounds for time and memory, and throws beyond them.
Result<std::unique_ptr<boost::regex>> read_pattern(const plan::Node& settings) {
    const auto text = settings.text("matches");
    if (text.empty()) {
        return std::unique_ptr<boost::regex>();
    }
    try {
        // As ECMAScript has it: "." passes over no line end, "^" and "$" are the ends of the body.
        return std::make_unique<boost::regex>(
            text, boost::regex::ECMAScript | boost::regex::no_mod_m | boost::regex::no_mod_s);
    } catch (const boost::regex_error& error) {
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

Result<HttpProbe::Way> read_way(const probe::Settings& settings, bool needs_body) {
    HttpProbe::Way way;
    TRY(auto request, read_request(settings));
    way.is_tls = request.url.starts_with("https://");
    const auto connection =
        settings.plan.settings.text("connection", way.is_tls ? "keep" : "fresh");
    if (connection != "fresh" && connection != "keep") {
        return Error{Errc::kInvalid, "\"" + connection + "\" is no way to connect",
                     "write fresh or keep"};
    }
    way.is_kept = connection == "keep";
    if (way.is_kept && !way.is_tls) {
        way.kept = std::make_unique<KeptHttpConnection>();
    }
    const auto peer = numeric_peer(request.url);
    if (peer && request.unix_socket.empty() && request.resolve.empty()) {
        TRY(auto plain, plain_request(request, *peer, way.is_kept));
        plain.keeps_body = needs_body;
        way.plain = std::make_shared<const PlainHttpRequest>(std::move(plain));
        return way;
    }
    way.request = std::make_unique<HttpRequest>(std::move(request));
    return way;
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
            {"connection",
             Type::one_of({"fresh", "keep"},
                          "a connection for each check, or one kept and renewed every 30 s"),
             false, "fresh; keep with https"},
            {"slow_after", Type::duration("an answer that takes longer is slow"), false, ""},
        },
        "an HTTP request is answered as expected");
}

Result<std::unique_ptr<probe::Probe>> HttpProbe::make(const probe::Settings& settings,
                                                      std::shared_ptr<HttpProbeClients> clients) {
    const auto& node = settings.plan.settings;
    Wanted wanted;
    TRY(wanted.statuses, read_statuses(node).with("status"));
    TRY(wanted.body, text_at(settings, "body"));
    TRY(wanted.matches, read_pattern(node).with("matches"));
    TRY(wanted.slow_after, duration_at(node, "slow_after"));
    wanted.tls_days = node.integer("tls_days", 0);
    const bool needs_body = !wanted.body.empty() || wanted.matches != nullptr;
    TRY(auto way, read_way(settings, needs_body));
    return std::make_unique<HttpProbe>(std::move(wanted), std::move(way), std::move(clients));
}

HttpProbe::HttpProbe(Wanted wanted, Way way, std::shared_ptr<HttpProbeClients> clients)
    : wanted_(std::move(wanted)), way_(std::move(way)), clients_(std::move(clients)) {
}

// What is wrong with an answer; empty when nothing is. Throws std::runtime_error when the pattern
// needs more than its bounds for this body.
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
    if (wanted_.matches && !boost::regex_search(response.body, *wanted_.matches)) {
        return "the body does not match";
    }
    return {};
}

probe::Sample HttpProbe::judge(const HttpResponse& response, Duration took) const {
    auto sample =
        answered_sample("status " + std::to_string(response.status), took, wanted_.slow_after);
    try {
        if (auto wrong = complaint(response); !wrong.empty()) {
            sample.evidence = probe::Evidence::kHard;
            sample.detail = std::move(wrong);
        }
    } catch (const std::runtime_error&) {
        sample.evidence = probe::Evidence::kSilence;
        sample.is_blind = true;
        sample.detail = "it answers, and whether the body matches takes too long to tell";
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

bool HttpProbe::knows_the_way(Instant now) const {
    const bool is_number = way_.request == nullptr;
    return way_.plain != nullptr && (is_number || now - learned_at_ < kLookUp);
}

// By libcurl: TLS, Unix sockets, and names, whose address may serve for a while afterwards.
Task<HttpResponse> HttpProbe::ask_anyhow(Instant deadline) {
    const auto now = clients_->clock.now();
    auto request = *way_.request;
    const bool is_kept = way_.is_tls && way_.is_kept;
    request.fresh_connection = !is_kept || fresh_at_ == Instant{} || now - fresh_at_ >= kKeepTls;
    if (request.fresh_connection) {
        // A fresh connection is not kept; the next check makes the one that is.
        fresh_at_ = now;
    }
    const auto response = co_await clients_->any.send(std::move(request), deadline);
    learn_the_way(response, now);
    co_return response;
}

void HttpProbe::learn_the_way(const Result<HttpResponse>& response, Instant now) {
    if (way_.is_tls || !response || response->peer_address.empty()) {
        return;
    }
    boost::system::error_code failure;
    const auto address = boost::asio::ip::make_address(response->peer_address, failure);
    if (failure) {
        return;
    }
    const boost::asio::ip::tcp::endpoint peer(address,
                                              static_cast<std::uint16_t>(response->peer_port));
    if (way_.plain == nullptr || way_.plain->peer != peer) {
        auto plain = plain_request(*way_.request, peer, way_.is_kept);
        if (!plain) {
            return;  // Some addresses only libcurl understands.
        }
        way_.plain = std::make_shared<const PlainHttpRequest>(std::move(*plain));
    }
    learned_at_ = now;
}

Task<probe::Sample> HttpProbe::check(Instant deadline) {
    const auto& clock = clients_->clock;
    const auto began = clock.now();
    const bool is_plain = knows_the_way(began);
    const auto response = is_plain
                              ? co_await clients_->plain.send(way_.plain, way_.kept.get(), deadline)
                              : co_await ask_anyhow(deadline);
    const auto took = clock.now() - began;
    if (response) {
        auto sample = judge(*response, took);
        learned_at_ = sample.evidence == probe::Evidence::kHard ? Instant{} : learned_at_;
        co_return sample;
    }
    learned_at_ = {};
    auto sample = failed_sample(response.error(), took);
    const auto code = response.error().code();
    if (sample && (code == Errc::kDenied || code == Errc::kCorrupt)) {
        // Users are refused by the same certificate, or given the same answer that is none.
        sample->evidence = probe::Evidence::kHard;
    }
    co_return sample;
}

}  // namespace muster::adapters
