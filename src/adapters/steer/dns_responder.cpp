#include "adapters/steer/dns_responder.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "adapters/net/listen_address.h"
#include "adapters/steer/dns_answers.h"
#include "adapters/steer/dns_message.h"
#include "adapters/steer/dns_udp.h"
#include "base/task_group.h"

namespace muster::adapters {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
/// RFC 7766 section 6.2.3 asks for a few seconds; a slow asker must not hold a place for long.
constexpr Duration kIdle = std::chrono::seconds(10);
constexpr std::size_t kMaxTcp = 256;
/// Handed out while a target is suspect, so that clients come back soon (gdnsd's floor).
constexpr Duration kSuspectTtl = std::chrono::seconds(5);
constexpr int kPortAttempts = 32;

Duration ttl_of(const steer::Wanted& wanted) {
    return wanted.is_suspect ? std::min(wanted.record.ttl, kSuspectTtl) : wanted.record.ttl;
}

DnsTable::Set set_of(const steer::Wanted& wanted) {
    return {wanted.record, wanted.answers, ttl_of(wanted)};
}

std::string own_program() {
    std::error_code unknown;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", unknown);
    return unknown ? "muster" : path.string();
}

struct Refusal {
    std::string_view protocol;
    std::uint16_t port = 0;
    boost::system::error_code why;
};

Error cannot_listen(const std::string& address, const Refusal& refusal) {
    const auto what = "DNS can't listen at " + address + " (" + std::string(refusal.protocol) +
                      "): " + refusal.why.message();
    if (refusal.why == asio::error::access_denied) {
        return {Errc::kDenied, what,
                "a port below 1024 needs a privilege: sudo setcap cap_net_bind_service=+ep " +
                    own_program() + " (under systemd AmbientCapabilities=CAP_NET_BIND_SERVICE); " +
                    "or choose a port above 1023 and forward 53 to it"};
    }
    if (refusal.why == asio::error::address_in_use) {
        return {Errc::kUnavailable, what,
                "see who has it: ss -lntup 'sport = :" + std::to_string(refusal.port) +
                    "'; end that, or choose another address under dns: listen: or by --dns"};
    }
    return {Errc::kUnavailable, what,
            "see the addresses of this host: ip -brief address; choose one of them under dns: "
            "listen: or by --dns"};
}

boost::system::error_code open_tcp(tcp::acceptor* acceptor, const tcp::endpoint& endpoint) {
    boost::system::error_code failed;
    acceptor->open(endpoint.protocol(), failed);
    if (!failed) {
        acceptor->set_option(asio::socket_base::reuse_address(true), failed);
    }
    if (!failed) {
        acceptor->bind(endpoint, failed);
    }
    if (!failed) {
        acceptor->listen(asio::socket_base::max_listen_connections, failed);
    }
    return failed;
}

}  // namespace

struct DnsResponder::Impl {
    Impl(Executor executor, Clock& c, Log& l)
        : clock(c), log(l), acceptor(executor), tasks(executor) {}

    [[nodiscard]] std::uint32_t next_serial() const;
    void use(std::shared_ptr<const DnsAnswers> next, std::uint32_t its_serial);
    Result<std::uint16_t> open(const std::string& address, const tcp::endpoint& at);
    Task<> serve_tcp();
    Task<> serve_one(std::shared_ptr<tcp::socket> socket);
    Task<> drop_idle(std::shared_ptr<tcp::socket> socket, std::shared_ptr<Instant> last);

    Clock& clock;
    Log& log;
    DnsUdp udp;
    tcp::acceptor acceptor;
    TaskGroup tasks;
    std::map<std::pair<std::string, std::string>, steer::Wanted> steered;
    // Shared with the thread that answers by UDP, which reads it while a newer one is in force
    // here.
    std::shared_ptr<const DnsAnswers> answers = std::make_shared<const DnsAnswers>();
    std::uint32_t serial = 0;
    std::size_t tcp_open = 0;
};

DnsResponder::DnsResponder(Executor executor, Clock& clock, Log& log)
    : impl_(std::make_unique<Impl>(std::move(executor), clock, log)) {
}

DnsResponder::~DnsResponder() = default;

// Follows the clock, so that it also grows over restarts, and never stands still.
std::uint32_t DnsResponder::Impl::next_serial() const {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch());
    return std::max(serial + 1, static_cast<std::uint32_t>(now.count()));
}

void DnsResponder::Impl::use(std::shared_ptr<const DnsAnswers> next, std::uint32_t its_serial) {
    answers = std::move(next);
    serial = its_serial;
    udp.use(answers);
}

Result<> DnsResponder::set_zones(std::vector<Zone> zones) {
    std::vector<DnsTable::Set> sets;
    sets.reserve(impl_->steered.size());
    for (const auto& [key, wanted] : impl_->steered) {
        sets.push_back(set_of(wanted));
    }
    const auto serial = impl_->next_serial();
    TRY(auto answers, DnsAnswers::build(zones, sets, serial));
    impl_->use(std::move(answers), serial);
    return {};
}

// A port that the system chose for UDP may be taken for TCP: then another one is asked for.
Result<std::uint16_t> DnsResponder::Impl::open(const std::string& address,
                                               const tcp::endpoint& at) {
    Refusal refusal;
    for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        refusal = {"UDP", at.port(), udp.open({at.address(), at.port()})};
        if (!refusal.why) {
            refusal = {"TCP", at.port(), open_tcp(&acceptor, {at.address(), udp.port()})};
        }
        if (!refusal.why || at.port() != 0) {
            break;
        }
    }
    if (refusal.why) {
        udp.stop();
        return cannot_listen(address, refusal);
    }
    return udp.port();
}

Result<std::uint16_t> DnsResponder::listen(const std::string& address) {
    TRY(const auto at, read_listen_address(address));
    TRY(const auto port, impl_->open(address, at));
    impl_->udp.use(impl_->answers);
    impl_->udp.start();
    impl_->tasks.spawn(impl_->serve_tcp());
    return port;
}

Task<> DnsResponder::stop() {
    impl_->udp.stop();
    boost::system::error_code ignored;
    impl_->acceptor.close(ignored);
    return impl_->tasks.stop();
}

Task<> DnsResponder::Impl::serve_tcp() {
    while (acceptor.is_open()) {
        auto [failed, socket] = co_await acceptor.async_accept(kTuple);
        if (failed == asio::error::operation_aborted) {
            break;
        }
        if (failed) {
            CO_TRY_OK(co_await clock.sleep_for(std::chrono::milliseconds(100)));
            continue;
        }
        if (tcp_open < kMaxTcp) {
            // Shared by the reader and by the watch that closes it when it idles.
            tasks.spawn(serve_one(std::make_shared<tcp::socket>(std::move(socket))));
        }
    }
    co_return Result<>{};
}

Task<> DnsResponder::Impl::drop_idle(std::shared_ptr<tcp::socket> socket,
                                     std::shared_ptr<Instant> last) {
    while (socket->is_open() && clock.now() - *last < kIdle) {
        CO_TRY_OK(co_await clock.sleep_until(*last + kIdle));
    }
    boost::system::error_code ignored;
    socket->close(ignored);
    co_return Result<>{};
}

Task<> DnsResponder::Impl::serve_one(std::shared_ptr<tcp::socket> socket) {
    ++tcp_open;
    const auto last = std::make_shared<Instant>(clock.now());
    TaskGroup watch(tasks.executor());
    watch.spawn(drop_idle(socket, last));
    std::array<std::uint8_t, 2> length{};
    std::vector<std::uint8_t> query;
    while (true) {
        const auto [unread, some] =
            co_await asio::async_read(*socket, asio::buffer(length), kTuple);
        if (unread) {
            break;
        }
        query.resize(static_cast<std::size_t>(length[0]) << 8U | length[1]);
        const auto [cut, all] = co_await asio::async_read(*socket, asio::buffer(query), kTuple);
        const auto reply =
            cut ? std::vector<std::uint8_t>() : answer_query(query, answers->table(), false);
        if (reply.empty()) {
            break;
        }
        const std::array<std::uint8_t, 2> size{static_cast<std::uint8_t>(reply.size() >> 8U),
                                               static_cast<std::uint8_t>(reply.size() & 0xffU)};
        const std::array parts{asio::buffer(size), asio::buffer(reply)};
        const auto [unsent, sent] = co_await asio::async_write(*socket, parts, kTuple);
        if (unsent) {
            break;
        }
        *last = clock.now();
    }
    boost::system::error_code ignored;
    socket->close(ignored);
    const auto stopped = co_await watch.stop();
    --tcp_open;
    co_return stopped;
}

Task<steer::Actual> DnsResponder::current(steer::Record record, Instant /*deadline*/) {
    const auto found = impl_->steered.find({plain_name(record.name), record.type});
    if (found == impl_->steered.end()) {
        co_return Error{Errc::kNotFound, record.name + " is not steered yet"};
    }
    const auto& wanted = found->second;
    co_return steer::Actual{wanted.answers, ttl_of(wanted), wanted.epoch, impl_->serial};
}

Task<> DnsResponder::apply(steer::Wanted wanted, Instant /*deadline*/) {
    if (wanted.answers.empty()) {
        co_return Error{Errc::kInvalid, wanted.record.name + " would get no answer at all",
                        "a name that is steered keeps at least one answer"};
    }
    const std::pair key{plain_name(wanted.record.name), wanted.record.type};
    const auto found = impl_->steered.find(key);
    if (found != impl_->steered.end() && wanted.epoch < found->second.epoch) {
        co_return Error{Errc::kConflict, wanted.record.name + " is steered by epoch " +
                                             std::to_string(found->second.epoch.value) + ", not " +
                                             std::to_string(wanted.epoch.value)};
    }
    const auto serial = impl_->next_serial();
    CO_TRY(auto answers, impl_->answers->with(set_of(wanted), serial));
    impl_->steered[key] = std::move(wanted);
    impl_->use(std::move(answers), serial);
    co_return Result<>{};
}

}  // namespace muster::adapters
