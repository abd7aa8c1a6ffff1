#include "adapters/net/http_server.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>
#include <vector>

#include "adapters/net/http_connection.h"
#include "adapters/net/http_session.h"
#include "adapters/net/listen_address.h"
#include "base/check.h"

namespace muster::adapters {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;

namespace {

constexpr std::size_t kMaxConnections = 1024;
// Of the Unix socket alone: an operator gets in although the network is crowded.
constexpr std::size_t kReservedForUnix = 64;
// Probes need files as well: so much of what the process may open is the most for connections.
constexpr std::size_t kShareOfFiles = 4;
constexpr Duration kSweep = std::chrono::milliseconds(250);
constexpr Duration kTellRefused = std::chrono::seconds(1);
constexpr Duration kStopGrace = std::chrono::seconds(2);

std::size_t most_connections() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return kMaxConnections;
    }
    return std::clamp<std::size_t>(limit.rlim_cur / kShareOfFiles, 16, kMaxConnections);
}

Error listen_error(const std::string& address, const boost::system::error_code& failure) {
    if (failure == asio::error::address_in_use) {
        return {Errc::kUnavailable, address + " is taken by another process",
                "stop that process, or choose another port with --listen"};
    }
    if (failure == asio::error::access_denied) {
        return {Errc::kDenied, "not allowed to listen on " + address,
                "choose a port above 1023, or give the process CAP_NET_BIND_SERVICE"};
    }
    return {Errc::kInvalid, "can't listen on " + address + ": " + failure.message(),
            "give an address of this machine"};
}

// A socket file stays behind when its process is killed; only one that nobody serves is removed.
Result<> clear_stale_socket(asio::any_io_executor executor, const std::string& path) {
    struct stat entry{};
    if (::lstat(path.c_str(), &entry) != 0) {
        return {};
    }
    if (!S_ISSOCK(entry.st_mode)) {
        return Error{Errc::kConflict, path + " exists and is not a socket",
                     "move it away, or choose another data directory"};
    }
    stream_protocol::socket probe(executor);
    boost::system::error_code failure;
    probe.connect(stream_protocol::endpoint(path), failure);
    if (!failure) {
        return Error{Errc::kConflict, "another process already serves " + path,
                     "stop that muster first, or choose another data directory"};
    }
    if (::unlink(path.c_str()) != 0) {
        return Error{Errc::kDenied, "can't remove the stale socket " + path,
                     "remove it by hand, or run as its owner"};
    }
    return {};
}

}  // namespace

struct HttpServer::Impl {
    Executor executor;
    Clock& clock;
    Log& log;
    Handler handler;
    TaskGroup tasks;
    bool is_stopping = false;
    // As many again are told that there are too many; the rest is closed without a word.
    std::size_t most = most_connections();
    std::size_t refusals = 0;
    std::size_t streams = 0;
    std::size_t refused = 0;  // Since the log last said so.
    std::optional<Instant> refused_told;
    std::list<HttpSession*> sessions;
    std::vector<std::unique_ptr<tcp::acceptor>> tcp_acceptors;
    std::vector<std::unique_ptr<stream_protocol::acceptor>> unix_acceptors;
    std::vector<std::unique_ptr<HttpTlsContext>> tls;
    std::vector<std::string> socket_files;

    Impl(Executor on, Clock& with_clock, Log& with_log, Handler with_handler)
        : executor(on),
          clock(with_clock),
          log(with_log),
          handler(std::move(with_handler)),
          tasks(on) {
        tasks.spawn(sweep());
    }

    Task<> sweep();
    void cancel_expired();
    /// `wrap` makes a connection of a socket.
    template <class Acceptor, class Wrap>
    Task<> accept(Acceptor* acceptor, Wrap wrap, std::size_t limit);
    Task<> serve(std::unique_ptr<HttpConnection> connection);
    Task<> refuse(std::unique_ptr<HttpConnection> connection);
    void welcome(std::unique_ptr<HttpConnection> connection, std::size_t limit);
    void tell_refused();
    HttpSessionDeps session_deps() { return {clock, log, handler, tasks, is_stopping, streams}; }
    [[nodiscard]] bool has_busy_session() const;
};

// Cancels what took too long; one timer for all connections.
Task<> HttpServer::Impl::sweep() {
    while (!is_stopping) {
        CO_TRY_OK(co_await clock.sleep_for(kSweep));
        cancel_expired();
        tell_refused();
    }
    co_return Result<>{};
}

void HttpServer::Impl::cancel_expired() {
    const Instant now = clock.now();
    for (auto* session : sessions) {
        if (session->deadline() <= now) {
            session->cancel();
        }
    }
}

Task<> HttpServer::Impl::serve(std::unique_ptr<HttpConnection> connection) {
    HttpSession session(session_deps(), std::move(connection));
    const auto place = sessions.insert(sessions.end(), &session);
    const auto ended = co_await session.run();
    sessions.erase(place);
    co_return ended;
}

Task<> HttpServer::Impl::refuse(std::unique_ptr<HttpConnection> connection) {
    HttpSession session(session_deps(), std::move(connection));
    const auto place = sessions.insert(sessions.end(), &session);
    const auto ended = co_await session.refuse();
    sessions.erase(place);
    --refusals;
    co_return ended;
}

void HttpServer::Impl::welcome(std::unique_ptr<HttpConnection> connection, std::size_t limit) {
    if (sessions.size() - refusals < limit) {
        tasks.spawn(serve(std::move(connection)));
        return;
    }
    ++refused;
    tell_refused();
    if (refusals < most) {
        ++refusals;
        tasks.spawn(refuse(std::move(connection)));
    }
}

// At most one line a second: a flood of connections is not to become one of the log.
void HttpServer::Impl::tell_refused() {
    const Instant now = clock.now();
    if (refused == 0 || (refused_told && now - *refused_told < kTellRefused)) {
        return;
    }
    refused_told = now;
    log.warn("http.refused",
             {{"refused", std::exchange(refused, 0)}, {"open", sessions.size()}, {"most", most}});
}

template <class Acceptor, class Wrap>
Task<> HttpServer::Impl::accept(Acceptor* acceptor, Wrap wrap, std::size_t limit) {
    while (!is_stopping) {
        auto [failure, socket] =
            co_await acceptor->async_accept(asio::as_tuple(asio::use_awaitable));
        if (is_stopping) {
            break;
        }
        if (failure) {
            // No file descriptor left, or a peer that went away while it waited.
            log.warn("http.accept_failed", {{"reason", failure.message()}});
            CO_TRY_OK(co_await clock.sleep_for(kSweep));
            continue;
        }
        welcome(wrap(std::move(socket)), limit);
    }
    co_return Result<>{};
}

bool HttpServer::Impl::has_busy_session() const {
    for (const auto* session : sessions) {
        if (session->is_busy()) {
            return true;
        }
    }
    return false;
}

HttpServer::HttpServer(Executor executor, Clock& clock, Log& log, Handler handler)
    : impl_(std::make_unique<Impl>(executor, clock, log, std::move(handler))) {
}

HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen_tcp(const std::string& address, std::optional<Tls> tls) {
    CHECK(!impl_->is_stopping);
    TRY(const auto endpoint, read_listen_address(address));
    std::function wrap = plain_connection;
    if (tls) {
        TRY(auto loaded, HttpTlsContext::load(*tls));
        auto* context = impl_->tls.emplace_back(std::move(loaded)).get();
        wrap = [context](tcp::socket socket) { return context->wrap(std::move(socket)); };
    }
    auto acceptor = std::make_unique<tcp::acceptor>(impl_->executor);
    boost::system::error_code failure;
    acceptor->open(endpoint.protocol(), failure);
    if (!failure) {
        acceptor->set_option(tcp::acceptor::reuse_address(true), failure);
        acceptor->bind(endpoint, failure);
    }
    if (!failure) {
        acceptor->listen(tcp::acceptor::max_listen_connections, failure);
    }
    if (failure) {
        return listen_error(address, failure);
    }
    const auto port = acceptor->local_endpoint().port();
    impl_->tasks.spawn(impl_->accept(acceptor.get(), std::move(wrap), impl_->most));
    impl_->tcp_acceptors.push_back(std::move(acceptor));
    return port;
}

Result<> HttpServer::listen_unix(const std::string& path) {
    CHECK(!impl_->is_stopping);
    // sun_path of unix(7).
    if (path.empty() || path.size() > 107) {
        return Error{Errc::kInvalid,
                     "the socket path \"" + path + "\" has " + std::to_string(path.size()) +
                         " characters; at most 107 are possible",
                     "choose a shorter data directory"};
    }
    TRY_OK(clear_stale_socket(impl_->executor, path));
    auto acceptor = std::make_unique<stream_protocol::acceptor>(impl_->executor);
    boost::system::error_code failure;
    acceptor->open(stream_protocol(), failure);
    // Before bind, so that the file is never there with a wider mode (unix(7) on Linux).
    if (!failure && ::fchmod(acceptor->native_handle(), S_IRUSR | S_IWUSR) != 0) {
        failure.assign(errno, boost::system::system_category());
    }
    if (!failure) {
        acceptor->bind(stream_protocol::endpoint(path), failure);
    }
    if (!failure) {
        acceptor->listen(stream_protocol::acceptor::max_listen_connections, failure);
    }
    if (failure) {
        return listen_error(path, failure);
    }
    impl_->socket_files.push_back(path);
    impl_->tasks.spawn(
        impl_->accept(acceptor.get(), &unix_connection, impl_->most + kReservedForUnix));
    impl_->unix_acceptors.push_back(std::move(acceptor));
    return {};
}

Task<> HttpServer::stop() {
    impl_->is_stopping = true;
    boost::system::error_code ignored;
    for (auto& acceptor : impl_->tcp_acceptors) {
        acceptor->close(ignored);
    }
    for (auto& acceptor : impl_->unix_acceptors) {
        acceptor->close(ignored);
    }
    for (const auto& path : std::exchange(impl_->socket_files, {})) {
        ::unlink(path.c_str());
    }
    const Instant deadline = impl_->clock.now() + kStopGrace;
    while (impl_->has_busy_session() && impl_->clock.now() < deadline) {
        if (!co_await impl_->clock.sleep_for(std::chrono::milliseconds(10))) {
            break;
        }
    }
    for (auto* session : impl_->sessions) {
        session->cancel();
    }
    co_return co_await impl_->tasks.stop();
}

}  // namespace muster::adapters
