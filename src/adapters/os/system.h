#pragma once

#include "base/clock.h"
#include "base/random.h"

namespace muster::adapters {

/// The machine's clocks: CLOCK_BOOTTIME (suspended time counts) and UTC.
class SystemClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override;
    [[nodiscard]] WallTime wall() const override;
    Task<> sleep_until(Instant when) override;
};

/// The kernel's random numbers.
class SystemRandom final : public Random {
  public:
    std::uint64_t next() override;
};

}  // namespace muster::adapters
