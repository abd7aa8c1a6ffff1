#include "probes/bare.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "support/report.h"

namespace muster::bench {
namespace {

constexpr std::string_view kRequest =
    "GET /health HTTP/1.1\r\nHost: bench\r\nUser-Agent: bare\r\n\r\n";

class Loop {
  public:
    explicit Loop(const BareLoop& wanted)
        : wanted_(wanted), epoll_(::epoll_create1(EPOLL_CLOEXEC)), sockets_(wanted.in_flight, -1) {}
    Loop(const Loop&) = delete;
    ~Loop() {
        for (const int socket : sockets_) {
            ::close(socket);
        }
        ::close(epoll_);
    }

    std::size_t run() {
        for (std::size_t place = 0; place < sockets_.size(); ++place) {
            begin(place);
        }
        const auto end = std::chrono::steady_clock::now() + wanted_.time;
        std::array<epoll_event, 64> events{};
        while (std::chrono::steady_clock::now() < end) {
            const int ready = ::epoll_wait(epoll_, events.data(), events.size(), 100);
            for (int i = 0; i < ready; ++i) {
                answer(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64),
                       events[static_cast<std::size_t>(i)].events);
            }
        }
        return done_;
    }

  private:
    void begin(std::size_t place) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(wanted_.port)));
        address.sin_addr.s_addr = htonl(0x7F010001U + static_cast<std::uint32_t>(place));
        if (socket < 0 ||
            (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
             errno != EINPROGRESS)) {
            give_up("the bare loop can't connect");
        }
        sockets_[place] = socket;
        epoll_event event{EPOLLOUT, {.u64 = place}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    }

    void ask(std::size_t place) const {
        if (::send(sockets_[place], kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) {
            give_up("the bare loop can't send");
        }
    }

    void answer(std::size_t place, unsigned events) {
        if ((events & EPOLLOUT) != 0) {
            epoll_event event{EPOLLIN, {.u64 = place}};
            ::epoll_ctl(epoll_, EPOLL_CTL_MOD, sockets_[place], &event);
            ask(place);
            return;
        }
        std::array<char, 4096> text{};
        const auto length = ::recv(sockets_[place], text.data(), text.size(), 0);
        const bool is_good =
            length > 0 && std::string_view(text.data(), static_cast<std::size_t>(length))
                              .starts_with("HTTP/1.1 200 ");
        if (!is_good) {
            give_up("the bare loop got no answer");
        }
        ++done_;
        if (wanted_.is_kept) {
            ask(place);
            return;
        }
        ::close(sockets_[place]);
        begin(place);
    }

    const BareLoop& wanted_;
    int epoll_;
    std::vector<int> sockets_;
    std::size_t done_ = 0;
};

}  // namespace

std::size_t bare_loop(const BareLoop& wanted) {
    return Loop(wanted).run();
}

}  // namespace muster::bench
