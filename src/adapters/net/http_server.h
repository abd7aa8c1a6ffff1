#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/task.h"
#include "base/time.h"

namespace muster::adapters {

struct HttpServerRequest {
    std::string method;
    std::string path;  ///< Decoded, without the query.
    Fields query;
    Fields headers;  ///< Lower-case names.
    std::string body;
    bool is_local = false;  ///< Came over the Unix socket or from a loopback address.
};

/// Sends pieces of a streamed answer (server-sent events). kUnavailable when the peer is gone, or
/// so slow that its buffer is full: the stream then ends.
class HttpStream {
  public:
    virtual ~HttpStream() = default;
    virtual Task<> send(std::string piece) = 0;
};

struct HttpServerResponse {
    int status = 200;
    std::string content_type = "application/json";
    Fields headers;
    std::string body;
    /// When set, `body` is sent first and then whatever this writes, until it returns.
    std::function<Task<>(HttpStream&)> stream;
};

/// HTTP/1.1 over TCP, TLS or a Unix socket: Beast's parser behind a virtual connection. Limits: 8
/// KiB of headers, 1 MiB of body, 10 s for a request to arrive, 1,024 connections (more get 503,
/// and many more are closed) or a quarter of the files that the process may open, if that is less.
/// 64 further connections are the Unix socket's alone, so that an operator gets in when the network
/// is crowded. On a loopback address, requests for the name of another server are refused (421): a
/// browser whose page had its name point here would send them.
class HttpServer {
  public:
    using Handler = std::function<Task<HttpServerResponse>(HttpServerRequest)>;
    struct Tls {
        std::string certificate_file;
        std::string key_file;
    };

    HttpServer(Executor executor, Clock& clock, Log& log, Handler handler);
    ~HttpServer();
    /// "127.0.0.1:8080", "[::1]:0"; the port that was taken. kUnavailable when it is taken already.
    Result<std::uint16_t> listen_tcp(const std::string& address, std::optional<Tls> tls);
    /// A socket of mode 0600. A stale one is replaced; one that a living process serves is
    /// kConflict.
    Result<> listen_unix(const std::string& path);
    Task<> stop();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters
