#include "backup/look/time_template.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace muster::backup {

namespace {

using namespace std::chrono;

constexpr std::array<const char*, 12> kMonths{"January",   "February", "March",    "April",
                                              "May",       "June",     "July",     "August",
                                              "September", "October",  "November", "December"};
constexpr std::array<const char*, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                           "Thursday", "Friday", "Saturday"};
constexpr std::size_t kShortName = 3;

/// A time taken apart, in its own zone.
struct Parts {
    explicit Parts(const GoTime& time)
        : moment(seconds(time.seconds + time.utc_offset_seconds)),
          date(floor<days>(moment)),
          clock(moment - floor<days>(moment)),
          offset_minutes(time.utc_offset_seconds / 60) {}

    [[nodiscard]] int year_number() const { return static_cast<int>(date.year()); }
    [[nodiscard]] int month_number() const {
        return static_cast<int>(static_cast<unsigned>(date.month()));
    }
    [[nodiscard]] int day_number() const {
        return static_cast<int>(static_cast<unsigned>(date.day()));
    }
    [[nodiscard]] int hour() const { return static_cast<int>(clock.hours().count()); }
    [[nodiscard]] int hour_of_twelve() const { return (hour() + 11) % 12 + 1; }
    [[nodiscard]] int day_of_year() const {
        return static_cast<int>((sys_days(date) - sys_days(date.year() / January / 1)).count()) + 1;
    }
    [[nodiscard]] std::string day_name() const {
        return kDays.at(weekday(sys_days(date)).c_encoding());
    }
    [[nodiscard]] std::string month_name() const {
        return kMonths.at(static_cast<std::size_t>(month_number()) - 1);
    }

    sys_seconds moment;
    year_month_day date;
    hh_mm_ss<seconds> clock;
    int offset_minutes;
};

std::string number(const char* form, int value) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), form, value);
    return text.data();
}

std::string zone(const Parts& time, bool has_colon, bool has_minutes) {
    const int minutes = std::abs(time.offset_minutes);
    return (time.offset_minutes < 0 ? "-" : "+") + number("%02d", minutes / 60) +
           (has_colon ? ":" : "") + (has_minutes ? number("%02d", minutes % 60) : "");
}

struct Verb {
    std::string_view text;
    std::string (*format)(const Parts&);
};

// What begins with another verb stands before it.
constexpr std::array<Verb, 29> kVerbs{{
    {"January", [](const Parts& t) { return t.month_name(); }},
    {"Jan", [](const Parts& t) { return t.month_name().substr(0, kShortName); }},
    {"Monday", [](const Parts& t) { return t.day_name(); }},
    {"Mon", [](const Parts& t) { return t.day_name().substr(0, kShortName); }},
    {"MST", [](const Parts& t) { return t.offset_minutes == 0 ? "UTC" : zone(t, false, true); }},
    {"2006", [](const Parts& t) { return number("%04d", t.year_number()); }},
    {"_2006", [](const Parts& t) { return "_" + number("%04d", t.year_number()); }},
    {"002", [](const Parts& t) { return number("%03d", t.day_of_year()); }},
    {"01", [](const Parts& t) { return number("%02d", t.month_number()); }},
    {"02", [](const Parts& t) { return number("%02d", t.day_number()); }},
    {"03", [](const Parts& t) { return number("%02d", t.hour_of_twelve()); }},
    {"04",
     [](const Parts& t) { return number("%02d", static_cast<int>(t.clock.minutes().count())); }},
    {"05",
     [](const Parts& t) { return number("%02d", static_cast<int>(t.clock.seconds().count())); }},
    {"06", [](const Parts& t) { return number("%02d", t.year_number() % 100); }},
    {"15", [](const Parts& t) { return number("%02d", t.hour()); }},
    {"_2", [](const Parts& t) { return number("%2d", t.day_number()); }},
    {"Z07:00",
     [](const Parts& t) { return t.offset_minutes == 0 ? std::string("Z") : zone(t, true, true); }},
    {"Z0700",
     [](const Parts& t) {
         return t.offset_minutes == 0 ? std::string("Z") : zone(t, false, true);
     }},
    {"-07:00", [](const Parts& t) { return zone(t, true, true); }},
    {"-0700", [](const Parts& t) { return zone(t, false, true); }},
    {"-07", [](const Parts& t) { return zone(t, false, false); }},
    {"PM", [](const Parts& t) { return std::string(t.hour() < 12 ? "AM" : "PM"); }},
    {"pm", [](const Parts& t) { return std::string(t.hour() < 12 ? "am" : "pm"); }},
    {"1", [](const Parts& t) { return number("%d", t.month_number()); }},
    {"2", [](const Parts& t) { return number("%d", t.day_number()); }},
    {"3", [](const Parts& t) { return number("%d", t.hour_of_twelve()); }},
    {"4", [](const Parts& t) { return number("%d", static_cast<int>(t.clock.minutes().count())); }},
    {"5", [](const Parts& t) { return number("%d", static_cast<int>(t.clock.seconds().count())); }},
    {"Z07",
     [](const Parts& t) {
         return t.offset_minutes == 0 ? std::string("Z") : zone(t, false, false);
     }},
}};

}  // namespace

std::string format_by_template(const GoTime& time, std::string_view layout) {
    const Parts parts(time);
    std::string out;
    while (!layout.empty()) {
        const Verb* found = nullptr;
        for (const auto& verb : kVerbs) {
            if (found == nullptr && layout.starts_with(verb.text)) {
                found = &verb;
            }
        }
        if (found == nullptr) {
            out += layout.front();
            layout.remove_prefix(1);
        } else {
            out += found->format(parts);
            layout.remove_prefix(found->text.size());
        }
    }
    return out;
}

}  // namespace muster::backup
