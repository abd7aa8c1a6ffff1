#include "adapters/os/postmaster.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "adapters/os/folder_test_support.h"

namespace muster::adapters {
namespace {

using Process = PostmasterState::Process;

// What a live server says is tested where one runs: adapters/probe/postgres_probe_test.cpp.
class PostmasterTest : public testing::Test {
  protected:
    test::Folder directory_;
};

TEST_F(PostmasterTest, WhatIsNoDataDirectoryIsUnknown) {
    EXPECT_EQ(read_postmaster("").process, Process::kUnknown);
    EXPECT_EQ(read_postmaster("/not/there").process, Process::kUnknown);
    EXPECT_EQ(read_postmaster(directory_.path()).process, Process::kUnknown);
}

TEST_F(PostmasterTest, ADataDirectoryThatNobodyWorksInIsStopped) {
    directory_.write("PG_VERSION", "15\n");
    EXPECT_EQ(read_postmaster(directory_.path()).process, Process::kStopped);
}

TEST_F(PostmasterTest, APidUsedAgainByAnotherProgramIsNotTheServer) {
    directory_.write("PG_VERSION", "15\n");
    directory_.write("postmaster.pid", std::to_string(::getpid()) + "\n" + directory_.path() +
                                           "\n1700000000\n5433\n\n*\n");
    const auto state = read_postmaster(directory_.path());
    EXPECT_EQ(state.process, Process::kStopped);
    EXPECT_EQ(state.port, 5433);
    EXPECT_EQ(state.pid, 0);
}

TEST_F(PostmasterTest, JunkInThePidFileIsNoPid) {
    directory_.write("PG_VERSION", "15\n");
    directory_.write("postmaster.pid", "\x01\x02junk");
    EXPECT_EQ(read_postmaster(directory_.path()).process, Process::kStopped);
}

}  // namespace
}  // namespace muster::adapters
