#include "adapters/repo_server/connection.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace muster::adapters::repo_server {

namespace {

// sendfile(2) moves at most so much in one call; less lets the pace be looked at in between.
constexpr std::uint64_t kMostAtOnce = 1U << 20U;

bool is_not_ready(int code) {
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

class PlainConnection final : public Connection {
  public:
    using Connection::Connection;

    Result<> start(Instant /*deadline*/) override { return {}; }

    Result<std::size_t> read(std::span<char> into, Instant deadline) override {
        return repeat(POLLIN, deadline,
                      [&] { return ::recv(socket(), into.data(), into.size(), 0); });
    }

    Result<std::size_t> write(std::string_view data, Instant deadline) override {
        return repeat(POLLOUT, deadline,
                      [&] { return ::send(socket(), data.data(), data.size(), MSG_NOSIGNAL); });
    }

    Result<std::size_t> write_file(FilePart part, Instant deadline) override {
        TRY(const auto sent, repeat(POLLOUT, deadline, [&] {
                off_t offset = part.offset;
                return ::sendfile(socket(), part.file, &offset, std::min(part.size, kMostAtOnce));
            }));
        if (sent == 0) {
            return Error{Errc::kCorrupt, "a file became shorter while it was sent"};
        }
        return sent;
    }

  private:
    template <class Call>
    Result<std::size_t> repeat(short events, Instant deadline, Call call) {
        while (true) {
            const ssize_t done = call();
            if (done >= 0) {
                return static_cast<std::size_t>(done);
            }
            if (!is_not_ready(errno)) {
                return connection_lost(errno);
            }
            TRY_OK(await(events, deadline));
        }
    }
};

}  // namespace

Error connection_lost(int code) {
    return {Errc::kUnavailable, "the connection is lost: " + std::generic_category().message(code)};
}

Result<> Connection::await(short events, Instant deadline) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_.now());
        if (left <= Duration::zero()) {
            return Error{Errc::kTimedOut, "the peer was too slow"};
        }
        pollfd wanted{socket_.get(), events, 0};
        const int most = std::numeric_limits<int>::max();
        const int timeout = static_cast<int>(std::min<std::int64_t>(left.count(), most));
        const int ready = ::poll(&wanted, 1, timeout);
        if (ready > 0) {
            return {};
        }
        if (ready < 0 && errno != EINTR) {
            return connection_lost(errno);
        }
    }
}

Result<> Connection::write_all(std::string_view data, Pace pace) {
    while (!data.empty()) {
        TRY(const auto written, write(data, pace.deadline()));
        pace.moved(written);
        data.remove_prefix(written);
    }
    return {};
}

Result<> Connection::write_whole_file(FilePart part, Pace pace) {
    while (part.size > 0) {
        TRY(const auto written, write_file(part, pace.deadline()));
        pace.moved(written);
        part.offset += static_cast<std::int64_t>(written);
        part.size -= written;
    }
    return {};
}

void Connection::finish() {
    ::shutdown(socket_.get(), SHUT_WR);
}

void Connection::interrupt() {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

std::unique_ptr<Connection> plain_connection(Clock& clock, UniqueFd socket) {
    return std::make_unique<PlainConnection>(clock, std::move(socket));
}

}  // namespace muster::adapters::repo_server
