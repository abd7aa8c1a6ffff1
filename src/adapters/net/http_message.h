#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/net/http_server.h"

namespace muster::adapters {

inline constexpr std::size_t kMaxHttpHeader = 8U << 10U;
inline constexpr std::size_t kMaxHttpBody = 1U << 20U;

/// Why a request can't be served, as the status that says so.
struct HttpRefusal {
    int status = 400;
    std::string message;
};

/// Collects one request from the bytes that arrive: Beast's parser, without its streams.
class HttpRequestReader {
  public:
    HttpRequestReader();
    ~HttpRequestReader();

    /// Takes what it can use from the front of `bytes`. A refusal ends the connection.
    std::optional<HttpRefusal> take(std::string& bytes);
    [[nodiscard]] bool is_done() const;
    /// The peer waits for "100 Continue" before it sends the body; true once.
    bool wants_continue();
    [[nodiscard]] bool keeps_alive() const;
    [[nodiscard]] bool is_http_10() const;
    /// The request, once done. A refusal when its target is no path.
    std::optional<HttpRefusal> release(HttpServerRequest& into);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// A header's name in lower case, as they are compared.
std::string lower_case(std::string_view text);

/// True when `host`, as a Host header has it, is "localhost" or an address by number. Any other
/// name may be one that a foreign page had point at this machine (DNS rebinding).
bool is_own_host(std::string_view host);

/// How the answer's end is told.
enum class HttpFraming { kLength, kChunked, kUntilClose };

/// Status line and headers of an answer, with the empty line.
std::string http_head(const HttpServerResponse& response, HttpFraming framing, bool keeps_alive);
/// One chunk of a chunked body; an empty piece gives nothing.
std::string http_chunk(std::string_view piece);
/// The API's shape of an error, for failures that no handler sees.
HttpServerResponse http_error(const HttpRefusal& refusal);

}  // namespace muster::adapters
