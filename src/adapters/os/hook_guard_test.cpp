#include "adapters/os/hook_guard.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "adapters/os/file_write.h"
#include "adapters/os/folder_test_support.h"
#include "adapters/os/system_host.h"

namespace muster::adapters {
namespace {

class HookGuardTest : public testing::Test {
  protected:
    [[nodiscard]] std::string note(const std::string& word) const {
        return "echo " + word + " >>" + folder_.file("log");
    }
    [[nodiscard]] std::string log() const {
        std::ifstream file(folder_.file("log"));
        return {std::istreambuf_iterator<char>(file), {}};
    }
    /// Waits for a process that is nobody's child any more.
    [[nodiscard]] bool comes(const std::string& wanted) const {
        for (int i = 0; i < 2000 && log() != wanted; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return log() == wanted;
    }

    test::Folder folder_;
    const std::string after_ = note("after $MUSTER_HOOK_STATUS");
};

TEST_F(HookGuardTest, RunsOneBeforeAndTheOtherAfter) {
    HookGuard guard;
    ASSERT_TRUE(guard.begin(note("before"), after_).has_value());
    EXPECT_EQ(log(), "before\n");
    EXPECT_TRUE(guard.end("ok").has_value());
    EXPECT_EQ(log(), "before\nafter ok\n");
    EXPECT_TRUE(guard.end("failed").has_value());
    EXPECT_EQ(log(), "before\nafter ok\n") << "only once";
}

TEST_F(HookGuardTest, EitherMayBeAbsent) {
    HookGuard none;
    EXPECT_TRUE(none.begin("", "").has_value());
    EXPECT_TRUE(none.end("ok").has_value());
    HookGuard first;
    EXPECT_TRUE(first.begin(note("before"), "").has_value());
    EXPECT_TRUE(first.end("ok").has_value());
    EXPECT_EQ(log(), "before\n");
}

TEST_F(HookGuardTest, TheSecondRunsWhenTheFirstFails) {
    {
        HookGuard guard;
        const auto begun = guard.begin("exit 7", after_);
        ASSERT_FALSE(begun.has_value());
        EXPECT_EQ(begun.error().code(), Errc::kUnavailable);
        EXPECT_NE(begun.error().message().find("status 7"), std::string::npos);
    }
    EXPECT_EQ(log(), "after failed\n");
}

TEST_F(HookGuardTest, TheSecondRunsWhenAnExceptionPasses) {
    try {
        HookGuard guard;
        ASSERT_TRUE(guard.begin("", after_).has_value());
        throw std::runtime_error("of a library");
    } catch (const std::runtime_error&) {
        EXPECT_EQ(log(), "after failed\n");
    }
}

TEST_F(HookGuardTest, TheSecondRunsWhenTheProcessIsKilled) {
    for (const int number : {SIGKILL, SIGTERM, SIGINT, SIGSEGV}) {
        const pid_t process = ::fork();
        if (process == 0) {
            HookGuard guard;
            (void)guard.begin("", after_);
            ::signal(number, SIG_DFL);
            ::raise(number);
            ::_exit(0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(process, &status, 0), process);
        ASSERT_TRUE(WIFSIGNALED(status));
        EXPECT_TRUE(comes("after killed\n")) << log();
        ASSERT_EQ(::unlink(folder_.file("log").c_str()), 0);
    }
}

TEST_F(HookGuardTest, ACtrlCDoesNotReachTheOneThatWaits) {
    const pid_t process = ::fork();
    if (process == 0) {
        ::setpgid(0, 0);
        HookGuard guard;
        (void)guard.begin("", after_);
        ::kill(0, SIGINT);  // The whole group, as a terminal does.
        ::pause();
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(process, &status, 0), process);
    EXPECT_TRUE(comes("after killed\n")) << log();
}

TEST_F(HookGuardTest, SaysWhenTheSecondFails) {
    HookGuard guard;
    ASSERT_TRUE(guard.begin("", "exit 3").has_value());
    const auto ended = guard.end("ok");
    ASSERT_FALSE(ended.has_value());
    EXPECT_NE(ended.error().message().find("post hook ended with status 3"), std::string::npos);
}

TEST(FileWrite, IsWholeAndNew) {
    const test::Folder folder;
    for (const std::size_t size : {0U, 1U, 4096U, 1'048'576U, 1'048'577U, 3'000'000U}) {
        backup::Buffer content(size);
        for (std::size_t i = 0; i < size; ++i) {
            content.data()[i] = static_cast<std::uint8_t>(i * 7 + i / 4096);
        }
        const auto path = folder.file(std::to_string(size));
        ASSERT_TRUE(write_synced(path, content.view()).has_value());
        std::ifstream file(path, std::ios::binary);
        const std::string back(std::istreambuf_iterator<char>(file), {});
        EXPECT_TRUE(back == content.text()) << size;
        const auto again = write_synced(path, content.view());
        ASSERT_FALSE(again.has_value());
        EXPECT_EQ(again.error().code(), Errc::kConflict);
    }
    EXPECT_EQ(write_synced(folder.file("no/where"), {}).error().code(), Errc::kNotFound);
    EXPECT_TRUE(sync_folder(folder.path()).has_value());
    EXPECT_EQ(sync_folder(folder.file("absent")).error().code(), Errc::kNotFound);
    EXPECT_EQ(write_synced("/dev/full/x", {}).error().code(), Errc::kNotFound);
}

TEST(FileWrite, MayHaveNoNameBeforeItIsWhole) {
    const test::Folder folder;
    const auto path = folder.file("x");
    const std::string content(2'000'000, 'c');
    const auto written = write_synced_in(folder.path(), path, backup::bytes_of(content));
    if (!written && written.error().code() == Errc::kInvalid) {
        GTEST_SKIP() << "the file system has no files without a name";
    }
    ASSERT_TRUE(written.has_value()) << written.error().message();
    EXPECT_EQ(std::filesystem::file_size(path), content.size());
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_read);
    EXPECT_EQ(write_synced_in(folder.path(), path, {}).error().code(), Errc::kConflict);
    EXPECT_EQ(write_synced_in(folder.file("no"), folder.file("no/x"), {}).error().code(),
              Errc::kNotFound);
}

TEST(FileWrite, SaysWhatToDoWhenTheDiskIsFull) {
    const auto error = file_error("write", "x", ENOSPC);
    EXPECT_EQ(error.code(), Errc::kDenied) << "it is not tried again for a quarter of an hour";
    EXPECT_NE(error.hint().find("make room"), std::string::npos);
}

TEST(SystemHost, RunsManyAtOnceAndWaitsForAll) {
    SystemHost host;
    std::atomic<unsigned> sum{0};
    host.run_parallel(5, [&](unsigned number) { sum += number + 1; });
    EXPECT_EQ(sum, 15U);
    host.run_parallel(0, [&](unsigned) { ++sum; });
    EXPECT_EQ(sum, 15U);
    EXPECT_GE(host.cores(), 1U);
}

TEST(SystemHost, KnowsWhoIsAlive) {
    const SystemHost host;
    EXPECT_TRUE(host.is_alive(::getpid()));
    EXPECT_TRUE(host.is_alive(1));
    const pid_t process = ::fork();
    if (process == 0) {
        ::_exit(0);
    }
    ::waitpid(process, nullptr, 0);
    EXPECT_FALSE(host.is_alive(process));
    for (const std::int64_t none :
         {std::int64_t{0}, std::int64_t{-1}, (std::int64_t{1} << 32) + 1}) {
        EXPECT_FALSE(host.is_alive(none)) << none << " is no process";
    }
    EXPECT_EQ(host.identity().pid, ::getpid());
    EXPECT_FALSE(host.identity().hostname.empty());
}

using SystemHostDeathTest = testing::Test;

TEST_F(SystemHostDeathTest, AnExceptionEndsTheProcessAndDoesNotHangIt) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            SystemHost host;
            std::atomic<bool> is_over{false};
            host.run_parallel(2, [&](unsigned number) {
                if (number == 0) {
                    throw std::runtime_error("of a library");
                }
                while (!is_over) {  // As the one that keeps a lock, which waits for the other.
                    std::this_thread::yield();
                }
            });
        },
        "");
}

}  // namespace
}  // namespace muster::adapters
