#include "adapters/os/command_line.h"

#include <algorithm>

#include "workflow/shell_line.h"

namespace muster::adapters {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_variable_name(const std::string& name) {
    return !name.empty() && !is_digit(name.front()) && std::ranges::all_of(name, [](char c) {
        return is_letter(c) || is_digit(c) || c == '_';
    });
}

Result<> check(const workflow::Command& command) {
    if (command.argv.empty() || command.argv.front().empty()) {
        return Error{Errc::kInvalid, "a command needs a program to run"};
    }
    const auto has_nul = [](const std::string& text) {
        return text.find('\0') != std::string::npos;
    };
    if (std::ranges::any_of(command.argv, has_nul) || has_nul(command.working_directory)) {
        return Error{Errc::kInvalid, "an argument of \"" + command.argv.front() +
                                         "\" has a NUL byte, which no program can be given"};
    }
    for (const auto& [name, value] : command.environment) {
        if (!is_variable_name(name) || has_nul(value)) {
            return Error{Errc::kInvalid, "\"" + name + "\" can't be an environment variable"};
        }
    }
    const auto& host = command.ssh;
    if (host.starts_with('-') || host.find_first_of(" \t\n'\"\\") != std::string::npos) {
        return Error{Errc::kInvalid, "\"" + host + "\" is not an ssh target",
                     "write it as user@host"};
    }
    return {};
}

// The other side always runs the command through the user's login shell, whichever that is; `sh`
// then runs ours.
std::string remote_line(const workflow::Command& command) {
    std::string run = "exec";
    if (!command.environment.empty()) {
        run += " env";
        for (const auto& [name, value] : command.environment) {
            std::string setting = name;
            setting.append("=").append(value);
            run.append(" ").append(workflow::shell_quote(setting));
        }
    }
    run += " " + workflow::shell_line(command.argv);
    const std::string folder = command.working_directory.empty() ? "/" : command.working_directory;
    const std::string go = "cd " + workflow::shell_quote(folder) + " || exit 126; ";
    if (command.run_as.empty()) {
        return "sh -c " + workflow::shell_quote(go + run);
    }
    const std::string become = "if [ \"$(id -u)\" = 0 ]; then exec runuser -u " +
                               workflow::shell_quote(command.run_as) + " -- sh -c " +
                               workflow::shell_quote(go + run) + "; fi; ";
    return "sh -c " + workflow::shell_quote(become + go + run);
}

// A shared connection answers after a few milliseconds where a new one takes some hundred. It must
// not outlive the network below it: a command that waits in a dead connection could arrive when the
// network comes back, long after its cause. Hence the questions whether the other side lives, which
// end it sooner than mere silence lets anything move.
CommandLine over_ssh(const workflow::Command& command, const Surroundings& surroundings) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(surroundings.connect_timeout).count();
    CommandLine line;
    line.environment = surroundings.environment;
    line.working_directory = "/";
    line.name = command.argv.front() + " on " + command.ssh;
    line.argv = {"ssh", "-o", "BatchMode=yes", "-o",
                 "ConnectTimeout=" + std::to_string(std::max<long>(1, seconds))};
    if (!surroundings.ssh_folder.empty()) {
        for (const auto* option : {"ControlMaster=auto", "ControlPersist=60",
                                   "ServerAliveInterval=1", "ServerAliveCountMax=2"}) {
            line.argv.insert(line.argv.end(), {"-o", option});
        }
        line.argv.insert(line.argv.end(), {"-o", "ControlPath=" + surroundings.ssh_folder + "/%C"});
    }
    line.argv.insert(line.argv.end(), {command.ssh, "--", remote_line(command)});
    return line;
}

// A program that outlives us could still take effect after our next life has looked whether it did
// (and found that it didn't), and would then act twice. So the kernel kills it with us
// (PR_SET_PDEATHSIG of prctl(2)); the shell is there for the moment before that was set.
std::vector<std::string> prefix_of(const Surroundings& ours) {
    std::vector<std::string> words;
    if (!ours.become && ours.parent == 0) {
        return words;
    }
    words = {"setpriv"};
    if (const auto& user = ours.become) {
        words.push_back("--reuid=" + std::to_string(user->user_id));
        words.push_back("--regid=" + std::to_string(user->group_id));
        words.emplace_back("--init-groups");
    }
    if (ours.parent != 0) {
        words.emplace_back("--pdeathsig=KILL");
    }
    words.emplace_back("--");
    if (ours.parent != 0) {
        const std::string is_ours = "[ \"$PPID\" = " + std::to_string(ours.parent) + " ]";
        words.insert(words.end(), {"sh", "-c", is_ours + " || exit 75; exec \"$@\"", "sh"});
    }
    return words;
}

}  // namespace

Result<CommandLine> wrap_command(const workflow::Command& command,
                                 const Surroundings& surroundings) {
    TRY_OK(check(command));
    auto ours = surroundings;
    if (!ours.environment.contains("PATH")) {
        ours.environment["PATH"] = kDefaultPath;
    }
    if (!command.ssh.empty()) {
        if (const auto path = command.environment.find("PATH"); path != command.environment.end()) {
            ours.environment["PATH"] = path->second;
        }
        return over_ssh(command, ours);
    }
    CommandLine line;
    line.name = command.argv.front();
    line.environment = ours.environment;
    line.environment.erase("SSH_AUTH_SOCK");
    line.working_directory = command.working_directory.empty() ? "/" : command.working_directory;
    line.argv = prefix_of(ours);
    line.argv.insert(line.argv.end(), command.argv.begin(), command.argv.end());
    if (const auto& user = ours.become) {
        line.environment["HOME"] = user->home;
        line.environment["USER"] = user->name;
        line.environment["LOGNAME"] = user->name;
    }
    for (const auto& [name, value] : command.environment) {
        line.environment[name] = value;
    }
    return line;
}

}  // namespace muster::adapters
