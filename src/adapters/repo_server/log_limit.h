#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace muster::adapters::repo_server {

/// Lets an event pass once a second and counts the others: who floods the server is not to flood
/// its log. From any thread.
class LogLimit {
  public:
    explicit LogLimit(Clock& clock) : clock_(clock) {}

    /// How often it happened since it last passed, if it may pass now.
    std::optional<std::size_t> pass() {
        const std::lock_guard lock(mutex_);
        ++happened_;
        const Instant now = clock_.now();
        if (passed_ && now - *passed_ < std::chrono::seconds(1)) {
            return std::nullopt;
        }
        passed_ = now;
        return std::exchange(happened_, 0);
    }

  private:
    Clock& clock_;
    std::mutex mutex_;
    std::size_t happened_ = 0;
    std::optional<Instant> passed_;
};

}  // namespace muster::adapters::repo_server
