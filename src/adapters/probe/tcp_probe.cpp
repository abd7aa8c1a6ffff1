#include "adapters/probe/tcp_probe.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "adapters/net/failure.h"
#include "adapters/probe/sample.h"

namespace muster::adapters {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kMostRead = 4096;

}  // namespace

// One check: the socket, and a timer that ends whatever is under way at the deadline.
struct TcpProbe::Attempt {
    explicit Attempt(const Executor& executor)
        : socket(executor), resolver(executor), timer(executor), found(executor) {}

    tcp::socket socket;
    tcp::resolver resolver;
    asio::steady_timer timer;
    asio::steady_timer found;  // Cancelled when the name is resolved.
    tcp::resolver::results_type addresses;
    error_code resolved = asio::error::would_block;
    bool is_expired = false;

    void expire() {
        is_expired = true;
        error_code ignored;
        socket.close(ignored);
        found.cancel();
    }
};

plan::Type TcpProbe::settings() {
    using plan::Type;
    return Type::object(
        {
            {"tcp", Type::text("where to connect: host:port"), true, ""},
            {"send", Type::text("text to send after connecting"), false, ""},
            {"expect", Type::text("text that the server's answer must contain"), false, ""},
            {"slow_after", Type::duration("an answer that takes longer is slow"), false, ""},
        },
        "a TCP connection opens, and the server says what is expected");
}

Result<TcpProbe::Wanted> parse_host_port(const std::string& text) {
    const auto colon = text.rfind(':');
    auto host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    } else if (host.contains(':')) {
        host.clear();  // An IPv6 address without brackets: where does the port begin?
    }
    const auto port = colon == std::string::npos ? "" : text.substr(colon + 1);
    const bool is_port = !port.empty() && port.size() <= 5 &&
                         port.find_first_not_of("0123456789") == std::string::npos &&
                         std::stoi(port) >= 1 && std::stoi(port) <= 65'535;
    if (host.empty() || !is_port) {
        return Error{Errc::kInvalid, "\"" + text + "\" is not host:port",
                     "write 10.0.1.10:8080, shop.example:8080 or [2001:db8::1]:8080"};
    }
    TcpProbe::Wanted wanted;
    wanted.host = std::move(host);
    wanted.port = port;
    return wanted;
}

Result<std::unique_ptr<probe::Probe>> TcpProbe::make(const probe::Settings& settings,
                                                     probe::Deps deps) {
    TRY(const auto target, text_at(settings, "tcp"));
    TRY(auto wanted, parse_host_port(target));
    TRY(wanted.send, text_at(settings, "send"));
    TRY(wanted.expect, text_at(settings, "expect"));
    TRY(wanted.slow_after, duration_at(settings.plan.settings, "slow_after"));
    return std::make_unique<TcpProbe>(std::move(wanted), std::move(deps));
}

TcpProbe::TcpProbe(Wanted wanted, probe::Deps deps)
    : wanted_(std::move(wanted)), deps_(std::move(deps)) {
}

Task<> TcpProbe::exchange(std::shared_ptr<Attempt> attempt) {
    constexpr auto kValue = asio::as_tuple(asio::use_awaitable);
    const auto broken = [](const error_code& error) {
        const bool is_end = error == asio::error::eof;
        return Error{Errc::kUnavailable, std::string(is_end ? kReset : phrase_for(error.value()))};
    };
    // A name server may take its time, and nothing can interrupt that; so the answer is waited for
    // beside it, on a timer that the deadline can end.
    attempt->found.expires_at(asio::steady_timer::time_point::max());
    attempt->resolver.async_resolve(
        wanted_.host, wanted_.port,
        [attempt](const error_code& error, tcp::resolver::results_type results) {
            attempt->resolved = error;
            attempt->addresses = std::move(results);
            attempt->found.cancel();
        });
    co_await attempt->found.async_wait(kValue);
    // Both may have come by now; connecting would open the socket anew, and no timer is left.
    if (attempt->is_expired || attempt->resolved == asio::error::would_block) {
        co_return Error{Errc::kTimedOut, "the name was not resolved in time"};
    }
    if (attempt->resolved) {
        co_return Error{Errc::kUnavailable, std::string(kNameNotFound) + ": " + wanted_.host};
    }
    const auto [refused, endpoint] =
        co_await asio::async_connect(attempt->socket, attempt->addresses, kValue);
    if (refused) {
        co_return broken(refused);
    }
    if (!wanted_.send.empty()) {
        const auto [unsent, length] =
            co_await asio::async_write(attempt->socket, asio::buffer(wanted_.send), kValue);
        if (unsent) {
            co_return broken(unsent);
        }
    }
    std::string said;
    while (!said.contains(wanted_.expect)) {
        if (said.size() >= kMostRead) {
            co_return Error{Errc::kCorrupt, "it does not say \"" + wanted_.expect + "\""};
        }
        std::array<char, 1024> buffer{};
        const auto [ended, length] =
            co_await attempt->socket.async_read_some(asio::buffer(buffer), kValue);
        said.append(buffer.data(), length);
        if (ended && !said.contains(wanted_.expect)) {
            co_return said.empty()
                ? broken(ended)
                : Error{Errc::kCorrupt, "it does not say \"" + wanted_.expect + "\""};
        }
    }
    co_return Result<>{};
}

Task<probe::Sample> TcpProbe::check(Instant deadline) {
    const auto began = deps_.clock.now();
    auto attempt = std::make_shared<Attempt>(deps_.executor);  // Shared with its handlers.
    attempt->timer.expires_after(std::max(Duration::zero(), deadline - began));
    attempt->timer.async_wait([attempt](const error_code& error) {
        if (!error) {
            attempt->expire();
        }
    });
    const auto done = co_await exchange(attempt);
    attempt->timer.cancel();
    attempt->resolver.cancel();
    const auto took = deps_.clock.now() - began;
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
        co_return Error{Errc::kCancelled, "the check was cancelled"};
    }
    if (attempt->is_expired) {
        co_return failed_sample(Error{Errc::kTimedOut, "no answer in time"}, took);
    }
    if (!done) {
        auto sample = failed_sample(done.error(), took);
        if (sample && done.error().code() == Errc::kCorrupt) {
            sample->evidence = probe::Evidence::kHard;  // It answered, and wrongly.
        }
        co_return sample;
    }
    co_return answered_sample(wanted_.expect.empty() ? "connected" : "answered", took,
                              wanted_.slow_after);
}

}  // namespace muster::adapters
