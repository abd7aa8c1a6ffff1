#include "protection/calendar.h"

#include <gtest/gtest.h>

namespace muster::protection {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

WallTime at(std::string_view text) {
    const auto time = parse_wall(text);
    EXPECT_TRUE(time) << text;
    return time ? *time : WallTime{};
}

plan::Schedule schedule(std::string_view text) {
    auto parsed = plan::parse_schedule(text);
    EXPECT_TRUE(parsed) << text;
    return parsed ? *parsed : plan::Schedule{};
}

void put(std::string& out, std::int64_t value, int width) {
    for (int i = width - 1; i >= 0; --i) {
        out += static_cast<char>(value >> (8 * i));
    }
}

/// A time zone file with one change at 2020-03-29T01:00Z, from +1 to +2 hours, and a footer.
std::string zone_file(const std::string& footer) {
    std::string out;
    const auto header = [&out](int times) {
        out += "TZif2" + std::string(15, '\0');
        for (const int count : {0, 0, 0, times, 2, 4}) {
            put(out, count, 4);
        }
    };
    const auto types = [&out] {
        for (const int offset : {3600, 7200}) {
            put(out, offset, 4);
            out += std::string(2, '\0');
        }
        out += std::string("CET\0", 4);
    };
    header(0);
    types();
    header(1);
    put(out, 1585443600, 8);
    out += '\1';
    types();
    return out + "\n" + footer + "\n";
}

TimeZone berlin() {
    auto zone = TimeZone::parse(zone_file("CET-1CEST,M3.5.0,M10.5.0/3"));
    EXPECT_TRUE(zone);
    return zone ? *zone : TimeZone();
}

TEST(TimeZone, KnowsItsChangesAndTheRuleAfterThem) {
    const auto zone = berlin();
    EXPECT_EQ(zone.offset_at(1585443599), 3600);
    const auto offset = [&zone](std::string_view text) {
        return zone.offset_at(at(text).time_since_epoch().count() / 1'000'000);
    };
    EXPECT_EQ(offset("2026-01-15T00:00:00Z"), 3600);
    EXPECT_EQ(offset("2026-03-29T00:59:59Z"), 3600);
    EXPECT_EQ(offset("2026-03-29T01:00:00Z"), 7200);
    EXPECT_EQ(offset("2026-10-25T00:59:59Z"), 7200);
    EXPECT_EQ(offset("2026-10-25T01:00:00Z"), 3600);
}

TEST(TimeZone, KnowsSummersThatGoOverTheNewYear) {
    const auto zone = TimeZone::parse(zone_file("NZST-12NZDT,M9.5.0,M4.1.0/3"));
    ASSERT_TRUE(zone);
    const auto seconds = at("2026-01-15T00:00:00Z").time_since_epoch().count() / 1'000'000;
    EXPECT_EQ(zone->offset_at(seconds), 13 * 3600);
    EXPECT_EQ(zone->offset_at(seconds + 180 * 86400), 12 * 3600);
}

TEST(TimeZone, RefusesWhatIsNoFileOfOne) {
    const auto good = zone_file("CET-1CEST,M3.5.0,M10.5.0/3");
    for (std::size_t length = 0; length < 150 && length < good.size() - 30; ++length) {
        EXPECT_FALSE(TimeZone::parse(good.substr(0, length))) << length;
    }
    EXPECT_FALSE(TimeZone::parse(zone_file("1")));
    EXPECT_FALSE(TimeZone::parse(zone_file("CET")));
    EXPECT_FALSE(TimeZone::parse(zone_file("<CET")));
}

TEST(Calendar, ComesAtTheWallClocksTime) {
    const auto zone = berlin();
    EXPECT_EQ(next_after(schedule("02:00"), zone, at("2026-01-10T00:59:59Z")),
              at("2026-01-10T01:00:00Z"));
    EXPECT_EQ(next_after(schedule("02:00"), zone, at("2026-01-10T01:00:00Z")),
              at("2026-01-11T01:00:00Z"));
    EXPECT_EQ(next_after(schedule("02:00"), zone, at("2026-07-10T00:00:00Z")),
              at("2026-07-11T00:00:00Z"));
    EXPECT_EQ(next_after(schedule("02:00"), TimeZone(), at("2026-07-10T00:00:00Z")),
              at("2026-07-10T02:00:00Z"));
}

TEST(Calendar, RunsAnHourLaterWhatTheClocksLeaveOut) {
    EXPECT_EQ(next_after(schedule("02:30"), berlin(), at("2026-03-28T12:00:00Z")),
              at("2026-03-29T01:30:00Z"));
    EXPECT_EQ(next_after(schedule("02:30"), berlin(), at("2026-03-29T01:30:00Z")),
              at("2026-03-30T00:30:00Z"));
}

TEST(Calendar, RunsOnceWhatTheClocksShowTwice) {
    const auto first = next_after(schedule("02:30"), berlin(), at("2026-10-24T12:00:00Z"));
    EXPECT_EQ(first, at("2026-10-25T00:30:00Z"));
    EXPECT_EQ(next_after(schedule("02:30"), berlin(), first), at("2026-10-26T01:30:00Z"));
}

TEST(Calendar, WaitsForTheLeapDay) {
    EXPECT_EQ(next_after(schedule("0 2 29 2 *"), TimeZone(), at("2026-01-01T00:00:00Z")),
              at("2028-02-29T02:00:00Z"));
    // 2100 is no leap year.
    EXPECT_EQ(next_after(schedule("0 2 29 2 *"), TimeZone(), at("2096-03-01T00:00:00Z")),
              at("2104-02-29T02:00:00Z"));
}

TEST(Calendar, FindsTheDaysOfTheWeek) {
    EXPECT_EQ(next_after(schedule("02:00 Mon"), TimeZone(), at("2026-11-21T00:00:00Z")),
              at("2026-11-23T02:00:00Z"));
    EXPECT_EQ(next_after(schedule("0 2 1 * *"), TimeZone(), at("2026-12-02T00:00:00Z")),
              at("2027-01-01T02:00:00Z"));
}

TEST(Calendar, AddsIntervals) {
    EXPECT_EQ(next_after(schedule("6h"), berlin(), at("2026-03-28T22:00:00Z")),
              at("2026-03-29T04:00:00Z"));
}

}  // namespace
}  // namespace muster::protection
