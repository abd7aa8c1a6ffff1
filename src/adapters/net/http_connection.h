#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>

#include "adapters/net/http_server.h"
#include "base/task.h"

namespace muster::adapters {

/// One accepted connection, whatever carries it. Virtual, so that the HTTP session is compiled once
/// and not once for each transport.
class HttpConnection {
  public:
    virtual ~HttpConnection() = default;
    /// The handshake, where the transport has one.
    virtual Task<> start() = 0;
    /// At least one byte; kUnavailable at the end of the stream, kCancelled after `cancel()`.
    virtual Task<std::size_t> read(boost::asio::mutable_buffer into) = 0;
    /// All of it. `data` must live until then.
    virtual Task<> write(boost::asio::const_buffer data) = 0;
    /// No more will be written; the peer's bytes may still be read.
    virtual void finish() = 0;
    /// Ends the operation under way with kCancelled.
    virtual void cancel() = 0;
    [[nodiscard]] virtual bool is_local() const = 0;
    /// Came to a loopback address over TCP, which pages in a browser can reach as well.
    [[nodiscard]] virtual bool is_loopback_tcp() const = 0;
};

std::unique_ptr<HttpConnection> plain_connection(boost::asio::ip::tcp::socket socket);
std::unique_ptr<HttpConnection> unix_connection(boost::asio::local::stream_protocol::socket socket);

/// A server certificate with its key, ready for handshakes.
class HttpTlsContext {
  public:
    /// kInvalid when a file can't be read or the key does not belong to the certificate.
    static Result<std::unique_ptr<HttpTlsContext>> load(const HttpServer::Tls& files);
    ~HttpTlsContext();
    /// The context must outlive the connection.
    std::unique_ptr<HttpConnection> wrap(boost::asio::ip::tcp::socket socket);

  private:
    struct Impl;
    explicit HttpTlsContext(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// kUnavailable or kCancelled, from what the operating system said.
Error connection_error(const boost::system::error_code& failure);

}  // namespace muster::adapters
