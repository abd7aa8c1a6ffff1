#include "adapters/repo_server/quota.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "adapters/repo_server/repo_folder.h"
#include "adapters/repo_server/repo_server_test_support.h"

namespace muster::adapters::repo_server {
namespace {

class HandClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] WallTime wall() const override { return {}; }
    Task<> sleep_until(Instant /*when*/) override { co_return Result<>(); }
    void pass(Duration duration) { now_ += duration; }

  private:
    Instant now_{std::chrono::hours(1)};
};

class QuotaTest : public testing::Test {
  protected:
    void write(const std::string& name, std::size_t size) {
        const std::filesystem::path path(folder_.path() + "/" + name);
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << std::string(size, 'x');
    }

    test::Folder folder_;
    HandClock clock_;
    Quota quota_{ByteCount{1000}, folder_.path(), clock_};
};

TEST_F(QuotaTest, CountsAgainWhenItIsFullOnceAMinute) {
    write("data/a", 900);
    ASSERT_TRUE(quota_.measure());
    EXPECT_FALSE(quota_.take(200));
    write("data/a", 100);  // Another program has pruned.
    EXPECT_FALSE(quota_.take(200)) << "not so soon";
    clock_.pass(std::chrono::minutes(1));
    EXPECT_TRUE(quota_.take(200));
    EXPECT_EQ(quota_.used().bytes, 300);
}

TEST_F(QuotaTest, CountsAnUploadOnceHoweverOftenItCounts) {
    write("data/a", 100);
    ASSERT_TRUE(quota_.measure());
    Reservation upload(&quota_);
    ASSERT_TRUE(upload.cover(500));
    write(std::string(kUploads) + "/half", 500);
    clock_.pass(std::chrono::minutes(1));
    EXPECT_FALSE(quota_.take(500));
    EXPECT_EQ(quota_.used().bytes, 600);
    upload.keep();
    EXPECT_EQ(quota_.used().bytes, 600);
    quota_.removed(500);
    EXPECT_EQ(quota_.used().bytes, 100);
}

}  // namespace
}  // namespace muster::adapters::repo_server
