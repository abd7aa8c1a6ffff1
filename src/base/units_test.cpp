#include "base/units.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(ByteCount, ReadsDecimalAndBinaryUnits) {
    EXPECT_EQ(parse_size("64KiB").value().bytes, 65'536);
    EXPECT_EQ(parse_size("16MB").value().bytes, 16'000'000);
    EXPECT_EQ(parse_size("512").value().bytes, 512);
}

TEST(ByteCount, RefusesNonsense) {
    for (const auto* text : {"", "-1", "1.5GB", "5 parsecs", "99999999999TB"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
}

TEST(ByteCount, PeopleSeeThreeDigits) {
    EXPECT_EQ(human_size({812}), "812 B");
    EXPECT_EQ(human_size({1'572'864}), "1.50 MiB");
}

}  // namespace
}  // namespace muster
