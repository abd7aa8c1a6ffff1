#include "adapters/os/process_runner.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "adapters/os/folder_test_support.h"
#include "adapters/os/system.h"
#include "base/task_group.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using workflow::Command;
using workflow::CommandResult;

Command shell(const std::string& script) {
    Command command;
    command.argv = {"sh", "-c", script};
    return command;
}

class Programs : public testing::Test {
  protected:
    Programs() { chmod(folder_.path().c_str(), 0755); }

    Result<CommandResult> run(Command command, Duration timeout = 60s) {
        std::optional<Result<CommandResult>> result;
        TaskGroup group(io_.get_executor());
        group.spawn(keep(std::move(command), clock_.now() + timeout, result));
        io_.restart();
        io_.run();
        return std::move(result).value();
    }
    Task<> keep(Command command, Instant deadline, std::optional<Result<CommandResult>>& result) {
        result = co_await runner_.run(std::move(command), deadline);
        co_return Result<>{};
    }
    Task<> stop_once(TaskGroup& group, std::string file) {
        while (!std::filesystem::exists(file)) {
            CO_TRY_OK(co_await clock_.sleep_for(5ms));
        }
        CO_TRY_OK(co_await group.stop());
        co_return Result<>{};
    }
    [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
    [[nodiscard]] static std::string text(const std::string& path) {
        std::ifstream in(path);
        std::string line;
        std::getline(in, line);
        return line;
    }
    // Is the process whose id the file holds gone (a zombie counts as gone)?
    bool is_gone(const std::string& path) {
        const auto stat = text("/proc/" + text(path) + "/stat");
        return stat.empty() || stat.find(") Z") != std::string::npos;
    }
    bool goes(const std::string& path) {
        for (int i = 0; i < 1000; ++i) {
            if (is_gone(path)) {
                return true;
            }
            std::this_thread::sleep_for(5ms);
        }
        return false;
    }

    asio::io_context io_;
    SystemClock clock_;
    ProcessRunner runner_{io_.get_executor(), clock_};
    test::Folder folder_;
};

TEST_F(Programs, GiveTheirOutputAndExitCode) {
    const auto result = run(shell("echo out; echo err >&2; exit 3")).value();
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.error, "err\n");
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_FALSE(result.is_cut);
    EXPECT_GT(result.took, 0ns);
}

TEST_F(Programs, EndedByASignalGive128AndItsNumber) {
    EXPECT_EQ(run(shell("kill -9 $$")).value().exit_code, 137);
}

TEST_F(Programs, ReadTheirInputAndKeepNulBytes) {
    Command command;
    command.argv = {"cat"};
    command.input = std::string("a\0b\n\0", 5);
    EXPECT_EQ(run(command).value().output, command.input);
    command.input.assign(300'000, '\0');
    command.max_output = 1U << 20U;
    EXPECT_EQ(run(command).value().output, command.input) << "more than a pipe holds";
}

TEST_F(Programs, ThatIgnoreTheirInputDoNoHarm) {
    auto command = shell("exec 0<&-; echo fine");
    command.input.assign(1U << 20U, 'x');
    EXPECT_EQ(run(command).value().output, "fine\n");
}

TEST_F(Programs, SeeASmallEnvironmentAndNoDescriptorOfOurs) {
    const int ours = dup(1);
    setenv("MUSTER_TEST_PASSWORD", "hidden", 1);
    auto command = shell("env | cut -d= -f1 | sort | tr '\\n' ' '; ls /proc/self/fd | wc -l; pwd");
    command.environment = {{"COLOUR", "red"}};
    const auto output = run(command).value().output;
    close(ours);
    unsetenv("MUSTER_TEST_PASSWORD");
    EXPECT_NE(output.find("COLOUR"), std::string::npos);
    EXPECT_NE(output.find("PATH"), std::string::npos);
    EXPECT_EQ(output.find("MUSTER_TEST_PASSWORD"), std::string::npos);
    EXPECT_NE(output.find("4\n/\n"), std::string::npos) << "0, 1, 2 and ls's own: " << output;
}

TEST_F(Programs, RunInTheirWorkingDirectory) {
    auto command = shell("pwd");
    command.working_directory = folder_.path();
    EXPECT_EQ(run(command).value().output, folder_.path() + "\n");
    command.working_directory = file("missing");
    EXPECT_EQ(run(command).error().code(), Errc::kNotFound);
}

TEST_F(Programs, StartWithCleanSignals) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto output = run(shell("grep SigIgn /proc/self/status | cut -f2")).value().output;
    std::signal(SIGPIPE, SIG_DFL);
    EXPECT_EQ(std::stoull(output, nullptr, 16) & (1ULL << (SIGPIPE - 1U)), 0U) << output;
}

TEST_F(Programs, ThatAreNotThereAreNotFoundWithAHint) {
    Command command;
    command.argv = {"no-such-program-anywhere"};
    const auto result = run(command);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kNotFound);
    EXPECT_NE(result.error().message().find("no-such-program-anywhere"), std::string::npos);
    EXPECT_FALSE(result.error().hint().empty());
}

TEST_F(Programs, ThatMayNotBeExecutedAreDenied) {
    std::ofstream(file("plain")) << "#!/bin/sh\n";
    Command command;
    command.argv = {file("plain")};
    EXPECT_EQ(run(command).error().code(), Errc::kDenied);
}

TEST_F(Programs, AreNotStartedWhenTheTimeIsUp) {
    const auto result = run(shell("touch " + file("touched")), -1ms);
    EXPECT_EQ(result.error().code(), Errc::kTimedOut);
    EXPECT_FALSE(std::filesystem::exists(file("touched")));
}

TEST_F(Programs, AreKilledWithTheirGrandchildrenAtTheDeadline) {
    const auto began = clock_.now();
    const auto result = run(shell("sh -c 'sleep 600 & echo $! > " + file("pid") +
                                  "; wait' > /dev/null 2>&1; echo late"),
                            300ms);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kOutcomeUnknown);
    EXPECT_NE(result.error().message().find("sh did not end within"), std::string::npos)
        << result.error().message();
    EXPECT_LT(clock_.now() - began, 20s);
    EXPECT_TRUE(goes(file("pid")));
}

TEST_F(Programs, ThatIgnoreSigtermAreKilledAllTheSame) {
    const auto result = run(
        shell("trap '' TERM; echo $$ > " + file("pid") + "; while :; do sleep 0.05; done"), 200ms);
    EXPECT_EQ(result.error().code(), Errc::kOutcomeUnknown);
    EXPECT_TRUE(goes(file("pid")));
}

TEST_F(Programs, ThatWriteAGigabyteAreCutWithoutMemory) {
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    const auto result = run(shell("head -c 1073741824 /dev/zero; echo done >&2")).value();
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    EXPECT_EQ(result.output.size(), 64U << 10U);
    EXPECT_TRUE(result.is_cut);
    EXPECT_EQ(result.error, "done\n") << "the rest was read, so that it could end";
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 20'000) << "KiB";
}

TEST_F(Programs, ThatLeaveAChildWithThePipeDoNotHang) {
    const auto began = clock_.now();
    const auto result =
        run(shell("echo first; sleep 600 & echo $! > " + file("pid") + "; exit 0")).value();
    EXPECT_EQ(result.output, "first\n");
    EXPECT_LT(clock_.now() - began, 20s);
    EXPECT_FALSE(is_gone(file("pid"))) << "it ended by itself: what it left behind lives";
    kill(std::stoi(text(file("pid"))), SIGKILL);
}

TEST_F(Programs, ThatStartAServerLeaveItAliveAndAbleToWrite) {
    auto command = shell("echo starting; (trap '' TERM; while [ ! -e " + file("go") +
                         " ]; do sleep 0.02; done; echo one; echo two; touch " + file("alive") +
                         "; exec sleep 600) & echo $! > " + file("pid"));
    command.is_daemon = true;
    const auto result = run(command).value();
    EXPECT_EQ(result.output, "starting\n");
    std::ofstream(file("go")) << "1";
    for (int i = 0; i < 1000 && !std::filesystem::exists(file("alive")); ++i) {
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_TRUE(std::filesystem::exists(file("alive"))) << "its output did not kill it";
    EXPECT_FALSE(is_gone(file("pid")));
    kill(std::stoi(text(file("pid"))), SIGKILL);
}

TEST_F(Programs, OfAStoppedTaskAreKilled) {
    std::optional<Result<CommandResult>> result;
    TaskGroup group(io_.get_executor());
    TaskGroup stopper(io_.get_executor());
    group.spawn(keep(shell("echo $$ > " + file("new") + "; mv " + file("new") + " " + file("pid") +
                           "; exec sleep 600"),
                     clock_.now() + 1h, result));
    stopper.spawn(stop_once(group, file("pid")));
    io_.run();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error().code(), Errc::kCancelled);
    EXPECT_TRUE(goes(file("pid")));
}

TEST_F(Programs, BecomeAnotherUserWhenWeAreRoot) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    auto command = shell("id -un; id -gn; echo $HOME");
    command.run_as = "nobody";
    const auto result = run(command).value();
    EXPECT_EQ(result.output, "nobody\nnogroup\n/nonexistent\n") << result.error;
    command.run_as = "no-such-user";
    EXPECT_EQ(run(command).error().code(), Errc::kNotFound);
    command.run_as = "nobody";
    command.argv = {"no-such-program-anywhere"};
    EXPECT_EQ(run(command).error().code(), Errc::kNotFound);
}

class OverSsh : public Programs {
  protected:
    // Stands in for ssh: the last argument is the line that the other side's shell would run.
    Command remote(const std::string& script, const std::string& ssh) {
        std::ofstream(file("ssh")) << "#!/bin/sh\n" << ssh << "\n";
        chmod(file("ssh").c_str(), 0755);
        auto command = shell(script);
        command.ssh = "ops@far";
        command.environment = {{"PATH", folder_.path() + ":/usr/bin:/bin"}};
        return command;
    }
};

TEST_F(OverSsh, ArgumentsArriveAsTheyWere) {
    auto command = remote("", "for last; do :; done; exec sh -c \"$last\"");
    command.argv = {"printf", "%s|", "a b", "it's", "$HOME", "", "\"; exit 9"};
    EXPECT_EQ(run(command).value().output, "a b|it's|$HOME||\"; exit 9|");
}

TEST_F(OverSsh, AHostThatCantBeReachedIsUnavailable) {
    const auto result = run(remote(
        "true", "echo 'ssh: connect to host far port 22: Connection refused' >&2; exit 255"));
    EXPECT_EQ(result.error().code(), Errc::kUnavailable);
}

TEST_F(OverSsh, ARefusedKeyIsDenied) {
    const auto result =
        run(remote("true", "echo 'ops@far: Permission denied (publickey).' >&2; exit 255"));
    EXPECT_EQ(result.error().code(), Errc::kDenied);
    EXPECT_NE(result.error().hint().find("ssh -o BatchMode=yes ops@far true"), std::string::npos);
}

TEST_F(OverSsh, ABrokenConnectionLeavesTheOutcomeUnknown) {
    const auto result = run(remote("true", "echo 'client_loop: send disconnect' >&2; exit 255"));
    EXPECT_EQ(result.error().code(), Errc::kOutcomeUnknown);
}

}  // namespace
}  // namespace muster::adapters
