#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "adapters/repo_server/connection.h"

namespace muster::adapters::repo_server {

inline constexpr std::size_t kMaxHead = 8U << 10U;

/// A request without its body.
struct RequestHead {
    std::string method;
    std::string target;
    std::string accept;
    std::string range;
    std::string authorization;
    std::optional<std::uint64_t> content_length;  ///< None: chunked, or no body.
    bool has_body = false;
    bool keeps_alive = false;
    bool is_http_10 = false;
};

/// Reads requests, one after the other, from a connection; bodies in pieces, so that they may be of
/// any size. Beast's parser, without its streams.
class RequestReader {
  public:
    explicit RequestReader(Connection& connection);
    ~RequestReader();

    /// Waits for the first byte of the next request. kUnavailable when the peer has left.
    Result<> await_request(Instant deadline);
    /// kInvalid when it is not HTTP/1.1 or its head is larger than `kMaxHead`; else as the
    /// connection says.
    Result<RequestHead> read_head(Instant deadline);
    /// At least one byte of the body, or 0 at its end. kInvalid when it is not of the form that the
    /// head announced; kUnavailable when the connection ended before the body did.
    Result<std::size_t> read_body(std::span<char> into, Instant deadline);
    [[nodiscard]] bool is_body_read() const;
    /// The peer waits to be told that its body is wanted, and was not told yet.
    [[nodiscard]] bool is_continue_awaited() const;

  private:
    struct Impl;

    Result<> receive(Instant deadline);
    Result<> tell_continue(Instant deadline);

    Connection& connection_;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters::repo_server
