#include "adapters/repo_server/session.h"

#include <array>
#include <exception>
#include <utility>

namespace muster::adapters::repo_server {

namespace {

constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kMostLingered = 64U << 20U;

}  // namespace

Session::Session(Shared& shared, std::unique_ptr<Connection> connection, std::string peer)
    : shared_(shared),
      connection_(std::move(connection)),
      peer_(std::move(peer)),
      reader_(*connection_) {
    wait_from_now();
}

void Session::wait_from_now() {
    waiting_since_ns_ = shared_.clock.now().time_since_epoch().count();
}

std::optional<Instant> Session::waiting_since() const {
    const auto since = waiting_since_ns_.load();
    return since == kBusy ? std::nullopt : std::optional(Instant(Duration(since)));
}

void Session::run() {
    try {
        serve_all();
    } catch (const std::exception& failure) {
        // Memory, or a library: this connection ends, the others go on.
        shared_.log.error("repo.failed", {{"peer", peer_}, {"reason", failure.what()}});
    }
    // The peer learns it now, although the socket is closed only when the server cleans up.
    connection_->interrupt();
}

void Session::serve_all() {
    const auto begun = connection_->start(shared_.clock.now() + shared_.options.limits.head);
    if (!begun) {
        shared_.log.debug("repo.handshake_failed",
                          {{"peer", peer_}, {"reason", begun.error().message()}});
        return;
    }
    for (bool is_first = true; serve_next(is_first);) {
        is_first = false;
    }
}

bool Session::serve_next(bool is_first) {
    const auto& limits = shared_.options.limits;
    wait_from_now();
    const auto asked =
        reader_.await_request(shared_.clock.now() + (is_first ? limits.head : limits.idle));
    if (!asked) {
        return false;
    }
    const auto head = reader_.read_head(shared_.clock.now() + limits.head);
    if (!head) {
        refuse(head.error());
        return false;
    }
    waiting_since_ns_ = kBusy;
    return answer(*head);
}

bool Session::answer(const RequestHead& head) {
    const Instant began = shared_.clock.now();
    ResponseWriter writer(
        *connection_, shared_.clock, shared_.options.limits.pace,
        {head.keeps_alive && !shared_.is_stopping, head.is_http_10, head.method == "HEAD"});
    Exchange exchange(shared_, {reader_, writer, peer_}, head);
    const auto done = exchange.answer();
    shared_.log.debug("repo.request", {{"method", head.method},
                                       {"target", head.target},
                                       {"status", writer.status()},
                                       {"took", shared_.clock.now() - began},
                                       {"peer", peer_}});
    if (!done) {
        return false;
    }
    if (!writer.keeps_alive()) {
        linger();
        return false;
    }
    return true;
}

void Session::refuse(const Error& error) {
    if (error.code() != Errc::kInvalid && error.code() != Errc::kTimedOut) {
        return;
    }
    ResponseWriter writer(*connection_, shared_.clock, shared_.options.limits.pace, {});
    const auto told = writer.send_status(error.code() == Errc::kInvalid ? 400 : 408);
    if (told) {
        linger();
    }
}

// Closing a socket with unread bytes resets it, and the peer may lose the answer: read on for a
// moment.
void Session::linger() {
    connection_->finish();
    const Instant deadline = shared_.clock.now() + kLingerTime;
    std::array<char, 16U << 10U> piece{};
    for (std::size_t total = 0; total < kMostLingered && !shared_.is_stopping;) {
        const auto size = connection_->read(piece, deadline);
        if (!size || *size == 0) {
            return;
        }
        total += *size;
    }
}

}  // namespace muster::adapters::repo_server
