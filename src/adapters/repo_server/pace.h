#pragma once

#include <cstddef>

#include "base/clock.h"

namespace muster::adapters::repo_server {

/// How slow a peer may be while a body is on its way.
struct PaceLimit {
    Duration window = std::chrono::seconds(60);
    std::size_t least_bytes = 64U << 10U;  ///< Must move in every window.
};

/// Ends what trickles: each window begins when the one before has moved enough.
class Pace {
  public:
    Pace(Clock& clock, PaceLimit limit) : clock_(clock), limit_(limit), began_(clock.now()) {}

    /// When the peer is too slow, unless more has moved by then.
    [[nodiscard]] Instant deadline() const { return began_ + limit_.window; }
    void moved(std::size_t bytes) {
        moved_ += bytes;
        if (moved_ >= limit_.least_bytes) {
            moved_ = 0;
            began_ = clock_.now();
        }
    }

  private:
    Clock& clock_;
    PaceLimit limit_;
    Instant began_;
    std::size_t moved_ = 0;
};

}  // namespace muster::adapters::repo_server
