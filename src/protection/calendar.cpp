#include "protection/calendar.h"

namespace muster::protection {
namespace {

constexpr std::int64_t kDay = 86'400;
/// The 29th of February on a given day of the week comes at least once in 40 years.
constexpr int kMostDays = 366 * 41;

}  // namespace

WallTime next_after(const plan::Schedule& schedule, const TimeZone& zone, WallTime after) {
    if (schedule.every) {
        return after + std::chrono::duration_cast<WallTime::duration>(*schedule.every);
    }
    using std::chrono::sys_days;
    // A day earlier: at the end of a day the clocks may be put back into it.
    const auto today = std::chrono::floor<std::chrono::days>(
        std::chrono::seconds(zone.to_local(after).seconds - kDay));
    for (int i = 0; i < kMostDays; ++i) {
        const sys_days day(today + std::chrono::days(i));
        const std::chrono::year_month_day date(day);
        if (!schedule.is_on({date.month(), date.day()}, std::chrono::weekday(day))) {
            continue;
        }
        const std::int64_t midnight = day.time_since_epoch().count() * kDay;
        for (std::size_t minute = schedule.times._Find_first(); minute < plan::Schedule::kMinutes;
             minute = schedule.times._Find_next(minute)) {
            const auto when = zone.to_utc({midnight + static_cast<std::int64_t>(minute) * 60});
            if (when > after) {
                return when;
            }
        }
    }
    return WallTime::max();
}

}  // namespace muster::protection
