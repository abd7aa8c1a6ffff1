#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace muster::plan {

/// When something is done again and again: after an interval, or at times of the calendar. The
/// calendar is that of a time zone, which the schedule does not know (protection/calendar.h).
struct Schedule {
    static constexpr std::size_t kMinutes = std::size_t{24} * 60;

    std::string text;               ///< As the plan has it.
    std::optional<Duration> every;  ///< An interval; the rest then means nothing.
    std::bitset<kMinutes> times;    ///< Minutes of a day.
    std::bitset<32> days;           ///< Of the month, from 1.
    std::bitset<13> months;         ///< From 1.
    std::bitset<7> weekdays;        ///< From 0, Sunday.
    /// As cron(8): when days of the month and of the week are both restricted, either will do.
    bool is_either_day = false;

    /// The days on which it comes, whatever the time.
    [[nodiscard]] bool is_on(std::chrono::month_day date, std::chrono::weekday weekday) const;
    /// The longest that may lie between two of its times, roughly: what "one period" means.
    [[nodiscard]] Duration period() const;
};

/// What a schedule's text may hold; `parse_schedule` knows the rest.
inline constexpr std::string_view kSchedulePattern = "[0-9A-Za-z*,/: -]{2,100}";

/// Reads "02:00", "02:00,14:30 Mon-Fri", "Sun 04:00", "6h" (an interval, of at least a second),
/// "every 6h", "hourly", "daily", "weekly", "monthly" (intervals of 1h, 24h, 7d and 30d), or the
/// five fields of crontab(5): minute, hour, day of the month, month, day of the week. kInvalid
/// with a hint otherwise, also for days that never come.
Result<Schedule> parse_schedule(std::string_view text);

}  // namespace muster::plan
