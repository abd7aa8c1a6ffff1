#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "adapters/net/http_connection.h"

namespace muster::adapters {

/// What connections over any of Asio's streams have in common.
template <class Stream>
class HttpStreamConnection : public HttpConnection {
  public:
    Task<std::size_t> read(boost::asio::mutable_buffer into) final {
        const auto [failure, size] = co_await stream_.async_read_some(into, kTuple);
        if (failure) {
            co_return connection_error(failure);
        }
        co_return size;
    }

    Task<> write(boost::asio::const_buffer data) final {
        const auto [failure, size] = co_await boost::asio::async_write(stream_, data, kTuple);
        if (failure) {
            co_return connection_error(failure);
        }
        co_return Result<>{};
    }

    // Without a close_notify of TLS: every answer carries its length or a last chunk, so that a
    // missing one can't be taken for a whole answer.
    void finish() final {
        boost::system::error_code ignored;
        stream_.lowest_layer().shutdown(boost::asio::socket_base::shutdown_send, ignored);
    }

    void cancel() final {
        boost::system::error_code ignored;
        stream_.lowest_layer().cancel(ignored);
    }

    [[nodiscard]] bool is_local() const final { return is_local_; }

  protected:
    static constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

    template <class... Arguments>
    explicit HttpStreamConnection(bool is_local, Arguments&&... arguments)
        : stream_(std::forward<Arguments>(arguments)...), is_local_(is_local) {}

    Stream& stream() { return stream_; }

  private:
    Stream stream_;
    bool is_local_;
};

}  // namespace muster::adapters
