#include "adapters/os/segment_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace muster::adapters {
namespace {

namespace fs = std::filesystem;

class SegmentFilesTest : public testing::Test {
  protected:
    SegmentFilesTest() { fs::remove_all(folder_); }
    ~SegmentFilesTest() override { fs::remove_all(folder_); }

    std::unique_ptr<SegmentFiles> open(SegmentFiles::Limits limits = {}) {
        return SegmentFiles::open(folder_.string(), limits, log_).value();
    }
    [[nodiscard]] std::vector<std::string> read() const {
        return read_segments(folder_.string()).value();
    }

    NullLog log_;
    fs::path folder_ =
        fs::path(testing::TempDir()) /
        (std::string("segments_") + testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(SegmentFilesTest, KeepsSegmentsInOrderAcrossProcesses) {
    {
        const auto files = open();
        files->begin("a");
        files->append("b");
        files->begin("c");
    }
    {
        const auto files = open();
        files->begin("d");
    }
    EXPECT_EQ(read(), (std::vector<std::string>{"ab", "c", "d"}));
}

TEST_F(SegmentFilesTest, DropsTheOldestBeyondTheLimit) {
    const std::string large(1000, 'x');
    {
        const auto files = open({.total_bytes = 2500, .waiting_bytes = 1U << 20U});
        for (char letter = 'a'; letter <= 'f'; ++letter) {
            files->begin(letter + large);
        }
    }
    const auto all = read();
    ASSERT_LE(all.size(), 4U);
    EXPECT_EQ(all.back().front(), 'f');
    EXPECT_EQ(all.front().front(), static_cast<char>('f' - (all.size() - 1)));
}

TEST_F(SegmentFilesTest, AddsNothingToASegmentThatLacksSomething) {
    {
        const auto files = open({.total_bytes = 1U << 20U, .waiting_bytes = 10});
        files->begin("12345");
        files->append("too much for what may wait");
        files->append("6");
        files->begin("next");
    }
    const auto all = read();
    EXPECT_TRUE(all.front() == "12345") << all.front();
}

TEST_F(SegmentFilesTest, SaysWhenThereIsNothing) {
    EXPECT_EQ(read_segments(folder_.string()).error().code(), Errc::kNotFound);
}

TEST_F(SegmentFilesTest, LeavesOtherFilesAlone) {
    {
        open()->begin("a");
    }
    std::ofstream(folder_ / "plan.yaml") << "x";
    std::ofstream(folder_ / "1.obs") << "x";
    {
        open()->begin("b");
    }
    EXPECT_EQ(read(), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(fs::exists(folder_ / "plan.yaml"));
}

}  // namespace
}  // namespace muster::adapters
