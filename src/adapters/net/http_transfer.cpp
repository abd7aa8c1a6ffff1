#include "adapters/net/http_transfer.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>

#include "adapters/net/failure.h"
#include "adapters/net/http_message.h"

namespace muster::adapters {

namespace {

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) {
        return {};
    }
    return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

bool has_line_break(std::string_view text) {
    return text.find_first_of("\r\n") != std::string_view::npos;
}

// "host:port:address" to libcurl's "host:port:address:" (same port); IPv6 stands in brackets.
std::string connect_to(const std::string& resolve) {
    const bool is_bracketed = resolve.starts_with('[');
    const auto host_end = is_bracketed ? resolve.find("]:") : resolve.find(':');
    if (host_end == std::string::npos) {
        return {};
    }
    const auto port_at = host_end + (is_bracketed ? 2 : 1);
    const auto port_end = resolve.find(':', port_at);
    if (port_end == std::string::npos || port_end + 1 == resolve.size()) {
        return {};
    }
    auto address = resolve.substr(port_end + 1);
    if (address.contains(':') && !address.starts_with('[')) {
        address = "[" + address + "]";
    }
    return resolve.substr(0, port_end) + ":" + address + ":";
}

}  // namespace

HttpTransfer::HttpTransfer(HttpRequest request, WallTime wall)
    : request_(std::move(request)), wall_(wall), easy_(curl_easy_init()) {
}

Result<> HttpTransfer::prepare() {
    if (easy_ == nullptr) {
        return Error{Errc::kUnavailable, "no memory for an http request"};
    }
    auto* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail_.data());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // Do not join a resolver thread that still waits for its name server.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    // A probe measures the way its users take, not the proxy of whoever started the daemon.
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "muster");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &HttpTransfer::take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpTransfer::take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    if (has_line_break(request_.url) ||
        curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str()) != CURLE_OK) {
        return Error{Errc::kInvalid, "the url holds a line break"};
    }
    if (request_.fresh_connection) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    set_method();
    set_tls();
    TRY_OK(set_route());
    return set_headers();
}

void HttpTransfer::set_method() {
    auto* easy = easy_.get();
    if (request_.method == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (!request_.body.empty() || request_.method == "POST" || request_.method == "PUT") {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request_.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void HttpTransfer::set_tls() {
    auto* easy = easy_.get();
    if (!request_.verify_tls) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!request_.ca_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, request_.ca_file.c_str());
    }
}

Result<> HttpTransfer::set_route() {
    if (!request_.unix_socket.empty()) {
        curl_easy_setopt(easy_.get(), CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
    }
    if (request_.resolve.empty()) {
        return {};
    }
    const auto target = connect_to(request_.resolve);
    if (target.empty()) {
        return Error{Errc::kInvalid, "\"" + request_.resolve + "\" does not say where to connect",
                     "write host:port:address"};
    }
    route_.reset(curl_slist_append(nullptr, target.c_str()));
    curl_easy_setopt(easy_.get(), CURLOPT_CONNECT_TO, route_.get());
    return {};
}

Result<> HttpTransfer::set_headers() {
    const auto add = [this](const std::string& line) {
        headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
    };
    add("Expect:");  // No pause of a second before a body.
    for (const auto& [name, value] : request_.headers) {
        if (name.empty() || has_line_break(name) || has_line_break(value)) {
            return Error{Errc::kInvalid, "an http header's name is empty or it holds a line break"};
        }
        std::string line = name;
        line.append(value.empty() ? ";" : ": ").append(value);
        add(line);
    }
    if (!request_.body.empty() && !request_.headers.contains("Content-Type") &&
        !request_.headers.contains("content-type")) {
        add("Content-Type:");
    }
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, headers_.get());
    return {};
}

std::size_t HttpTransfer::take_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) {
        // An interim answer (1xx) is followed by the real one.
        transfer.response_.headers.clear();
        transfer.read_certificate();
        return line.size();
    }
    if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        auto& value = transfer.response_.headers[lower_case(line.substr(0, colon))];
        value += (value.empty() ? "" : ", ") + trimmed(line.substr(colon + 1));
    }
    return line.size();
}

std::size_t HttpTransfer::take_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const std::size_t length = size * count;
    const auto room = transfer.request_.max_body - transfer.response_.body.size();
    transfer.response_.body.append(data, std::min(room, length));
    transfer.is_cut_ = length > room;
    return transfer.is_cut_ ? 0 : length;  // 0 ends the transfer: what follows is not wanted.
}

// libcurl's own list of certificates is empty on a kept connection, so the session is asked.
void HttpTransfer::read_certificate() {
    curl_tlssessioninfo* info = nullptr;
    if (curl_easy_getinfo(easy_.get(), CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK ||
        info == nullptr || info->backend != CURLSSLBACKEND_OPENSSL || info->internals == nullptr) {
        return;
    }
    auto* certificate = SSL_get0_peer_certificate(static_cast<SSL*>(info->internals));
    if (certificate == nullptr) {
        return;
    }
    const auto seconds = std::chrono::floor<std::chrono::seconds>(wall_).time_since_epoch();
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> now(
        ASN1_TIME_set(nullptr, static_cast<std::time_t>(seconds.count())), &ASN1_TIME_free);
    int days = 0;
    int rest = 0;
    if (now != nullptr &&
        ASN1_TIME_diff(&days, &rest, now.get(), X509_get0_notAfter(certificate)) == 1) {
        response_.tls_days_left = rest < 0 ? days - 1L : days;
    }
}

bool HttpTransfer::is_sent() const {
    long bytes = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

// Without user, password and query: those may be secrets.
std::string HttpTransfer::name() const {
    const auto& url = request_.url;
    const auto scheme_end = url.find("://");
    const auto host_at = scheme_end == std::string::npos ? 0 : scheme_end + 3;
    const auto host_end = url.find_first_of("/?#", host_at);
    const auto authority = url.substr(host_at, host_end - host_at);
    const auto at_sign = authority.rfind('@');
    const auto host = at_sign == std::string::npos ? authority : authority.substr(at_sign + 1);
    return request_.method + " " + url.substr(0, host_at) + host;
}

Error HttpTransfer::broken(std::string_view what) const {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    const bool is_safe =
        request_.method == "GET" || request_.method == "HEAD" || request_.method == "OPTIONS";
    // A request that changes nothing may be sent again whatever became of the first.
    const bool is_nothing_done = !is_sent() || (is_safe && status == 0);
    return Error{is_nothing_done ? Errc::kUnavailable : Errc::kOutcomeUnknown,
                 name() + ": " + std::string(what)};
}

Error HttpTransfer::connect_failure() const {
    long number = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &number);
    if (number == 0 && std::string_view(detail_.data()).contains("Connection refused")) {
        number = ECONNREFUSED;
    }
    return Error{Errc::kUnavailable,
                 name() + ": " + std::string(phrase_for(static_cast<int>(number)))};
}

Error HttpTransfer::failure(CURLcode code) const {
    switch (code) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
            return Error{Errc::kInvalid, name() + ": not an http or https address",
                         "write http://host:port/path or https://host/path"};
        case CURLE_COULDNT_RESOLVE_HOST:
            return Error{Errc::kUnavailable, name() + ": " + std::string(kNameNotFound)};
        case CURLE_COULDNT_CONNECT:
            return connect_failure();
        case CURLE_OPERATION_TIMEDOUT:
            return expired();
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
            return Error{Errc::kDenied,
                         name() + ": certificate refused: " + std::string(detail_.data()),
                         "renew the certificate, or name its authority with ca_file"};
        case CURLE_SSL_CACERT_BADFILE:
            return Error{Errc::kInvalid,
                         "cannot read certificates from \"" + request_.ca_file + "\""};
        case CURLE_SSL_CONNECT_ERROR:
            return broken(kTlsFailed);
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_PARTIAL_FILE:
            return broken(kReset);
        default:
            return broken(curl_easy_strerror(code));
    }
}

Error HttpTransfer::expired() const {
    if (is_sent()) {
        return Error{Errc::kOutcomeUnknown, name() + ": no whole answer in time"};
    }
    return Error{Errc::kTimedOut, name() + ": no connection in time"};
}

Result<HttpResponse> HttpTransfer::finish(CURLcode code) {
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && is_cut_)) {
        return failure(code);
    }
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    const char* address = nullptr;
    long port = 0;
    if (request_.unix_socket.empty() &&
        curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &address) == CURLE_OK &&
        curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_PORT, &port) == CURLE_OK) {
        response_.peer_address = address == nullptr ? "" : address;
        response_.peer_port = static_cast<int>(port);
    }
    return std::move(response_);
}

}  // namespace muster::adapters
