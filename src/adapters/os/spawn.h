#pragma once

#include <sys/types.h>

#include <string>

#include "adapters/os/command_line.h"
#include "adapters/os/unique_fd.h"

namespace muster::adapters {

/// A started program, leader of its own process group. Who has this waits for it, too.
struct Spawned {
    pid_t pid = -1;
    UniqueFd process;  ///< A pidfd: readable when the program has ended.
    UniqueFd output;   ///< The reading end of its standard output, or a file (see Start).
    UniqueFd error;
};

/// How to start it.
struct Start {
    std::string input;           ///< Given as a file, so that no one has to feed a pipe.
    bool to_file = false;        ///< Output goes to memory files of max_output bytes: see below.
    std::size_t max_output = 0;  ///< A file's size. Writing past it fails with EPERM.
};

/// Our own PATH, HOME, LANG and SSH_AUTH_SOCK.
Fields own_environment();

/// The user of `run_as` when we are root and are to become another; nullopt when we stay. kNotFound
/// when there is no such user.
Result<std::optional<User>> user_to_become(const std::string& run_as);

/// The path of a program by the PATH given; kNotFound, or kDenied when it can't be executed.
Result<std::string> find_program(const std::string& name, const std::string& path);

/// Starts it by posix_spawn with clean signals, its own process group and no descriptor but 0, 1
/// and 2. kNotFound (program or working directory), kDenied, kUnavailable (no process, descriptor
/// or memory left).
Result<Spawned> spawn(const CommandLine& line, const Start& start);

}  // namespace muster::adapters
