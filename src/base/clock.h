#pragma once

#include "base/task.h"
#include "base/time.h"

namespace muster {

/// The only source of time. The daemon has the real one, the simulator a virtual one.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
    [[nodiscard]] virtual WallTime wall() const = 0;
    /// Waits until `when`; at once when that is past. kCancelled when the task was cancelled.
    virtual Task<> sleep_until(Instant when) = 0;
    /// Waits for `duration` from now.
    Task<> sleep_for(Duration duration) { return sleep_until(now() + duration); }
};

}  // namespace muster
