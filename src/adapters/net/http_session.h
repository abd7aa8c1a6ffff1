#pragma once

#include <memory>
#include <optional>
#include <string>

#include "adapters/net/http_connection.h"
#include "adapters/net/http_message.h"
#include "base/event.h"
#include "base/task_group.h"

namespace muster::adapters {

/// What the sessions of one server share.
struct HttpSessionDeps {
    Clock& clock;
    Log& log;
    HttpServer::Handler& handler;
    TaskGroup& tasks;
    bool& is_stopping;
    std::size_t& streams;  ///< Under way now, of all sessions.
};

/// Time limits of a connection; see `HttpServer`.
inline constexpr Duration kHttpRequestTime = std::chrono::seconds(10);
inline constexpr Duration kHttpIdleTime = std::chrono::seconds(60);
inline constexpr Duration kHttpWriteTime = std::chrono::seconds(20);
inline constexpr Duration kHttpLingerTime = std::chrono::seconds(1);
/// Each stream costs work with every change, so that there are fewer of them than connections.
inline constexpr std::size_t kMaxHttpStreams = 128;
/// A stream's reader that is this far behind is dropped.
inline constexpr std::size_t kMaxHttpStreamBuffer = 256U << 10U;

/// One connection's life: requests in, answers out, one after the other. The server cancels the
/// operation under way when `deadline` has passed.
class HttpSession {
  public:
    HttpSession(HttpSessionDeps deps, std::unique_ptr<HttpConnection> connection);
    ~HttpSession();

    Task<> run();
    /// Tells the peer that there are too many connections, and ends.
    Task<> refuse();
    /// When the operation under way is to be cancelled.
    [[nodiscard]] Instant deadline() const { return deadline_; }
    /// A request is being answered, and not by a stream: shutdown gives it time.
    [[nodiscard]] bool is_busy() const { return is_busy_; }
    void cancel();

  private:
    class Stream;

    /// One request; kCancelled when the time is up, kInvalid when it was refused and answered.
    Task<HttpServerRequest> receive();
    [[nodiscard]] std::optional<HttpRefusal> refusal_of_host(
        const HttpServerRequest& request) const;
    Task<> receive_more(HttpRequestReader* reader);
    Task<HttpServerResponse> handle(HttpServerRequest request);
    Task<> send(HttpServerResponse response, bool is_head);
    Task<> send_stream(HttpServerResponse response);
    Task<> send_error(HttpRefusal refusal);
    Task<> write(std::string data, Duration limit);
    Task<> linger();

    HttpSessionDeps deps_;
    std::unique_ptr<HttpConnection> connection_;
    Instant deadline_;
    std::string unread_;
    bool keeps_alive_ = false;
    bool is_http_10_ = false;
    bool is_busy_ = false;
};

}  // namespace muster::adapters
