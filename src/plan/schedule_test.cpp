#include "plan/schedule.h"

#include <gtest/gtest.h>

namespace muster::plan {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

Schedule read(std::string_view text) {
    auto schedule = parse_schedule(text);
    EXPECT_TRUE(schedule) << text;
    return schedule ? *schedule : Schedule{};
}

bool is_on(const Schedule& schedule, std::chrono::month_day date, unsigned weekday) {
    return schedule.is_on(date, std::chrono::weekday(weekday));
}

TEST(Schedule, ReadsIntervals) {
    EXPECT_EQ(read("6h").every, 6h);
    EXPECT_EQ(read("every 90m").every, 90min);
    EXPECT_EQ(read("Weekly").every, 168h);
    EXPECT_FALSE(parse_schedule("500ms"));
    EXPECT_FALSE(parse_schedule("every daily"));
}

TEST(Schedule, ReadsTimesOfTheDayOnSomeDaysOfTheWeek) {
    const auto schedule = read("02:00,14:30 Fri-Mon");
    EXPECT_FALSE(schedule.every);
    EXPECT_EQ(schedule.times.count(), 2U);
    EXPECT_TRUE(schedule.times.test(120) && schedule.times.test(870));
    EXPECT_TRUE(is_on(schedule, {std::chrono::month(2), std::chrono::day(28)}, 0) &&
                is_on(schedule, {std::chrono::month(2), std::chrono::day(28)}, 1) &&
                is_on(schedule, {std::chrono::month(2), std::chrono::day(28)}, 5));
    EXPECT_FALSE(is_on(schedule, {std::chrono::month(2), std::chrono::day(28)}, 2));
    EXPECT_EQ(read("Sun 04:00").weekdays.count(), 1U);
    EXPECT_EQ(read("7:05").times.count(), 1U);
}

TEST(Schedule, ReadsTheFieldsOfCrontab) {
    const auto schedule = read("*/20 8-10 1,15 jan-mar *");
    EXPECT_EQ(schedule.times.count(), 9U);
    EXPECT_TRUE(is_on(schedule, {std::chrono::month(3), std::chrono::day(15)}, 4));
    EXPECT_FALSE(is_on(schedule, {std::chrono::month(4), std::chrono::day(15)}, 4));
    EXPECT_FALSE(is_on(schedule, {std::chrono::month(3), std::chrono::day(14)}, 4));
    EXPECT_EQ(read("0 2 * * 7").weekdays.to_ulong(), 1U) << "7 is Sunday as well";
}

// cron(8): the command is executed when either field matches.
TEST(Schedule, TakesEitherDayWhenBothAreRestricted) {
    const auto schedule = read("0 2 13 * fri");
    EXPECT_TRUE(is_on(schedule, {std::chrono::month(5), std::chrono::day(13)}, 2));
    EXPECT_TRUE(is_on(schedule, {std::chrono::month(5), std::chrono::day(14)}, 5));
    EXPECT_FALSE(is_on(schedule, {std::chrono::month(5), std::chrono::day(14)}, 4));
}

TEST(Schedule, RefusesWhatIsNoneAndWhatNeverComes) {
    for (const auto* text :
         {"",           " ",          "24:00",       "02:60",      "2",          "02:00 Fun",
          "02:0",       "a b c d e",  "0 2 * *",     "60 2 * * *", "0 24 * * *", "0 2 32 * *",
          "0 2 30 2 *", "0 2 * 13 *", "*/0 * * * *", "1-",         "-5 2 * * *", "02:00 Mon Tue",
          "never",      "0 2 31 4 *", ":00",         "5/ * * * *", ", * * * *"}) {
        EXPECT_FALSE(parse_schedule(text)) << text;
    }
}

TEST(Schedule, KnowsItsPeriod) {
    EXPECT_EQ(read("6h").period(), 6h);
    EXPECT_EQ(read("02:00").period(), 24h);
    EXPECT_EQ(read("02:00 Sat").period(), 7 * 24h);
    EXPECT_EQ(read("0 2 1 * *").period(), 31 * 24h);
    EXPECT_EQ(read("0 2 1 1 *").period(), 366 * 24h);
}

}  // namespace
}  // namespace muster::plan
