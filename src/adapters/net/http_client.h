#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fields.h"
#include "base/task.h"
#include "base/time.h"

namespace muster::adapters {

struct HttpRequest {
    std::string method = "GET";
    std::string url{};
    Fields headers{};
    std::string body{};
    std::string unix_socket{};  ///< Path: talk to this socket instead of the URL's host.
    std::string resolve{};      ///< "host:port:address": use this address for that host.
    std::string ca_file{};      ///< Empty: the system's.
    bool verify_tls = true;
    bool fresh_connection = false;
    std::size_t max_body = 1U << 20U;  ///< The rest of the answer is dropped.
};

struct HttpResponse {
    int status = 0;
    Fields headers;  ///< Lower-case names.
    std::string body;
    std::optional<long> tls_days_left;  ///< Of the server's certificate; TLS only.
    Duration took{};
    std::string peer_address;  ///< By number; empty over a Unix socket.
    int peer_port = 0;
};

/// libcurl's multi interface driven by Asio. Connections are kept by host. Errors: kUnavailable
/// (refused, reset before an answer, no route, name not found), kTimedOut (no connection in time),
/// kOutcomeUnknown (request sent, no whole answer), kDenied (TLS verification), kInvalid (bad URL).
/// Any HTTP status is a response, not an error.
class HttpClient {
  public:
    HttpClient(Executor executor, Clock& clock);
    ~HttpClient();
    Task<HttpResponse> send(HttpRequest request, Instant deadline);

  private:
    struct Impl;
    // Shared with the socket and timer handlers under way when the client goes.
    std::shared_ptr<Impl> impl_;
};

}  // namespace muster::adapters
