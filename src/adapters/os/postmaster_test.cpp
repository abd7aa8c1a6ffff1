#include "adapters/os/postmaster.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace muster::adapters {
namespace {

using Process = PostmasterState::Process;

// What a live server says is tested where one runs: adapters/probe/postgres_probe_test.cpp.
class PostmasterTest : public testing::Test {
  protected:
    PostmasterTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "muster-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~PostmasterTest() override { std::filesystem::remove_all(directory_); }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(directory_ + "/" + name) << text;
    }
    std::string directory_;
};

TEST_F(PostmasterTest, WhatIsNoDataDirectoryIsUnknown) {
    EXPECT_EQ(read_postmaster("").process, Process::kUnknown);
    EXPECT_EQ(read_postmaster("/not/there").process, Process::kUnknown);
    EXPECT_EQ(read_postmaster(directory_).process, Process::kUnknown);
}

TEST_F(PostmasterTest, ADataDirectoryThatNobodyWorksInIsStopped) {
    write("PG_VERSION", "15\n");
    EXPECT_EQ(read_postmaster(directory_).process, Process::kStopped);
}

TEST_F(PostmasterTest, APidUsedAgainByAnotherProgramIsNotTheServer) {
    write("PG_VERSION", "15\n");
    write("postmaster.pid",
          std::to_string(::getpid()) + "\n" + directory_ + "\n1700000000\n5433\n\n*\n");
    const auto state = read_postmaster(directory_);
    EXPECT_EQ(state.process, Process::kStopped);
    EXPECT_EQ(state.port, 5433);
    EXPECT_EQ(state.pid, 0);
}

TEST_F(PostmasterTest, JunkInThePidFileIsNoPid) {
    write("PG_VERSION", "15\n");
    write("postmaster.pid", "\x01\x02junk");
    EXPECT_EQ(read_postmaster(directory_).process, Process::kStopped);
}

}  // namespace
}  // namespace muster::adapters
