#include "adapters/repo_server/range.h"

#include <gtest/gtest.h>

namespace muster::adapters::repo_server {

namespace {

using Kind = ByteRange::Kind;

void expect_part(std::string_view header, std::uint64_t first, std::uint64_t size) {
    const auto range = read_range(header, 100);
    EXPECT_EQ(range.kind, Kind::kPart) << header;
    EXPECT_EQ(range.first, first) << header;
    EXPECT_EQ(range.size, size) << header;
}

TEST(Range, GivesThePartThatIsThere) {
    expect_part("bytes=0-", 0, 100);
    expect_part("bytes=10-19", 10, 10);
    expect_part("bytes=90-200", 90, 10);
    expect_part("bytes=99-99", 99, 1);
    expect_part("bytes=-10", 90, 10);
    expect_part("bytes=-1000", 0, 100);
}

TEST(Range, IsUnusableBeyondTheEndOrBackwards) {
    for (const auto* header : {"bytes=100-", "bytes=100-200", "bytes=20-10", "bytes=-0", "bytes=-",
                               "bytes=", "bytes=a-b", "bytes=1", "bytes=1-2-3",
                               "bytes=99999999999999999999-", "bytes= 1-2"}) {
        EXPECT_EQ(read_range(header, 100).kind, Kind::kUnusable) << header;
    }
}

TEST(Range, IsTheWholeFileWhenItMayBeIgnored) {
    for (const auto* header : {"", "items=1-2", "bytes=0-1,5-6"}) {
        EXPECT_EQ(read_range(header, 100).kind, Kind::kWhole) << header;
        EXPECT_EQ(read_range(header, 100).size, 100U) << header;
    }
    EXPECT_EQ(read_range("bytes=0-", 0).kind, Kind::kWhole);
}

}  // namespace

}  // namespace muster::adapters::repo_server
