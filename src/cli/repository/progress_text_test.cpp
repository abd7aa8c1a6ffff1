#include "cli/repository/progress_text.h"

#include <gtest/gtest.h>

namespace muster::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMiB = 1U << 20U;

/// 256 of 1024 MiB, 3 of 24 files, 16 MiB a second.
ProgressFigures quarter() {
    ProgressFigures figures;
    figures.elapsed = milliseconds(65'900);
    figures.done = {3, 256 * kMiB};
    figures.total = Amount{24, 1024 * kMiB};
    figures.bytes_per_second = 16.0 * kMiB;
    return figures;
}

TEST(ProgressText, SaysRateTimeLeftFilesAndBytes) {
    EXPECT_EQ(progress_line(quarter()),
              "[1:05] 25.0%  3 of 24 files, 256 MiB of 1.00 GiB, 16.0 MiB/s, ETA 0:48, 0 errors");
}

TEST(ProgressText, LeavesOutWhatNeedsATotal) {
    auto figures = quarter();
    figures.total.reset();
    figures.problems = 1;
    EXPECT_EQ(progress_line(figures), "[1:05] 3 files, 256 MiB, 16.0 MiB/s, 1 error");
    EXPECT_FALSE(fraction_done(figures));
    EXPECT_FALSE(seconds_left(figures));
}

TEST(ProgressText, SaysNoTimeLeftWhenItStandsStillOrAllBytesAreDone) {
    auto figures = quarter();
    figures.bytes_per_second = 0;
    EXPECT_FALSE(seconds_left(figures));
    figures.bytes_per_second = 1;  // Decades.
    EXPECT_FALSE(seconds_left(figures));
    figures = quarter();
    figures.done.bytes = figures.total->bytes;
    EXPECT_FALSE(seconds_left(figures));
    EXPECT_EQ(progress_line(figures).find("ETA"), std::string::npos);
}

TEST(ProgressText, IsNeverMoreThanAllNorAllBeforeTheEnd) {
    auto figures = quarter();
    figures.done.bytes = 2 * figures.total->bytes;  // A file has grown since it was counted.
    EXPECT_EQ(fraction_done(figures), 1.0);
    figures.done.bytes = figures.total->bytes - 1;
    EXPECT_NE(progress_line(figures).find(" 99.9%"), std::string::npos);
}

TEST(ProgressText, CountsFilesWhenTheyAreEmpty) {
    auto figures = quarter();
    figures.total = Amount{12, 0};
    EXPECT_EQ(fraction_done(figures), 0.25);
    figures.total = Amount{0, 0};
    EXPECT_EQ(fraction_done(figures), 1.0);
}

TEST(ProgressText, ClockHasHoursOnlyWhenThereAreSome) {
    EXPECT_EQ(clock_text(0), "0:00");
    EXPECT_EQ(clock_text(59), "0:59");
    EXPECT_EQ(clock_text(3599), "59:59");
    EXPECT_EQ(clock_text(3600), "1:00:00");
    EXPECT_EQ(clock_text(100 * 3600 + 62), "100:01:02");
}

TEST(ProgressText, StatusAlwaysHasPercentDone) {
    EXPECT_EQ(status_start(quarter()),
              R"({"message_type":"status","seconds_elapsed":65,"seconds_remaining":48,)"
              R"("percent_done":0.25)");
    EXPECT_EQ(status_start({}), R"({"message_type":"status","seconds_elapsed":0,"percent_done":0)");
}

TEST(ProgressText, PiecesHavePercentAndTimeLeft) {
    ProgressFigures figures;
    figures.done.bytes = 12;
    figures.total = Amount{0, 120};
    EXPECT_EQ(count_line("packs read:", figures), "packs read: 12 / 120  10.0%");
    figures.bytes_per_second = 0.5;
    EXPECT_EQ(count_line("packs read:", figures), "packs read: 12 / 120  10.0%  ETA 3:36");
}

TEST(RateMeter, KnowsNothingFromOneMoment) {
    RateMeter meter;
    EXPECT_EQ(meter.per_second(), 0);
    meter.add(Instant(), 5);
    EXPECT_EQ(meter.per_second(), 0);
}

TEST(RateMeter, ForgetsWhatIsLongerAgoThanTenSeconds) {
    RateMeter meter;
    std::uint64_t count = 0;
    for (int second = 0; second <= 30; ++second) {
        meter.add(Instant() + seconds(second), count);
        count += second < 15 ? 1000 : 10;
    }
    EXPECT_DOUBLE_EQ(meter.per_second(), 10);
}

TEST(RateMeter, ComesToNothingWhenItStandsStill) {
    RateMeter meter;
    meter.add(Instant(), 0);
    meter.add(Instant() + seconds(5), 1000);
    EXPECT_DOUBLE_EQ(meter.per_second(), 200);
    for (int second = 6; second <= 20; ++second) {
        meter.add(Instant() + seconds(second), 1000);
    }
    EXPECT_EQ(meter.per_second(), 0);
}

TEST(RateMeter, IsTheSameHoweverOftenItIsAsked) {
    RateMeter often;
    RateMeter seldom;
    for (int i = 0; i <= 1200; ++i) {
        const Instant now = Instant() + milliseconds(10 * i);
        const auto count = 7 * static_cast<std::uint64_t>(i);
        often.add(now, count);
        if (i % 100 == 0) {
            seldom.add(now, count);
        }
    }
    EXPECT_NEAR(often.per_second(), 700, 1e-6);
    EXPECT_NEAR(seldom.per_second(), 700, 1e-6);
}

}  // namespace
}  // namespace muster::cli
