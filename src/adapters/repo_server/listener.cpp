#include "adapters/repo_server/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "adapters/net/listen_address.h"

namespace muster::adapters::repo_server {

namespace {

Error listen_error(const std::string& address, int code) {
    if (code == EADDRINUSE) {
        return {Errc::kUnavailable, address + " is taken by another process",
                "stop that process, or choose another port with --listen"};
    }
    if (code == EACCES) {
        return {Errc::kDenied, "not allowed to listen on " + address,
                "choose a port above 1023, or give the process CAP_NET_BIND_SERVICE"};
    }
    return {Errc::kInvalid,
            "can't listen on " + address + ": " + std::generic_category().message(code),
            "give an address of this machine"};
}

std::string address_text(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* ip = nullptr;
    if (address.ss_family == AF_INET6) {
        ip = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    } else {
        ip = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
    }
    return ::inet_ntop(address.ss_family, ip, text.data(), text.size()) == nullptr ? "?"
                                                                                   : text.data();
}

// What concerns only the connection that was not accepted: accept(2).
bool is_passing(int code) {
    return code == EAGAIN || code == ECONNABORTED || code == EINTR || code == EPROTO;
}

}  // namespace

Result<Listener> Listener::open(const std::string& address) {
    TRY(auto endpoint, read_listen_address(address));
    Listener listener;
    const int family = endpoint.protocol().family();
    listener.socket_.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    listener.wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const int on = 1;
    const int socket = listener.socket_.get();
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (socket < 0 || listener.wake_.get() < 0 ||
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket, reinterpret_cast<const sockaddr*>(endpoint.data()),
               static_cast<socklen_t>(endpoint.size())) != 0 ||
        ::listen(socket, SOMAXCONN) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
        return listen_error(address, errno);
    }
    // The port lies at the same place in both families' addresses.
    listener.port_ = ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
    return listener;
}

Result<Listener::Accepted> Listener::accept(Duration most) const {
    std::array<pollfd, 2> wanted{{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(most);
    const int ready = ::poll(wanted.data(), wanted.size(), static_cast<int>(timeout.count()));
    if (ready > 0 && wanted[1].revents != 0) {
        return Error{Errc::kCancelled, "told to stop"};
    }
    if (ready <= 0) {
        return Error{Errc::kTimedOut, "no connection came"};
    }
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    UniqueFd socket(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from), &size,
                              SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.is_open()) {
        return Error{is_passing(errno) ? Errc::kTimedOut : Errc::kUnavailable,
                     std::generic_category().message(errno)};
    }
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return Accepted{std::move(socket), address_text(from)};
}

void Listener::wake() const {
    const std::uint64_t one = 1;
    // It only fails when it is awake already.
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace muster::adapters::repo_server
