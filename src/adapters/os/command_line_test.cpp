#include "adapters/os/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "workflow/shell_line.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;

Surroundings here() {
    return {{{"PATH", "/usr/bin:/bin"}, {"SSH_AUTH_SOCK", "/tmp/agent"}}, std::nullopt, 7s, {}};
}

TEST(CommandLine, StartsTheProgramItself) {
    workflow::Command command;
    command.argv = {"echo", "a b"};
    command.environment = {{"COLOUR", "red"}};
    const auto line = wrap_command(command, here()).value();
    EXPECT_EQ(line.argv, command.argv);
    EXPECT_EQ(line.working_directory, "/");
    EXPECT_EQ(line.environment, (Fields{{"COLOUR", "red"}, {"PATH", "/usr/bin:/bin"}}));
}

TEST(CommandLine, BecomesAnotherUserBySetpriv) {
    workflow::Command command;
    command.argv = {"id"};
    auto surroundings = here();
    surroundings.become = User{"postgres", 101, 104, "/var/lib/postgresql"};
    const auto line = wrap_command(command, surroundings).value();
    EXPECT_EQ(line.argv, (std::vector<std::string>{"setpriv", "--reuid=101", "--regid=104",
                                                   "--init-groups", "--", "id"}));
    EXPECT_EQ(line.environment.at("HOME"), "/var/lib/postgresql");
}

TEST(CommandLine, EndsTheProgramWithItsParent) {
    workflow::Command command;
    command.argv = {"echo", "a b"};
    auto surroundings = here();
    surroundings.parent = 42;
    const auto line = wrap_command(command, surroundings).value();
    EXPECT_EQ(line.argv, (std::vector<std::string>{"setpriv", "--pdeathsig=KILL", "--", "sh", "-c",
                                                   "[ \"$PPID\" = 42 ] || exit 75; exec \"$@\"",
                                                   "sh", "echo", "a b"}));
    EXPECT_EQ(line.name, "echo");
}

TEST(CommandLine, GoesOverSshWithoutAskingForAPassword) {
    workflow::Command command;
    command.argv = {"touch", "a b"};
    command.ssh = "ops@10.0.0.5";
    command.environment = {{"X", "1 2"}};
    const auto line = wrap_command(command, here()).value();
    ASSERT_EQ(line.argv.size(), 8U);
    EXPECT_EQ(line.argv[2], "BatchMode=yes");
    EXPECT_EQ(line.argv[4], "ConnectTimeout=7");
    EXPECT_EQ(line.argv[5], "ops@10.0.0.5");
    EXPECT_EQ(line.argv[6], "--");
    EXPECT_EQ(line.argv[7],
              "sh -c " + workflow::shell_quote("cd / || exit 126; exec env 'X=1 2' touch 'a b'"));
    EXPECT_TRUE(line.environment.contains("SSH_AUTH_SOCK"));
    EXPECT_FALSE(line.environment.contains("X"));
}

TEST(CommandLine, SharesAnSshConnectionThatMustKeepAnswering) {
    workflow::Command command;
    command.argv = {"true"};
    command.ssh = "ops@10.0.0.5";
    auto surroundings = here();
    surroundings.ssh_folder = "/tmp/private";
    const auto words = wrap_command(command, surroundings).value().argv;
    const auto has = [&words](const std::string& word) {
        return std::ranges::find(words, word) != words.end();
    };
    EXPECT_TRUE(has("ControlMaster=auto"));
    EXPECT_TRUE(has("ControlPath=/tmp/private/%C"));
    EXPECT_TRUE(has("ServerAliveInterval=1"));
    EXPECT_TRUE(has("ServerAliveCountMax=2"));
    EXPECT_EQ(words[words.size() - 3], "ops@10.0.0.5");
}

TEST(CommandLine, RefusesWhatCantBeStarted) {
    workflow::Command command;
    const auto refused = [&command] {
        const auto line = wrap_command(command, here());
        return !line && line.error().code() == Errc::kInvalid;
    };
    EXPECT_TRUE(refused()) << "no program";
    command.argv = {"echo", std::string("a\0b", 3)};
    EXPECT_TRUE(refused()) << "NUL byte";
    command.argv = {"echo"};
    command.environment = {{"A B", "1"}};
    EXPECT_TRUE(refused()) << "variable name";
    command.environment = {};
    command.ssh = "-oProxyCommand=evil";
    EXPECT_TRUE(refused()) << "an option as host";
}

}  // namespace
}  // namespace muster::adapters
