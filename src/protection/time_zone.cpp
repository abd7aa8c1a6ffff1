#include "protection/time_zone.h"

#include <algorithm>
#include <charconv>

namespace muster::protection {
namespace {

constexpr std::size_t kHeader = 44;
constexpr std::size_t kMostChanges = 10'000;
constexpr std::int64_t kDay = 86'400;

Error no_zone() {
    return {Errc::kCorrupt, "this is no time zone file of version 2 or later"};
}

std::int64_t number_at(std::string_view bytes, std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
    }
    return width == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value))
                      : static_cast<std::int64_t>(value);
}

/// The six counts of a header, RFC 8536 section 3.1, and the length of the data after it.
struct Counts {
    std::size_t ut = 0;
    std::size_t standard = 0;
    std::size_t leaps = 0;
    std::size_t times = 0;
    std::size_t types = 0;
    std::size_t characters = 0;

    [[nodiscard]] std::size_t length(std::size_t width) const {
        return times * width + times + types * 6 + characters + leaps * (width + 4) + standard + ut;
    }
};

Result<Counts> read_header(std::string_view bytes) {
    if (bytes.size() < kHeader || !bytes.starts_with("TZif") || bytes[4] < '2') {
        return no_zone();
    }
    const auto count = [bytes](std::size_t index) {
        return static_cast<std::size_t>(
            static_cast<std::uint32_t>(number_at(bytes, 20 + 4 * index, 4)));
    };
    const Counts counts{count(0), count(1), count(2), count(3), count(4), count(5)};
    const bool is_sane = counts.times <= kMostChanges && counts.types >= 1 && counts.types <= 256 &&
                         counts.leaps <= kMostChanges && counts.characters <= kMostChanges &&
                         counts.ut <= 256 && counts.standard <= 256;
    return is_sane ? Result<Counts>(counts) : Result<Counts>(no_zone());
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> take_number(std::string_view& text) {
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{} || value < 0 || value > 1000) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return value;
}

/// "[+-]hh[:mm[:ss]]" as seconds.
std::optional<std::int64_t> take_time(std::string_view& text) {
    const bool is_negative = take(text, '-');
    if (!is_negative) {
        (void)take(text, '+');
    }
    std::int64_t seconds = 0;
    for (const std::int64_t unit : {3600, 60, 1}) {
        const auto value = take_number(text);
        if (!value) {
            return std::nullopt;
        }
        seconds += *value * unit;
        if (!take(text, ':')) {
            break;
        }
    }
    return is_negative ? -seconds : seconds;
}

bool skip_name(std::string_view& text) {
    if (take(text, '<')) {
        const auto end = text.find('>');
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        return end != std::string_view::npos;
    }
    const auto end = text.find_first_of("+-,0123456789");
    const auto length = end == std::string_view::npos ? text.size() : end;
    text.remove_prefix(length);
    return length >= 3;
}

int year_of(std::int64_t seconds) {
    const std::chrono::sys_days day(std::chrono::days(
        std::chrono::floor<std::chrono::days>(std::chrono::seconds(seconds)).count()));
    return static_cast<int>(std::chrono::year_month_day(day).year());
}

}  // namespace

Result<TimeZone> TimeZone::parse(std::string_view bytes) {
    TRY(const auto old, read_header(bytes));
    const auto skipped = kHeader + old.length(4);
    if (bytes.size() < skipped) {
        return no_zone();
    }
    bytes.remove_prefix(skipped);
    TRY(const auto counts, read_header(bytes));
    if (bytes.size() < kHeader + counts.length(8)) {
        return no_zone();
    }
    const std::size_t times = kHeader;
    const std::size_t indices = times + counts.times * 8;
    const std::size_t types = indices + counts.times;
    TimeZone zone;
    zone.first_ = number_at(bytes, types, 4);
    for (std::size_t i = 0; i < counts.times; ++i) {
        const auto type = static_cast<unsigned char>(bytes[indices + i]);
        if (type >= counts.types) {
            return no_zone();
        }
        zone.changes_.push_back({number_at(bytes, times + 8 * i, 8),
                                 number_at(bytes, types + std::size_t{6} * type, 4)});
    }
    if (!std::ranges::is_sorted(zone.changes_, {}, &Change::at)) {
        return no_zone();
    }
    auto footer = bytes.substr(kHeader + counts.length(8));
    if (take(footer, '\n')) {
        TRY_OK(zone.read_footer(footer.substr(0, footer.find('\n'))));
    }
    return zone;
}

// POSIX.1-2017, 8.3, "TZ": "CET-1CEST,M3.5.0,M10.5.0/3"; west of Greenwich is positive there.
Result<> TimeZone::read_footer(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    const bool has_name = skip_name(text);
    const auto standard = has_name ? take_time(text) : std::nullopt;
    if (!standard) {
        return no_zone();
    }
    if (text.empty()) {
        if (changes_.empty()) {
            first_ = -*standard;
        }
        return {};
    }
    Yearly yearly{-*standard, -*standard + 3600, {}, {}};
    if (!skip_name(text)) {
        return no_zone();
    }
    if (!text.starts_with(',')) {
        const auto summer = take_time(text);
        if (!summer) {
            return no_zone();
        }
        yearly.summer = -*summer;
    }
    // Rules by the day of the year ("J60") are not in the database for any place of today: after
    // the last change such a zone stays as it is.
    if (read_rule(text, yearly.begin) && read_rule(text, yearly.end)) {
        yearly_ = yearly;
    }
    return {};
}

bool TimeZone::read_rule(std::string_view& text, Rule& rule) {
    if (!take(text, ',') || !take(text, 'M')) {
        return false;
    }
    const auto month = take_number(text);
    const auto week = take(text, '.') ? take_number(text) : std::nullopt;
    const auto weekday = take(text, '.') ? take_number(text) : std::nullopt;
    if (!month || !week || !weekday || *month < 1 || *month > 12 || *week < 1 || *week > 5 ||
        *weekday > 6) {
        return false;
    }
    rule.month = static_cast<int>(*month);
    rule.week = static_cast<int>(*week);
    rule.weekday = static_cast<int>(*weekday);
    if (take(text, '/')) {
        const auto time = take_time(text);
        if (!time) {
            return false;
        }
        rule.time = *time;
    }
    return true;
}

std::int64_t TimeZone::moment_of(const Rule& rule, int year) {
    using namespace std::chrono;  // NOLINT: calendars are hard to read otherwise
    const year_month month(std::chrono::year(year),
                           std::chrono::month(static_cast<unsigned>(rule.month)));
    const weekday day(static_cast<unsigned>(rule.weekday));
    const sys_days date = rule.week == 5 ? sys_days(month / day[last])
                                         : sys_days(month / day[static_cast<unsigned>(rule.week)]);
    return date.time_since_epoch().count() * kDay + rule.time;
}

std::int64_t TimeZone::offset_by_rule(std::int64_t utc_seconds) const {
    const int year = year_of(utc_seconds + yearly_->standard);
    const auto begin = moment_of(yearly_->begin, year) - yearly_->standard;
    const auto end = moment_of(yearly_->end, year) - yearly_->summer;
    const bool is_summer = begin < end ? utc_seconds >= begin && utc_seconds < end
                                       : utc_seconds >= begin || utc_seconds < end;
    return is_summer ? yearly_->summer : yearly_->standard;
}

std::int64_t TimeZone::offset_at(std::int64_t utc_seconds) const {
    const auto next = std::ranges::upper_bound(changes_, utc_seconds, {}, &Change::at);
    if (next == changes_.end() && yearly_) {
        return offset_by_rule(utc_seconds);
    }
    return next == changes_.begin() ? first_ : std::prev(next)->offset;
}

LocalTime TimeZone::to_local(WallTime time) const {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    return {seconds + offset_at(seconds)};
}

WallTime TimeZone::to_utc(LocalTime local) const {
    // The offsets a day before and a day after bracket a change, if there is one.
    const auto before = offset_at(local.seconds - kDay);
    const auto after = offset_at(local.seconds + kDay);
    std::int64_t found = local.seconds - before;
    for (const auto offset : {std::max(before, after), std::min(before, after)}) {
        if (offset_at(local.seconds - offset) == offset) {
            found = local.seconds - offset;  // The greater offset is the earlier moment.
            break;
        }
    }
    return WallTime(std::chrono::seconds(found));
}

}  // namespace muster::protection
