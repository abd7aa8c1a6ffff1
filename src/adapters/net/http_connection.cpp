#include "adapters/net/http_connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace muster::adapters {

namespace asio = boost::asio;

namespace {

template <class Socket>
class PlainConnection final : public HttpConnection {
  public:
    PlainConnection(Socket socket, bool is_local, bool is_loopback_tcp)
        : socket_(std::move(socket)), is_local_(is_local), is_loopback_tcp_(is_loopback_tcp) {}

    Task<> start() override { co_return Result<>{}; }

    Task<std::size_t> read(asio::mutable_buffer into) override {
        const auto [failure, size] =
            co_await socket_.async_read_some(into, asio::as_tuple(asio::use_awaitable));
        if (failure) {
            co_return connection_error(failure);
        }
        co_return size;
    }

    Task<> write(asio::const_buffer data) override {
        const auto [failure, size] =
            co_await asio::async_write(socket_, data, asio::as_tuple(asio::use_awaitable));
        if (failure) {
            co_return connection_error(failure);
        }
        co_return Result<>{};
    }

    void finish() override {
        boost::system::error_code ignored;
        socket_.shutdown(Socket::shutdown_send, ignored);
    }

    void cancel() override {
        boost::system::error_code ignored;
        socket_.cancel(ignored);
    }

    [[nodiscard]] bool is_local() const override { return is_local_; }
    [[nodiscard]] bool is_loopback_tcp() const override { return is_loopback_tcp_; }

  private:
    Socket socket_;
    bool is_local_;
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
