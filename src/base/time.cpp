#include "base/time.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace muster {
namespace {

using std::chrono::duration_cast;

struct Unit {
    std::string_view name;
    std::int64_t ns;
};
constexpr std::array kUnits{
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1'000},
    Unit{"ns", 1},
};

Error bad_duration(std::string_view text) {
    return {Errc::kInvalid, "\"" + std::string(text) + "\" is not a duration",
            "write a number and a unit, such as 250ms, 30s, 2m, 4h or 7d"};
}

const Unit* find_unit(std::string_view name) {
    for (const auto& unit : kUnits) {
        if (unit.name == name) {
            return &unit;
        }
    }
    return nullptr;
}

std::string_view take_while(std::string_view& text, int (*matches)(int)) {
    std::size_t length = 0;
    while (length < text.size() && matches(static_cast<unsigned char>(text[length])) != 0) {
        ++length;
    }
    const auto taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    std::string_view rest = text;
    std::int64_t total = 0;
    std::int64_t before = kMax;
    do {
        const auto digits = take_while(rest, std::isdigit);
        const auto* unit = find_unit(take_while(rest, std::isalpha));
        std::int64_t count = 0;
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), count);
        if (digits.empty() || unit == nullptr || parsed.ec != std::errc{} || unit->ns >= before ||
            count > (kMax - total) / unit->ns) {
            return bad_duration(text);
        }
        before = unit->ns;
        total += count * unit->ns;
    } while (!rest.empty());
    return Duration(total);
}

std::string format_duration(Duration duration) {
    auto rest = duration.count();
    if (rest == 0) {
        return "0s";
    }
    std::string out = rest < 0 ? "-" : "";
    rest = std::abs(rest);
    for (const auto& unit : kUnits) {
        if (rest >= unit.ns) {
            out += std::to_string(rest / unit.ns) + std::string(unit.name);
            rest %= unit.ns;
        }
    }
    return out;
}

std::string human_duration(Duration duration) {
    const double seconds = to_seconds(duration);
    std::array<char, 64> buffer{};
    const auto print = [&buffer](const char* format, auto... values) {
        std::snprintf(buffer.data(), buffer.size(), format, values...);
        return std::string(buffer.data());
    };
    const auto whole = static_cast<long>(std::lround(seconds));
    if (seconds < 0) {
        return "-" + human_duration(-duration);
    }
    if (seconds < 0.0095) {
        return print("%.2g ms", seconds * 1e3);
    }
    if (seconds < 0.9995) {
        return print("%.0f ms", seconds * 1e3);
    }
    if (seconds < 9.995) {
        return print("%.2f s", seconds);
    }
    if (seconds < 99.95) {
        return print("%.1f s", seconds);
    }
    if (whole < 3600) {
        return print("%ld min %ld s", whole / 60, whole % 60);
    }
    if (whole < 172'800) {
        return print("%ld h %ld min", whole / 3600, whole / 60 % 60);
    }
    return print("%ld d %ld h", whole / 86'400, whole / 3600 % 24);
}

std::string format_wall(WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
    std::array<char, 48> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return buffer.data();
}

Result<WallTime> parse_wall(std::string_view text) {
    const std::string copy(text);
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    int hour = 0;
    int minute = 0;
    double second = 0;
    int used = 0;
    const int fields = std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2d:%2d:%lfZ%n", &year, &month, &day,
                                   &hour, &minute, &second, &used);
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (fields != 6 || static_cast<std::size_t>(used) != copy.size() || !date.ok() || hour > 23 ||
        minute > 59 || second >= 61) {
        return Error{Errc::kInvalid, "\"" + copy + "\" is not a time",
                     "write UTC such as 2026-11-21T05:08:28Z"};
    }
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) +
           std::chrono::microseconds(std::llround(second * 1'000'000));
}

}  // namespace muster
