#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster {

/// The monotonic clock of one process (Linux: CLOCK_BOOTTIME, so that suspended time counts).
/// It has no `now()`: time is read from the `Clock` port only.
struct MonotonicTime {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicTime>;
    static constexpr bool is_steady = true;  // NOLINT: the standard's name
};

using Duration = std::chrono::nanoseconds;
/// A point on this process's monotonic clock; means nothing in another process.
using Instant = MonotonicTime::time_point;
/// UTC, for people and archives; never compared with an Instant, never used for a lease.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

/// Reads "250ms", "30s", "2m", "4h", "7d" or a sum from large to small such as "1m30s". kInvalid
/// with a hint otherwise; negative and unit-less values are refused, zero ("0s") is accepted.
Result<Duration> parse_duration(std::string_view text);
/// The shortest exact form that `parse_duration` reads back: "1m30s", "250ms", "0s".
std::string format_duration(Duration duration);
/// For people: three significant digits, "1.83 s", "45 ms", "2 min 5 s", "3 h 4 min".
std::string human_duration(Duration duration);
/// RFC 3339 in UTC with milliseconds: "2026-11-21T05:08:28.123Z".
std::string format_wall(WallTime time);
/// Reads what `format_wall` prints (any number of fraction digits). kInvalid otherwise.
Result<WallTime> parse_wall(std::string_view text);

/// Milliseconds as a number, for untyped edges (`…_ms`).
inline double to_ms(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}
/// Seconds as a number, for untyped edges (`…_s`).
inline double to_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace muster
