#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "adapters/repo_server/exchange.h"

namespace muster::adapters::repo_server {

/// One connection's life: requests in, answers out, one after the other, on a thread of its own.
class Session {
  public:
    Session(Shared& shared, std::unique_ptr<Connection> connection, std::string peer);

    void run();
    /// Since when it has waited for its peer to ask something; nothing while it answers. From any
    /// thread.
    [[nodiscard]] std::optional<Instant> waiting_since() const;
    /// Breaks off whatever it does. From any thread.
    void interrupt() { connection_->interrupt(); }

  private:
    void serve_all();
    bool serve_next(bool is_first);
    void refuse(const Error& error);
    bool answer(const RequestHead& head);
    void linger();
    void wait_from_now();

    static constexpr std::int64_t kBusy = -1;

    Shared& shared_;
    std::unique_ptr<Connection> connection_;
    std::string peer_;
    RequestReader reader_;
    std::atomic<std::int64_t> waiting_since_ns_ = kBusy;
};

}  // namespace muster::adapters::repo_server
