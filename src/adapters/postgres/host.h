#pragma once

#include <string>
#include <vector>

#include "adapters/postgres/host_scripts.h"
#include "base/task.h"
#include "base/time.h"
#include "postgres/server_control.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// A server's host: runs scripts there as the server's user, locally or over ssh.
class Host {
  public:
    struct Input {
        std::vector<std::string> arguments;  ///< After the data directory and the tools' directory.
        std::string text;                    ///< Standard input.
    };

    explicit Host(workflow::CommandRunner& commands) : commands_(commands) {}

    /// Standard output. kUnavailable: the host can't be asked, nothing happened. kConflict: a
    /// higher epoch was seen there. kNotFound: no data directory. kDenied: wrong user, or the state
    /// of the directory forbids it. kCorrupt: a file there can't be trusted. kOutcomeUnknown: the
    /// rest, also a program's own failure, with its last words.
    Task<workflow::CommandResult> run(postgres::Server server, host_scripts::Script script,
                                      Input input, Instant deadline);

  private:
    workflow::CommandRunner& commands_;
};

/// What the host tells of a server: the output of the scripts that end with it.
Result<postgres::ServerState> read_host_state(const std::string& output);

}  // namespace muster::adapters
