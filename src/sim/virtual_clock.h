#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"

namespace boost::asio {
class io_context;
}

namespace muster::sim {

/// Deterministic time over one event loop: it stands still while handlers run and jumps to the next
/// timer when none is ready. Timers of the same instant fire in the order they were set. Must be
/// destroyed before the loop.
class VirtualClock final : public Clock {
  public:
    explicit VirtualClock(boost::asio::io_context& context);
    ~VirtualClock() override;

    [[nodiscard]] Instant now() const override;
    /// Starts at 2026-01-01T00:00:00Z and runs with `now()`, plus what `shift_wall` added.
    [[nodiscard]] WallTime wall() const override;
    Task<> sleep_until(Instant when) override;

    /// Runs what is ready; then fires the next timer, moving time to it. False when nothing was
    /// ready and no timer is left: what still waits would wait for ever.
    bool step();
    /// Steps until time reaches `until`, and leaves it exactly there.
    void run_until(Instant until);
    /// As `run_until` from now.
    void advance(Duration duration) { run_until(now() + duration); }
    /// Moves the wall clock alone, as an operator or a bad time server does.
    void shift_wall(Duration by);
    /// Timers set and neither fired nor cancelled.
    [[nodiscard]] std::size_t pending() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace muster::sim
