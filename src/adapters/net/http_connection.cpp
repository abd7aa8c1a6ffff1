#include "adapters/net/http_connection.h"

#include <boost/asio/error.hpp>
#include <utility>

#include "adapters/net/http_stream_connection.h"

namespace muster::adapters {

namespace asio = boost::asio;

namespace {

template <class Socket>
class PlainConnection final : public HttpStreamConnection<Socket> {
  public:
    PlainConnection(Socket socket, bool is_local, bool is_loopback_tcp)
        : HttpStreamConnection<Socket>(is_local, std::move(socket)),
          is_loopback_tcp_(is_loopback_tcp) {}

    Task<> start() override { co_return Result<>{}; }
    [[nodiscard]] bool is_loopback_tcp() const override { return is_loopback_tcp_; }

  private:
    bool is_loopback_tcp_;
};

}  // namespace

Error connection_error(const boost::system::error_code& failure) {
    if (failure == asio::error::operation_aborted) {
        return {Errc::kCancelled, "the connection was told to stop"};
    }
    return {Errc::kUnavailable, "the connection broke: " + failure.message()};
}

std::unique_ptr<HttpConnection> plain_connection(asio::ip::tcp::socket socket) {
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    const bool is_local = socket.remote_endpoint(ignored).address().is_loopback();
    const bool is_loopback = socket.local_endpoint(ignored).address().is_loopback();
    return std::make_unique<PlainConnection<asio::ip::tcp::socket>>(std::move(socket), is_local,
                                                                    is_loopback);
}

std::unique_ptr<HttpConnection> unix_connection(asio::local::stream_protocol::socket socket) {
    return std::make_unique<PlainConnection<asio::local::stream_protocol::socket>>(
        std::move(socket), true, false);
}

}  // namespace muster::adapters
