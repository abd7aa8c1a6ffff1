#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "backup/format/go_json.h"
#include "backup/host.h"

namespace muster::backup {

/// That moment in the machine's local time, as restic writes times of its own.
inline GoTime local_time(const Host& host, WallTime wall) {
    const auto since = wall.time_since_epoch();
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    return {whole.count(),
            static_cast<std::uint32_t>(std::chrono::nanoseconds(since - whole).count()),
            host.utc_offset(whole.count())};
}

/// The local time zone's offset from UTC at a moment, with a memory: asking the system takes longer
/// than writing a node. One per thread. Zones change at whole quarters of an hour.
class ZoneClock {
  public:
    explicit ZoneClock(const Host& host) : host_(host) {}

    int offset_at(std::int64_t unix_seconds) {
        constexpr std::int64_t kQuarter = 900;
        const std::int64_t quarter = unix_seconds / kQuarter;
        auto& slot = slots_[static_cast<std::uint64_t>(quarter) % slots_.size()];
        if (!slot.is_known || slot.quarter != quarter) {
            slot = {quarter, host_.utc_offset(unix_seconds), true};
        }
        return slot.offset;
    }

  private:
    struct Slot {
        std::int64_t quarter = 0;
        int offset = 0;
        bool is_known = false;
    };
    const Host& host_;
    std::array<Slot, 1024> slots_{};
};

}  // namespace muster::backup
