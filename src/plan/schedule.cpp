#include "plan/schedule.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>
#include <vector>

namespace muster::plan {
namespace {

constexpr Duration kDay = std::chrono::hours(24);
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};
constexpr std::array<std::string_view, 13> kMonths{"",    "jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};

/// What one field may hold: its numbers, and names for some of them.
struct Range {
    std::size_t first = 0;
    std::size_t last = 0;
    std::span<const std::string_view> names{};
};

constexpr Range kMinute{0, 59};
constexpr Range kHour{0, 23};
constexpr Range kDayOfMonth{1, 31};
constexpr Range kMonth{1, 12, kMonths};
constexpr Range kWeekday{0, 7, kWeekdays};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(separator);
        if (separator != ' ' || end != 0) {
            parts.push_back(text.substr(0, end));
        }
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

std::optional<std::size_t> number(std::string_view text, const Range& range) {
    std::size_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number =
        read.ec == std::errc{} && read.ptr == text.data() + text.size() && !text.empty();
    if (is_number) {
        return value >= range.first && value <= range.last ? std::optional(value) : std::nullopt;
    }
    const auto named = std::ranges::find(range.names, text);
    if (named == range.names.end() || text.empty()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(named - range.names.begin());
}

/// One item of a list: "*", "5", "1-5", each with "/STEP" behind it.
template <std::size_t N>
bool add_item(std::string_view item, const Range& range, std::bitset<N>& out) {
    const auto slash = item.find('/');
    std::size_t step = 1;
    if (slash != std::string_view::npos) {
        const auto wanted = number(item.substr(slash + 1), {1, range.last});
        if (!wanted) {
            return false;
        }
        step = *wanted;
        item = item.substr(0, slash);
    }
    std::optional<std::size_t> from = range.first;
    std::optional<std::size_t> to = range.last;
    if (item != "*") {
        const auto dash = item.find('-');
        from = number(item.substr(0, dash), range);
        to = dash != std::string_view::npos    ? number(item.substr(dash + 1), range)
             : slash == std::string_view::npos ? from
                                               : to;
    }
    if (!from || !to) {
        return false;
    }
    // "fri-mon" goes over the end of the week.
    const std::size_t count = range.last - range.first + 1;
    const std::size_t length = *to >= *from ? *to - *from : *to + count - *from;
    for (std::size_t i = 0; i <= length; i += step) {
        const auto at = range.first + (*from - range.first + i) % count;
        out.set(at % N);
    }
    return true;
}

template <std::size_t N>
bool add_list(std::string_view list, const Range& range, std::bitset<N>& out) {
    const auto items = split(list, ',');
    return std::ranges::all_of(items,
                               [&](std::string_view item) { return add_item(item, range, out); });
}

/// The days of the week, where Sunday may be 0 or 7.
bool add_weekdays(std::string_view list, std::bitset<7>& out) {
    const auto items = split(list, ',');
    for (const auto item : items) {
        const auto dash = item.find('-');
        const auto from = number(item.substr(0, dash), kWeekday);
        const auto to =
            dash == std::string_view::npos ? from : number(item.substr(dash + 1), kWeekday);
        if (item == "*" || item.find('/') != std::string_view::npos) {
            if (!add_item(item, Range{0, 6, kWeekdays}, out)) {
                return false;
            }
            continue;
        }
        if (!from || !to) {
            return false;
        }
        for (std::size_t day = *from % 7;; day = (day + 1) % 7) {
            out.set(day);
            if (day == *to % 7) {
                break;
            }
        }
    }
    return true;
}

bool add_times(std::string_view list, Schedule& schedule) {
    for (const auto item : split(list, ',')) {
        const auto colon = item.find(':');
        if (colon == std::string_view::npos || item.size() != colon + 3 || colon == 0) {
            return false;
        }
        const auto hour = number(item.substr(0, colon), kHour);
        const auto minute = number(item.substr(colon + 1), kMinute);
        if (!hour || !minute) {
            return false;
        }
        schedule.times.set(*hour * 60 + *minute);
    }
    return true;
}

void set_all_days(Schedule& schedule) {
    schedule.days.set().reset(0);
    schedule.months.set().reset(0);
    schedule.weekdays.set();
}

bool read_clock(const std::vector<std::string_view>& words, Schedule& schedule) {
    if (words.size() > 2) {
        return false;
    }
    set_all_days(schedule);
    const bool is_time_first = words.front().find(':') != std::string_view::npos;
    const auto times = is_time_first ? words.front() : words.back();
    if (words.size() == 2) {
        schedule.weekdays.reset();
        if (!add_weekdays(is_time_first ? words.back() : words.front(), schedule.weekdays)) {
            return false;
        }
    }
    return add_times(times, schedule);
}

bool read_cron(const std::vector<std::string_view>& words, Schedule& schedule) {
    std::bitset<60> minutes;
    std::bitset<24> hours;
    if (!add_list(words[0], kMinute, minutes) || !add_list(words[1], kHour, hours) ||
        !add_list(words[2], kDayOfMonth, schedule.days) ||
        !add_list(words[3], kMonth, schedule.months) ||
        !add_weekdays(words[4], schedule.weekdays)) {
        return false;
    }
    for (std::size_t time = 0; time < Schedule::kMinutes; ++time) {
        schedule.times.set(time, hours.test(time / 60) && minutes.test(time % 60));
    }
    schedule.is_either_day = !words[2].starts_with('*') && !words[4].starts_with('*');
    return true;
}

std::optional<Duration> interval(const std::vector<std::string_view>& words) {
    struct Named {
        std::string_view name;
        Duration every;
    };
    constexpr std::array<Named, 4> kNamed{{{"hourly", std::chrono::hours(1)},
                                           {"daily", kDay},
                                           {"weekly", 7 * kDay},
                                           {"monthly", 30 * kDay}}};
    const bool has_word = words.size() == 2 && words.front() == "every";
    if (words.size() != 1 && !has_word) {
        return std::nullopt;
    }
    const auto named = std::ranges::find(kNamed, words.back(), &Named::name);
    if (named != kNamed.end() && !has_word) {
        return named->every;
    }
    const auto duration = parse_duration(words.back());
    if (!duration || *duration < std::chrono::seconds(1)) {
        return std::nullopt;
    }
    return *duration;
}

bool comes_ever(const Schedule& schedule) {
    // Over 28 years each date of the year meets each day of the week.
    const std::chrono::sys_days first(std::chrono::year(2000) / 1 / 1);
    const std::chrono::sys_days last(std::chrono::year(2028) / 1 / 1);
    for (auto day = first; day < last; day += std::chrono::days(1)) {
        const std::chrono::year_month_day date(day);
        if (schedule.is_on({date.month(), date.day()}, std::chrono::weekday(day))) {
            return schedule.times.any();
        }
    }
    return false;
}

Error bad_schedule(std::string_view text, std::string why) {
    return {Errc::kInvalid, "\"" + std::string(text) + "\" " + std::move(why),
            "write \"02:00\", \"02:00 Mon-Fri\", \"6h\", daily, weekly, or five fields as in "
            "crontab: \"30 2 * * 1\""};
}

}  // namespace

bool Schedule::is_on(std::chrono::month_day date, std::chrono::weekday weekday) const {
    const bool is_day = days.test(static_cast<unsigned>(date.day()));
    const bool is_weekday = weekdays.test(weekday.c_encoding());
    return months.test(static_cast<unsigned>(date.month())) &&
           (is_either_day ? is_day || is_weekday : is_day && is_weekday);
}

Duration Schedule::period() const {
    if (every) {
        return *every;
    }
    if (months.count() < 12) {
        return 366 * kDay;
    }
    if (days.count() < 31 && !is_either_day) {
        return 31 * kDay;
    }
    if (weekdays.count() < 7) {
        return 7 * kDay;
    }
    return kDay;
}

Result<Schedule> parse_schedule(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    auto words = split(lower, ' ');
    std::erase(words, std::string_view());
    Schedule schedule;
    schedule.text = std::string(text);
    if (words.empty()) {
        return bad_schedule(text, "is no schedule");
    }
    schedule.every = interval(words);
    if (schedule.every) {
        return schedule;
    }
    const bool is_read =
        words.size() == 5 ? read_cron(words, schedule) : read_clock(words, schedule);
    if (!is_read) {
        return bad_schedule(text, "is no schedule");
    }
    if (!comes_ever(schedule)) {
        return bad_schedule(text, "never comes");
    }
    return schedule;
}

}  // namespace muster::plan
