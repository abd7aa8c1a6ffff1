#include "adapters/blob/http_calls.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace muster::adapters {

namespace {

using backup::Buffer;
using backup::ByteView;

constexpr long kSlowest = 256;  // Bytes per second.
// What is reserved at once because a server says that so much will come.
constexpr std::uint64_t kMaxReserve = 256U << 20U;
constexpr unsigned kUnknownHosts = 5;  // So often a name is looked up that never led anywhere.

struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

bool is_safe(const std::string& method) {
    return method == "GET" || method == "HEAD";
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

bool is_unknown_host(CURLcode code) {
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
}

long milliseconds(Duration duration) {
    return static_cast<long>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

std::string HttpAnswer::header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
}

Result<std::uint64_t> HttpAnswer::length() const {
    if (const auto value = number(header("content-length"))) {
        return *value;
    }
    return Error{Errc::kUnavailable, "the answer does not say how long the file is"};
}

struct HttpCalls::Handle {
    Handle() : easy(curl_easy_init()) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { curl_easy_cleanup(easy); }
    CURL* easy;
};

// One request on one handle: its options, what has arrived, and what its end means.
struct HttpCalls::Transfer {
    CURL* easy;
    const HttpCall& call;
    HttpAnswer answer;
    std::unique_ptr<curl_slist, FreeList> headers;
    std::array<char, CURL_ERROR_SIZE> detail{};
    bool is_too_long = false;

    void prepare(const HttpSettings& settings);
    void prepare_tls(const HttpSettings& settings) const;
    void prepare_headers(bool is_signed);
    void prepare_body();
    void prepare_login(const HttpLogin& login);
    [[nodiscard]] Result<> judge(CURLcode code);
    [[nodiscard]] Error lost(std::string_view what, Errc nothing_happened) const;
    [[nodiscard]] bool is_sent() const;

    static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self);
};

void HttpCalls::Transfer::prepare(const HttpSettings& settings) {
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail.data());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "muster");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(settings.connect_timeout));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, kSlowest);
    const auto stall = std::chrono::ceil<std::chrono::seconds>(settings.stall_timeout).count();
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10U);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10U);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    if (!settings.use_proxy) {
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    if (call.is_fresh) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    prepare_tls(settings);
}

void HttpCalls::Transfer::prepare_tls(const HttpSettings& settings) const {
    if (!settings.verify_tls) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!settings.ca_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
    }
    if (!settings.client_cert_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, settings.client_cert_file.c_str());
    }
}

void HttpCalls::Transfer::prepare_headers(bool is_signed) {
    const auto add = [this](const std::string& line) {
        headers.reset(curl_slist_append(headers.release(), line.c_str()));
    };
    if (!is_signed) {
        add("Expect:");  // No pause before a body. libcurl 7.88 would sign the empty header.
    }
    if (call.body) {
        add("Content-Type: application/octet-stream");
    }
    for (const auto& line : call.headers) {
        add(line);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
}

void HttpCalls::Transfer::prepare_body() {
    if (call.method == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (call.body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(call.body->size()));
        // libcurl takes a null pointer for "read it from a callback", even when nothing is to come.
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         call.body->empty() ? "" : backup::text_of(*call.body).data());
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
}

void HttpCalls::Transfer::prepare_login(const HttpLogin& login) {
    if (login.user.empty()) {
        return;
    }
    curl_easy_setopt(easy, CURLOPT_USERNAME, login.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, login.password.reveal().c_str());
    if (login.sigv4.empty()) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    } else {
        curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, login.sigv4.c_str());
    }
}

std::size_t HttpCalls::Transfer::take_header(char* data, std::size_t size, std::size_t count,
                                             void* self) {
    auto& answer = static_cast<Transfer*>(self)->answer;
    const std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) {
        answer.headers.clear();  // An interim answer (1xx) is followed by the real one.
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        std::string name(line.substr(0, colon));
        std::ranges::transform(name, name.begin(), [](char letter) {
            return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
        });
        answer.headers[name] = trimmed(line.substr(colon + 1));
    }
    return line.size();
}

std::size_t HttpCalls::Transfer::take_body(char* data, std::size_t size, std::size_t count,
                                           void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    auto& body = transfer.answer.body;
    const ByteView piece = backup::bytes_of({data, size * count});
    if (piece.size() > transfer.call.max_answer - body.size()) {
        transfer.is_too_long = true;
        return 0;  // Ends the transfer.
    }
    if (body.empty()) {
        const auto promised = transfer.answer.length().value_or(piece.size());
        body.reserve(std::min({promised, transfer.call.max_answer, kMaxReserve}));
    }
    body.append(piece);
    return piece.size();
}

// A request whose body did not leave whole is one that the server can't have carried out.
bool HttpCalls::Transfer::is_sent() const {
    long head = 0;
    curl_off_t body = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &head);
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &body);
    return head > 0 && (!call.body || static_cast<std::uint64_t>(body) >= call.body->size());
}

Error HttpCalls::Transfer::lost(std::string_view what, Errc nothing_happened) const {
    const bool may_be_done = !is_safe(call.method) && is_sent();
    return Error{may_be_done ? Errc::kOutcomeUnknown : nothing_happened,
                 call.name + ": " + std::string(what)};
}

Result<> HttpCalls::Transfer::judge(CURLcode code) {
    if (is_too_long) {
        return lost("the answer is longer than " + std::to_string(call.max_answer) + " bytes",
                    Errc::kUnavailable);
    }
    switch (code) {
        case CURLE_OK:
            break;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
            return Error{Errc::kInvalid, call.name + ": not an http or https address"};
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
            return Error{Errc::kDenied, call.name + ": certificate refused: " + detail.data(),
                         "renew it, or name its authority with --cacert"};
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            return Error{Errc::kUnavailable, call.name + ": " + detail.data(),
                         "check the host's name, and how this machine resolves names"};
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
            return Error{Errc::kInvalid, call.name + ": " + detail.data()};
        case CURLE_OPERATION_TIMEDOUT:
            return lost(detail.front() == '\0' ? "no answer in time" : detail.data(),
                        Errc::kTimedOut);
        case CURLE_SSL_CONNECT_ERROR:
            if (std::string_view(detail.data()).contains("wrong version number")) {
                return Error{Errc::kInvalid, call.name + ": what answers there speaks no TLS",
                             "correct the port, or write http:// when the way there is safe"};
            }
            [[fallthrough]];
        default:
            return lost(detail.front() == '\0' ? curl_easy_strerror(code) : detail.data(),
                        Errc::kUnavailable);
    }
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    const bool tells_its_end =
        answer.headers.contains("content-length") || answer.headers.contains("transfer-encoding");
    if (call.method == "GET" && answer.is_good() && !tells_its_end) {
        return Error{Errc::kUnavailable,
                     call.name + ": the answer does not say where it ends, so it may be cut"};
    }
    return {};
}

HttpCalls::HttpCalls(HttpSettings settings) : settings_(std::move(settings)) {
    static const CURLcode kOutcome = curl_global_init(CURL_GLOBAL_ALL);
    static_cast<void>(kOutcome);
}

HttpCalls::~HttpCalls() = default;

std::unique_ptr<HttpCalls::Handle> HttpCalls::take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) {
        return std::make_unique<Handle>();
    }
    auto handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
}

void HttpCalls::give_back(std::unique_ptr<Handle> handle) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(handle));
}

Result<HttpAnswer> HttpCalls::call(const HttpCall& call, const HttpLogin& login) {
    auto handle = take();
    if (handle->easy == nullptr) {
        return Error{Errc::kUnavailable, "no memory for an http request"};
    }
    Transfer transfer{.easy = handle->easy, .call = call, .answer = {}, .headers = {}};
    transfer.prepare(settings_);
    transfer.prepare_headers(!login.sigv4.empty());
    transfer.prepare_body();
    transfer.prepare_login(login);
    const auto outcome = curl_easy_perform(handle->easy);
    auto judged = transfer.judge(outcome);
    give_back(std::move(handle));
    if (is_unknown_host(outcome)) {
        return unknown_host(std::move(judged).error());
    }
    TRY_OK(std::move(judged));
    has_answered_ = true;
    return std::move(transfer.answer);
}

// A name that led somewhere once is not misspelt, and comes back.
Error HttpCalls::unknown_host(Error error) {
    if (has_answered_ || ++unknown_hosts_ < kUnknownHosts) {
        return error;
    }
    return Error{Errc::kInvalid, error.message(), error.hint()};
}

Error status_error(const HttpCall& call, int status, std::string_view detail) {
    std::string message = call.name + ": status " + std::to_string(status);
    if (!detail.empty()) {
        message.append(" (").append(detail).append(")");
    }
    switch (status) {
        case 404:
            return Error{Errc::kNotFound, message};
        case 401:
            return Error{Errc::kDenied, message, "check the user and the password or key"};
        case 403:
            return Error{Errc::kDenied, message,
                         "the server's rules do not let this account do it"};
        case 507:
            return Error{Errc::kDenied, message,
                         "make room at the server or raise its quota, then run the command again"};
        case 409:
        case 412:
            return Error{Errc::kConflict, message};
        case 408:
        case 429:
        case 503:
            return Error{Errc::kUnavailable, message};
        default:
            break;
    }
    if (status >= 500 && status != 501) {
        return Error{is_safe(call.method) ? Errc::kUnavailable : Errc::kOutcomeUnknown, message};
    }
    return Error{Errc::kInvalid, message};
}

std::string range_header(std::uint64_t offset, std::uint64_t size) {
    return "Range: bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size - 1);
}

Result<> copy_range(const HttpCall& call, const HttpAnswer& answer, std::uint64_t offset,
                    backup::ByteSpan into) {
    const auto body = answer.body.view();
    // A server may answer with the whole file instead.
    std::uint64_t total = body.size();
    std::uint64_t skipped = offset;
    if (answer.status == 206) {
        const auto range = answer.header("content-range");
        const auto told = number(std::string_view(range).substr(range.rfind('/') + 1));
        if (!range.starts_with("bytes ") || !told) {
            return Error{Errc::kUnavailable,
                         call.name + ": answered with the range \"" + range + "\""};
        }
        total = *told;
        skipped = 0;
        const bool is_ours = range.starts_with("bytes " + std::to_string(offset) + "-");
        if (!is_ours && offset + into.size() <= total) {
            return Error{Errc::kUnavailable,
                         call.name + ": answered with the range \"" + range + "\""};
        }
    }
    if (offset > total || into.size() > total - offset) {
        return Error{Errc::kCorrupt, call.name + ": ends at " + std::to_string(total) +
                                         " bytes, where " + std::to_string(into.size()) +
                                         " were wanted from " + std::to_string(offset)};
    }
    if (answer.status == 206 && body.size() != into.size()) {
        return Error{Errc::kUnavailable, call.name + ": " + std::to_string(body.size()) +
                                             " bytes arrived of " + std::to_string(into.size())};
    }
    std::memcpy(into.data(), body.data() + skipped, into.size());
    return {};
}

}  // namespace muster::adapters
