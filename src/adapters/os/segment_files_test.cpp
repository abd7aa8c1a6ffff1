#include "adapters/os/segment_files.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <span>

#include "adapters/os/folder_test_support.h"

namespace muster::adapters {
namespace {

// Counts what is told of segments that can't be written.
class CountingLog final : public Log {
  public:
    void write(Level /*level*/, std::string_view event,
               std::span<const LogField> /*fields*/) override {
        broken += event == "observations.broken" ? 1 : 0;
    }
    std::atomic<int> broken = 0;
};

class SegmentFilesTest : public testing::Test {
  protected:
    std::unique_ptr<SegmentFiles> open(SegmentFiles::Limits limits = {}) {
        return SegmentFiles::open(folder_, limits, log_).value();
    }
    [[nodiscard]] std::vector<std::string> read() const { return read_segments(folder_).value(); }

    CountingLog log_;
    test::Folder parent_;
    std::string folder_ = parent_.file("segments");
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

TEST_F(SegmentFilesTest, TellsOfEachSegmentThatCanNotBeWritten) {
    {
        const auto files = open();
        std::filesystem::remove_all(folder_);
        files->begin("lost");
        files->append("as well");
        files->begin("lost too");
    }
    EXPECT_EQ(log_.broken, 2);
}

TEST_F(SegmentFilesTest, SaysWhenThereIsNothing) {
    EXPECT_EQ(read_segments(folder_).error().code(), Errc::kNotFound);
}

TEST_F(SegmentFilesTest, LeavesOtherFilesAlone) {
    {
        open()->begin("a");
    }
    std::ofstream(folder_ + "/plan.yaml") << "x";
    std::ofstream(folder_ + "/1.obs") << "x";
    {
        open()->begin("b");
    }
    EXPECT_EQ(read(), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/plan.yaml"));
}

}  // namespace
}  // namespace muster::adapters
