#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/task.h"
#include "base/time.h"

namespace muster::workflow {

/// A program to run: never through a shell unless argv says so.
struct Command {
    std::vector<std::string> argv;
    Fields environment;             ///< Added to a minimal one (PATH, HOME, LANG).
    std::string working_directory;  ///< Empty: /.
    std::string ssh;                ///< "user@host": run there by the system's ssh (BatchMode).
    std::string run_as;             ///< A user to become, when we are root; empty: stay.
    std::string input;              ///< For its standard input.
    std::size_t max_output = 64U << 10U;  ///< Of each stream; the rest is read and dropped.
    bool is_daemon = false;  ///< It leaves a server behind: only its own end is waited for.
};

struct CommandResult {
    int exit_code = 0;   ///< 128 + signal when a signal ended it.
    std::string output;  ///< Standard output, cut at max_output.
    std::string error;   ///< Standard error, likewise.
    bool is_cut = false;
    Duration took{};
};

/// Port: runs programs here or over ssh. At the deadline the whole process group is killed and the
/// result is kOutcomeUnknown; a program that can't be started is kNotFound or kDenied. A non-zero
/// exit code is a result, not an error.
class CommandRunner {
  public:
    virtual ~CommandRunner() = default;
    virtual Task<CommandResult> run(Command command, Instant deadline) = 0;
};

}  // namespace muster::workflow
