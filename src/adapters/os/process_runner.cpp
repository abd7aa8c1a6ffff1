#include "adapters/os/process_runner.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "adapters/os/child.h"
#include "adapters/os/command_line.h"
#include "adapters/os/spawn.h"

namespace muster::adapters {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(10);
constexpr Duration kShared = std::chrono::minutes(1);
constexpr int kSshFailed = 255;  // ssh(1), EXIT STATUS

// ssh ends with 255 both when it never got there and when the connection broke while the command
// ran; only its words tell them apart.
Error ssh_error(const std::string& host, const std::string& words) {
    const auto says = [&words](std::string_view text) {
        return words.find(text) != std::string::npos;
    };
    const auto last = words.find_last_not_of("\r\n");
    const auto text = words.substr(0, last == std::string::npos ? 0 : last + 1);
    const auto line = text.substr(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
    if (says("Permission denied (") || says("Host key verification failed")) {
        return Error{Errc::kDenied, "ssh to " + host + " was refused: " + line,
                     "try `ssh -o BatchMode=yes " + host + " true` as the user that runs muster"};
    }
    if (says("ssh: connect to host") || says("ssh: Could not resolve hostname") ||
        says("Connection timed out during banner exchange")) {
        return Error{Errc::kUnavailable, "can't reach " + host + " by ssh: " + line};
    }
    return Error{Errc::kOutcomeUnknown, "the ssh connection to " + host + " broke: " + line};
}

Error stopped_error(const std::string& name, Duration took, bool is_stuck) {
    return Error{Errc::kOutcomeUnknown,
                 name + " did not end within " + human_duration(took) +
                     (is_stuck ? " and can't be killed" : " and was killed"),
                 "give it more time with timeout:, or find out what it waits for"};
}

// What is really started; that the program is there is checked before setpriv or the shell
// would say it oddly.
Result<CommandLine> prepare(const workflow::Command& command, Duration time_left,
                            std::string ssh_folder) {
    TRY(const auto become,
        command.ssh.empty() ? user_to_become(command.run_as) : Result<std::optional<User>>{});
    const Surroundings surroundings{own_environment(), become,
                                    std::min<Duration>(kConnectTimeout, time_left),
                                    std::move(ssh_folder), getpid()};
    auto line = wrap_command(command, surroundings);
    if (!line || !command.ssh.empty()) {
        return line;
    }
    TRY_OK(find_program(command.argv.front(), line->environment.at("PATH")));
    return line;
}

}  // namespace

ProcessRunner::ProcessRunner(Executor executor, Clock& clock)
    : executor_(std::move(executor)), clock_(clock) {
}

// Connections that are still open end by themselves after their minute of rest.
ProcessRunner::~ProcessRunner() {
    std::error_code ignored;
    if (!ssh_folder_.empty()) {
        std::filesystem::remove_all(ssh_folder_, ignored);
    }
}

// The path of a socket has 107 letters at most. Where no folder can be made, each command has a
// connection of its own.
const std::string& ProcessRunner::ssh_folder() {
    constexpr std::size_t kLongest = 30;
    if (ssh_folder_.empty()) {
        std::error_code ignored;
        auto path = std::filesystem::temp_directory_path(ignored).string();
        path = (path.empty() || path.size() > kLongest ? "/tmp" : path) + "/muster-ssh-XXXXXX";
        if (mkdtemp(path.data()) != nullptr) {
            ssh_folder_ = std::move(path);
        }
    }
    return ssh_folder_;
}

Task<workflow::CommandResult> ProcessRunner::run(workflow::Command command, Instant deadline) {
    const auto began = clock_.now();
    const bool is_shared =
        !command.ssh.empty() && !command.is_daemon && deadline - began <= kShared;
    CO_TRY(const auto line,
           prepare(command, deadline - began, is_shared ? ssh_folder() : std::string()));
    if (deadline <= began) {
        co_return Error{Errc::kTimedOut, "no time was left to start " + line.name};
    }
    const Start start{command.input, command.is_daemon, command.max_output};
    CO_TRY(auto spawned, spawn(line, start));
    const auto child = std::make_shared<Child>(
        executor_, std::move(spawned), Child::Limits{command.max_output, command.is_daemon});
    child->start(deadline - began);
    bool is_cancelled = false;
    while (!child->is_finished()) {
        const auto woken = co_await child->changed();
        if (!woken && !is_cancelled) {
            is_cancelled = true;
            child->stop();
        }
    }
    const auto took = clock_.now() - began;
    const bool is_stuck = child->is_stuck();
    const int exit_code = child->exit_code();
    if (is_cancelled) {
        co_return Error{Errc::kCancelled, line.name + " was stopped, since its task was"};
    }
    if (child->was_stopped() || is_stuck) {
        co_return stopped_error(line.name, took, is_stuck);
    }
    if (!command.ssh.empty() && exit_code == kSshFailed) {
        co_return ssh_error(command.ssh, child->error());
    }
    workflow::CommandResult result;
    result.exit_code = exit_code;
    result.output = child->output();
    result.error = child->error();
    result.is_cut = child->is_cut();
    result.took = took;
    co_return result;
}

}  // namespace muster::adapters
