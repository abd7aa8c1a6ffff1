#include "adapters/steer/dns_udp.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include "adapters/steer/dns_message.h"

namespace muster::adapters {
namespace {

/// Queries that one call takes from the socket at most. Those that arrive while a batch is answered
/// make up the next one: the busier, the fewer calls per query.
constexpr std::size_t kBatch = 64;
/// A query longer than a frame of Ethernet is cut, and gets FORMERR.
constexpr std::size_t kMaxQuery = 1536;
/// Room for the one control message that tells which of our addresses was asked.
constexpr std::size_t kControl = 64;
/// Queries that may wait while the thread does not run; the system may allow less.
constexpr int kReceiveBuffer = 4 << 20;
constexpr int kErrorPauseMs = 10;

boost::system::error_code last_error() {
    return {errno, boost::system::system_category()};
}

/// On a wildcard address the answer must leave from the address that was asked: the system tells
/// which that was, and takes the same message with the answer. The route is for the system to
/// choose.
void forget_interface(msghdr* message) {
    for (auto* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            reinterpret_cast<in_pktinfo*>(CMSG_DATA(part))->ipi_ifindex = 0;
        } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            reinterpret_cast<in6_pktinfo*>(CMSG_DATA(part))->ipi6_ifindex = 0;
        }
    }
}

void send_all(int socket, std::span<mmsghdr> answers) {
    while (!answers.empty()) {
        const auto count = static_cast<unsigned>(answers.size());
        const int sent = sendmmsg(socket, answers.data(), count, MSG_DONTWAIT);
        // One that can't be sent is skipped: its asker asks again, and the others don't wait for
        // it.
        answers = answers.subspan(sent > 0 ? static_cast<std::size_t>(sent) : 1);
    }
}

}  // namespace

/// What one call receives and one call sends. Made once, so that nothing is allocated for a query.
struct DnsUdp::Batch {
    struct Slot {
        sockaddr_storage peer;
        iovec query_at;
        iovec answer_at;
        alignas(cmsghdr) std::array<std::uint8_t, kControl> control;
        std::array<std::uint8_t, kMaxQuery> query;
        std::array<std::uint8_t, kMaxUdpAnswer> answer;
    };

    explicit Batch(bool with_control);
    /// Waits for at least one; false when the socket gave an error.
    bool receive(int socket);
    void answer(const DnsAnswers& answers);

    bool has_control;
    std::size_t received = 0;
    std::size_t answered = 0;
    std::vector<Slot> slots = std::vector<Slot>(kBatch);
    std::array<mmsghdr, kBatch> in{};
    std::array<mmsghdr, kBatch> out{};
};

DnsUdp::Batch::Batch(bool with_control) : has_control(with_control) {
    for (std::size_t i = 0; i < kBatch; ++i) {
        auto& slot = slots[i];
        slot.query_at = {slot.query.data(), slot.query.size()};
        in[i].msg_hdr.msg_name = &slot.peer;
        in[i].msg_hdr.msg_iov = &slot.query_at;
        in[i].msg_hdr.msg_iovlen = 1;
        in[i].msg_hdr.msg_control = with_control ? slot.control.data() : nullptr;
    }
    received = kBatch;
}

bool DnsUdp::Batch::receive(int socket) {
    // The last call left the lengths of what it received in the slots that it filled.
    for (std::size_t i = 0; i < received; ++i) {
        in[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
        in[i].msg_hdr.msg_controllen = has_control ? kControl : 0;
    }
    const int count = recvmmsg(socket, in.data(), kBatch, MSG_WAITFORONE, nullptr);
    received = count > 0 ? static_cast<std::size_t>(count) : 0;
    return count >= 0;
}

void DnsUdp::Batch::answer(const DnsAnswers& answers) {
    answered = 0;
    for (std::size_t i = 0; i < received; ++i) {
        auto& slot = slots[i];
        const auto size = answers.answer({slot.query.data(), in[i].msg_len}, slot.answer);
        if (size == 0) {
            continue;
        }
        slot.answer_at = {slot.answer.data(), size};
        auto& message = out[answered++].msg_hdr;
        message = in[i].msg_hdr;
        message.msg_iov = &slot.answer_at;
        message.msg_flags = 0;
        if (has_control) {
            forget_interface(&message);
        }
    }
}

DnsUdp::~DnsUdp() {
    stop();
    delete fresh_.load();
}

boost::system::error_code DnsUdp::open(const Endpoint& at) {
    close();
    const bool is_v6 = at.address().is_v6();
    is_any_address_ = at.address().is_unspecified();
    socket_ = ::socket(at.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) {
        return last_error();
    }
    constexpr int kOn = 1;
    // As much as the system allows; what is refused is no reason not to serve.
    static_cast<void>(setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(int)));
    const int level = is_v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    const int option = is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO;
    if (is_any_address_ && setsockopt(socket_, level, option, &kOn, sizeof(kOn)) != 0) {
        return last_error();
    }
    if (bind(socket_, at.data(), static_cast<socklen_t>(at.size())) != 0) {
        return last_error();
    }
    Endpoint taken(at);
    auto size = static_cast<socklen_t>(taken.capacity());
    if (getsockname(socket_, taken.data(), &size) != 0) {
        return last_error();
    }
    port_ = taken.port();
    return {};
}

void DnsUdp::close() {
    if (socket_ >= 0) {
        ::close(socket_);
        socket_ = -1;
    }
}

void DnsUdp::use(std::shared_ptr<const DnsAnswers> answers) {
    delete fresh_.exchange(new Shared(std::move(answers)));
}

void DnsUdp::start() {
    is_stopping_ = false;
    // Signals are the main thread's business: the new thread inherits a full mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { loop(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void DnsUdp::stop() {
    if (thread_.joinable()) {
        is_stopping_ = true;
        // Wakes who waits in it, on Linux for a socket without a peer as well.
        static_cast<void>(shutdown(socket_, SHUT_RDWR));
        thread_.join();
    }
    close();
}

void DnsUdp::loop() {
    Batch batch(is_any_address_);
    Shared answers;
    while (!is_stopping_) {
        if (!batch.receive(socket_) && errno != EINTR) {
            // No error of one query ends the service, and none that lasts makes the thread spin.
            poll(nullptr, 0, kErrorPauseMs);
        }
        if (fresh_.load() != nullptr) {
            const std::unique_ptr<Shared> taken(fresh_.exchange(nullptr));
            answers = std::move(*taken);
        }
        if (answers != nullptr) {
            batch.answer(*answers);
            send_all(socket_, std::span(batch.out).first(batch.answered));
        }
    }
}

}  // namespace muster::adapters
