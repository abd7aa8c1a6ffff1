#include "base/time.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsSumsOfUnits) {
    EXPECT_EQ(parse_duration("250ms").value(), 250ms);
    EXPECT_EQ(parse_duration("1m30s").value(), 90s);
    EXPECT_EQ(parse_duration("7d").value(), 168h);
    EXPECT_EQ(parse_duration("0s").value(), 0s);
}

TEST(Duration, RefusesWhatHasNoUnitOrSignOrOverflows) {
    for (const auto* text :
         {"", "5", "s", "-1s", "1.5s", "10 s", "5x", "99999999999999d", "1s2", "2h2h", "30s2m"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(Duration, FormatReadsBack) {
    for (const Duration d : {Duration(0), Duration(1ms), Duration(90s), Duration(26h + 5ns)}) {
        EXPECT_EQ(parse_duration(format_duration(d)).value(), d);
    }
}

TEST(Duration, PeopleSeeThreeDigits) {
    EXPECT_EQ(human_duration(1834ms), "1.83 s");
    EXPECT_EQ(human_duration(45ms), "45 ms");
    EXPECT_EQ(human_duration(125s), "2 min 5 s");
    EXPECT_EQ(human_duration(3h + 4min), "3 h 4 min");
}

TEST(WallTime, FormatReadsBack) {
    const auto time = parse_wall("2026-11-21T05:08:28.123Z").value();
    EXPECT_EQ(format_wall(time), "2026-11-21T05:08:28.123Z");
    EXPECT_FALSE(parse_wall("2026-13-21T05:08:28Z"));
    EXPECT_FALSE(parse_wall("yesterday"));
}

}  // namespace
}  // namespace muster
