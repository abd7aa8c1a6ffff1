#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "backup/bytes.h"
#include "base/time.h"

namespace muster::backup {

/// Who writes, as it stands in locks and snapshots.
struct Identity {
    std::string hostname;
    std::string username;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t pid = 0;
};

/// The port to the machine that the engine runs on: time, chance, threads. Every call may come from
/// many threads at once.
class Host {
  public:
    virtual ~Host() = default;
    [[nodiscard]] virtual Instant now() const = 0;
    [[nodiscard]] virtual WallTime wall() const = 0;
    /// How far the machine's local time is ahead of UTC at that moment (Unix time), in seconds.
    [[nodiscard]] virtual int utc_offset(std::int64_t unix_seconds) const = 0;
    /// Waits that long, or less when `is_stopped`.
    virtual void pause(Duration duration) = 0;
    /// True once a person or the system asked the process to end; work then ends soon and clean.
    [[nodiscard]] virtual bool is_stopped() const = 0;
    /// Random bytes fit for keys.
    virtual void fill_random(ByteSpan into) = 0;
    [[nodiscard]] virtual unsigned cores() const = 0;
    /// Runs `body(0)` … `body(copies - 1)` at once, each on a thread of its own, and returns when
    /// all have ended.
    virtual void run_parallel(unsigned copies, const std::function<void(unsigned)>& body) = 0;
    [[nodiscard]] virtual Identity identity() const = 0;
    /// Whether a process with this number runs on this machine.
    [[nodiscard]] virtual bool is_alive(std::int64_t pid) const = 0;
};

}  // namespace muster::backup
