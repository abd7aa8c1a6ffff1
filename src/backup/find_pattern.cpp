#include "backup/find_pattern.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace muster::backup {
namespace {

/// Takes a typed time apart from the front.
class Typed {
  public:
    explicit Typed(std::string_view text) : rest_(text) {}

    /// Exactly so many digits.
    std::optional<int> number(std::size_t digits) {
        const auto text = rest_.substr(0, digits);
        if (text.size() < digits || text.find_first_not_of("0123456789") != text.npos) {
            return std::nullopt;
        }
        int value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        rest_.remove_prefix(digits);
        return value;
    }
    bool take(std::string_view text) {
        const bool is_there = rest_.starts_with(text);
        rest_.remove_prefix(is_there ? text.size() : 0);
        return is_there;
    }
    /// Numbers of these digits with a separator between them; all or none.
    template <std::size_t N>
    std::optional<std::array<int, N>> numbers(const std::array<std::size_t, N>& digits,
                                              std::string_view separator) {
        const auto before = rest_;
        std::array<int, N> values{};
        for (std::size_t i = 0; i < N; ++i) {
            const bool is_separated = i == 0 || take(separator);
            const auto value = is_separated ? number(digits.at(i)) : std::nullopt;
            if (!value) {
                rest_ = before;
                return std::nullopt;
            }
            values.at(i) = *value;
        }
        return values;
    }
    [[nodiscard]] bool is_done() const { return rest_.empty(); }

  private:
    std::string_view rest_;
};

std::optional<std::chrono::sys_days> take_date(Typed& typed) {
    using namespace std::chrono;
    year_month_day date{};
    if (const auto iso = typed.numbers<3>({4, 2, 2}, "-")) {
        date = year((*iso)[0]) / static_cast<int>((*iso)[1]) / (*iso)[2];
    } else if (const auto dotted = typed.numbers<3>({2, 2, 4}, ".")) {
        date = year((*dotted)[2]) / static_cast<int>((*dotted)[1]) / (*dotted)[0];
    }
    return date.ok() ? std::optional(sys_days(date)) : std::nullopt;
}

/// Hours, minutes and perhaps seconds of a day.
struct ClockTime {
    std::int64_t seconds = 0;
    bool has_seconds = false;
};

std::optional<ClockTime> take_clock(Typed& typed) {
    const auto clock = typed.numbers<2>({2, 2}, ":");
    if (!clock || (*clock)[0] > 23 || (*clock)[1] > 59) {
        return std::nullopt;
    }
    const std::int64_t minutes = (*clock)[0] * 60 + (*clock)[1];
    if (!typed.take(":")) {
        return ClockTime{minutes * 60, false};
    }
    const auto seconds = typed.number(2);
    if (!seconds || *seconds > 59) {
        return std::nullopt;
    }
    return ClockTime{minutes * 60 + *seconds, true};
}

/// Seconds east of UTC: " +0100", " UTC".
std::optional<int> take_zone(Typed& typed) {
    if (typed.take(" UTC") || typed.take(" GMT")) {
        return 0;
    }
    const bool is_west = typed.take(" -");
    if (!is_west && !typed.take(" +")) {
        return std::nullopt;
    }
    const auto zone = typed.numbers<2>({2, 2}, "");
    if (!zone || (*zone)[0] > 23 || (*zone)[1] > 59) {
        return std::nullopt;
    }
    const int seconds = (*zone)[0] * 3600 + (*zone)[1] * 60;
    return is_west ? -seconds : seconds;
}

std::optional<TypedTime> read_typed(std::string_view text) {
    Typed typed(text);
    const auto date = take_date(typed);
    if (!date) {
        return std::nullopt;
    }
    TypedTime time{date->time_since_epoch() / std::chrono::seconds(1), std::nullopt};
    if (typed.is_done()) {
        return time;
    }
    const auto clock = typed.take(" ") ? take_clock(typed) : std::nullopt;
    if (!clock) {
        return std::nullopt;
    }
    time.clock_seconds += clock->seconds;
    if (clock->has_seconds && !typed.is_done()) {
        time.utc_offset_seconds = take_zone(typed);
        if (!time.utc_offset_seconds) {
            return std::nullopt;
        }
    }
    return typed.is_done() ? std::optional(time) : std::nullopt;
}

bool is_before(const GoTime& left, const GoTime& right) {
    return std::pair(left.seconds, left.nanoseconds) < std::pair(right.seconds, right.nanoseconds);
}

}  // namespace

Result<TypedTime> parse_typed_time(std::string_view text) {
    if (const auto time = read_typed(text)) {
        return *time;
    }
    if (const auto time = parse_time(text)) {
        return TypedTime{time->seconds + time->utc_offset_seconds, time->utc_offset_seconds};
    }
    return Error(Errc::kInvalid, "\"" + std::string(text.substr(0, 64)) + "\" is not a time",
                 "write a date, and a time if you like, such as \"2026-11-21 15:04:05\"");
}

Result<FindPattern> FindPattern::make(const FindQuery& query) {
    if (query.patterns.empty()) {
        return Error(Errc::kInvalid, "there is no pattern to find",
                     "name what to look for, such as \"*.conf\" or /etc/hosts");
    }
    for (const auto& pattern : query.patterns) {
        if (pattern.empty() || pattern.starts_with('!')) {
            return Error(Errc::kInvalid, "\"" + pattern + "\" is not a pattern to find",
                         "write [!] for a name that begins with !");
        }
    }
    if (query.oldest && query.newest && is_before(*query.newest, *query.oldest)) {
        return Error(Errc::kInvalid, "the oldest time is after the newest",
                     "exchange --oldest and --newest");
    }
    FindPattern made;
    Patterns patterns;
    (query.ignores_case ? patterns.any_case : patterns.exact) = query.patterns;
    TRY(made.filter_, PathFilter::make(patterns));
    made.oldest_ = query.oldest;
    made.newest_ = query.newest;
    return made;
}

bool FindPattern::matches(std::string_view path, const GoTime& mtime) const {
    const bool is_in_time =
        (!oldest_ || !is_before(mtime, *oldest_)) && (!newest_ || !is_before(*newest_, mtime));
    return is_in_time && filter_.matches(path);
}

bool FindPattern::may_match_below(std::string_view path) const {
    return filter_.select(path).children_may_be;
}

}  // namespace muster::backup
