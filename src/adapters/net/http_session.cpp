#include "adapters/net/http_session.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <exception>
#include <utility>

namespace muster::adapters {

namespace asio = boost::asio;

// A streamed answer: pieces wait in a bounded buffer that a task of its own empties, so that a slow
// reader never holds up whoever sends.
class HttpSession::Stream final : public HttpStream {
  public:
    Stream(HttpSession& session, Executor executor, bool is_chunked)
        : session_(session), has_work_(executor), has_ended_(executor), is_chunked_(is_chunked) {}

    Task<> send(std::string piece) override {
        if (is_broken_) {
            co_return Error{Errc::kUnavailable, "the reader of the stream is gone"};
        }
        // One piece may be larger than the limit, or a big status could never be sent.
        if (!buffer_.empty() && buffer_.size() + piece.size() > kMaxHttpStreamBuffer) {
            is_broken_ = true;
            session_.deps_.log.warn("http.stream_dropped", {{"buffered_bytes", buffer_.size()}});
            session_.cancel();
            co_return Error{Errc::kUnavailable, "the reader of the stream is too slow"};
        }
        buffer_ += is_chunked_ ? http_chunk(piece) : piece;
        has_work_.notify();
        co_return Result<>{};
    }

    // Writes what comes until `close()`, then the last chunk.
    Task<> pump() {
        bool is_waiting = true;
        while (is_waiting && !is_broken_ && (!is_closed_ || !buffer_.empty())) {
            if (buffer_.empty()) {
                session_.deadline_ = Instant::max();
                const auto woken = co_await has_work_.wait();
                is_waiting = woken.has_value();
                continue;
            }
            const auto written =
                co_await session_.write(std::exchange(buffer_, {}), kHttpWriteTime);
            is_broken_ = is_broken_ || !written;
        }
        if (!is_broken_ && is_closed_ && is_chunked_) {
            const auto last = co_await session_.write("0\r\n\r\n", kHttpWriteTime);
            static_cast<void>(last);
        }
        is_broken_ = true;
        has_pump_ended_ = true;
        has_ended_.notify();
        co_return Result<>{};
    }

    // Waits until everything is written or the reader is gone.
    Task<> close() {
        is_closed_ = true;
        has_work_.notify();
        while (!has_pump_ended_) {
            // The pump ends on its own deadline or by the group's cancellation; it refers to us.
            const auto woken = co_await has_ended_.wait();
            static_cast<void>(woken);
        }
        co_return Result<>{};
    }

  private:
    HttpSession& session_;
    Event has_work_;
    Event has_ended_;
    std::string buffer_;
    bool is_chunked_;
    bool is_closed_ = false;
    bool is_broken_ = false;
    bool has_pump_ended_ = false;
};

HttpSession::HttpSession(HttpSessionDeps deps, std::unique_ptr<HttpConnection> connection)
    : deps_(deps), connection_(std::move(connection)), deadline_(deps_.clock.now()) {
    deadline_ += kHttpRequestTime;
}

HttpSession::~HttpSession() = default;

void HttpSession::cancel() {
    connection_->cancel();
}

Task<> HttpSession::run() {
    CO_TRY_OK(co_await connection_->start());
    do {
        CO_TRY(auto request, co_await receive());
        const bool is_head = request.method == "HEAD";
        is_busy_ = true;
        deadline_ = Instant::max();
        CO_TRY(auto response, co_await handle(std::move(request)));
        if (is_head) {
            response.stream = nullptr;  // It would not end.
        }
        if (response.stream && deps_.streams < kMaxHttpStreams) {
            is_busy_ = false;
            keeps_alive_ = false;
            ++deps_.streams;
            const auto streamed = co_await send_stream(std::move(response));
            --deps_.streams;
            CO_TRY_OK(streamed);
            break;
        }
        if (response.stream) {
            response = http_error({503, "too many readers follow the stream"});
            response.headers["Retry-After"] = "10";
        }
        keeps_alive_ = keeps_alive_ && !deps_.is_stopping;
        auto sent = co_await send(std::move(response), is_head);
        is_busy_ = false;
        CO_TRY_OK(std::move(sent));
    } while (keeps_alive_ && !deps_.is_stopping);
    co_return co_await linger();
}

Task<> HttpSession::refuse() {
    CO_TRY_OK(co_await connection_->start());
    co_return co_await send_error({503, "too many connections"});
}

Task<HttpServerRequest> HttpSession::receive() {
    HttpRequestReader reader;
    // An idle connection may wait longer than one whose request has begun to arrive.
    const bool is_first = !keeps_alive_;
    deadline_ = deps_.clock.now() + (is_first ? kHttpRequestTime : kHttpIdleTime);
    if (unread_.empty()) {
        CO_TRY_OK(co_await receive_more(&reader));
        if (!is_first) {
            deadline_ = deps_.clock.now() + kHttpRequestTime;
        }
    }
    while (true) {
        if (auto refusal = reader.take(unread_)) {
            CO_TRY_OK(co_await send_error(std::move(*refusal)));
            co_return Error{Errc::kInvalid, "the request was refused"};
        }
        if (reader.is_done()) {
            break;
        }
        const auto more = co_await receive_more(&reader);
        if (!more && more.error().code() == Errc::kCancelled && !deps_.is_stopping) {
            CO_TRY_OK(co_await send_error({408, "the request did not arrive within 10 s"}));
        }
        CO_TRY_OK(more);
    }
    keeps_alive_ = reader.keeps_alive();
    is_http_10_ = reader.is_http_10();
    HttpServerRequest request;
    if (auto refusal = reader.release(request)) {
        CO_TRY_OK(co_await send_error(std::move(*refusal)));
        co_return Error{Errc::kInvalid, "the request was refused"};
    }
    if (auto refusal = refusal_of_host(request)) {
        CO_TRY_OK(co_await send_error(std::move(*refusal)));
        co_return Error{Errc::kInvalid, "the request was refused"};
    }
    request.is_local = connection_->is_local();
    co_return request;
}

std::optional<HttpRefusal> HttpSession::refusal_of_host(const HttpServerRequest& request) const {
    const auto host = request.headers.find("host");
    if (host == request.headers.end()) {
        // RFC 9112 section 3.2; before HTTP/1.1 there was no such header, and no browser does
        // without.
        return is_http_10_ ? std::nullopt
                           : std::optional(HttpRefusal{400, "the request has no Host header"});
    }
    if (!connection_->is_loopback_tcp() || is_own_host(host->second)) {
        return std::nullopt;
    }
    deps_.log.warn("http.foreign_host", {{"host", host->second.substr(0, 100)}});
    return HttpRefusal{421,
                       "the request is for another server than this one: "
                       "its Host header must be localhost or an address"};
}

Task<> HttpSession::receive_more(HttpRequestReader* reader) {
    if (reader->wants_continue()) {
        CO_TRY_OK(co_await connection_->write(asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25)));
    }
    std::array<char, 8192> piece{};
    CO_TRY(const auto size, co_await connection_->read(asio::buffer(piece)));
    unread_.append(piece.data(), size);
    co_return Result<>{};
}

Task<HttpServerResponse> HttpSession::handle(HttpServerRequest request) {
    const Instant began = deps_.clock.now();
    const std::string method = request.method;
    const std::string path = request.path;
    HttpServerResponse response;
    bool has_failed = true;
    try {
        auto result = co_await deps_.handler(std::move(request));
        if (result) {
            response = std::move(*result);
            has_failed = false;
        }
    } catch (const std::exception& failure) {
        deps_.log.error("http.handler_failed", {{"path", path}, {"reason", failure.what()}});
    }
    if (has_failed) {
        response = http_error({500, "the request failed inside muster; its log says more"});
    }
    deps_.log.debug("http.request", {{"method", method},
                                     {"path", path},
                                     {"status", response.status},
                                     {"took", deps_.clock.now() - began}});
    co_return response;
}

Task<> HttpSession::write(std::string data, Duration limit) {
    deadline_ = deps_.clock.now() + limit;
    co_return co_await connection_->write(asio::buffer(data));
}

Task<> HttpSession::send(HttpServerResponse response, bool is_head) {
    std::string text = http_head(response, HttpFraming::kLength, keeps_alive_);
    if (!is_head) {
        text += response.body;
    }
    return write(std::move(text), kHttpWriteTime);
}

Task<> HttpSession::send_stream(HttpServerResponse response) {
    const auto framing = is_http_10_ ? HttpFraming::kUntilClose : HttpFraming::kChunked;
    const bool is_chunked = framing == HttpFraming::kChunked;
    std::string text = http_head(response, framing, false);
    text += is_chunked ? http_chunk(response.body) : response.body;
    CO_TRY_OK(co_await write(std::move(text), kHttpWriteTime));

    Stream stream(*this, deps_.tasks.executor(), is_chunked);
    if (deps_.is_stopping) {
        co_return Error{Errc::kCancelled, "the server is stopping"};
    }
    deps_.tasks.spawn(stream.pump());
    const auto produced = co_await response.stream(stream);
    const auto closed = co_await stream.close();
    CO_TRY_OK(produced);
    co_return closed;
}

Task<> HttpSession::send_error(HttpRefusal refusal) {
    keeps_alive_ = false;
    CO_TRY_OK(co_await send(http_error(refusal), false));
    co_return co_await linger();
}

// Closing a socket with unread bytes resets it, and the peer may lose the answer: read on for a
// moment.
Task<> HttpSession::linger() {
    connection_->finish();
    deadline_ = deps_.clock.now() + kHttpLingerTime;
    std::array<char, 8192> piece{};
    for (std::size_t total = 0; total < 4 * kMaxHttpBody && !deps_.is_stopping;) {
        CO_TRY(const auto size, co_await connection_->read(asio::buffer(piece)));
        total += size;
    }
    co_return Result<>{};
}

}  // namespace muster::adapters
