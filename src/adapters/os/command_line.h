#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// What is really started for a Command: the system's ssh, or the program itself, behind setpriv
/// where it must become another user or must end with us.
struct CommandLine {
    std::vector<std::string> argv;
    Fields environment;
    std::string working_directory;
    std::string name;  ///< For messages: the program, and the host it runs on; no arguments.
};

/// A user of this machine.
struct User {
    std::string name;
    unsigned user_id = 0;
    unsigned group_id = 0;
    std::string home;
};

/// What the command line depends on besides the command.
struct Surroundings {
    Fields environment;          ///< Ours: PATH, HOME, LANG, SSH_AUTH_SOCK as far as they are set.
    std::optional<User> become;  ///< The user of `run_as`, when it is to be changed.
    Duration connect_timeout{};  ///< For ssh.
    std::string ssh_folder;      ///< Where ssh keeps the connections that it shares; empty: none.
    int parent = 0;  ///< The process without which the command must not run on; 0: it may.
};

/// Wraps the command. kInvalid: no program, a NUL byte, an ssh target or variable name that can't
/// be one.
Result<CommandLine> wrap_command(const workflow::Command& command,
                                 const Surroundings& surroundings);

}  // namespace muster::adapters
