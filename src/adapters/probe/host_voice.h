#pragma once

#include <memory>
#include <optional>
#include <string>

#include "adapters/os/postmaster.h"
#include "base/clock.h"
#include "base/task.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// Asks the host of a PostgreSQL server what it says of its processes: this host by a look, another
/// one over ssh, in the background, so that no check waits for an answer that it may not need.
class HostVoice {
  public:
    using Process = PostmasterState::Process;
    struct Server {
        std::string conninfo;
        std::string data;    ///< Its data directory; empty: nobody can tell.
        std::string ssh;     ///< "user@host"; empty: this host.
        std::string run_as;  ///< Its user, where the ssh user is root.
    };

    HostVoice(Server server, Executor executor, Clock& clock, workflow::CommandRunner& commands);

    /// Whether there is a host to be asked.
    [[nodiscard]] bool is_there() const;
    [[nodiscard]] bool is_far() const;
    /// Puts the question, unless it is under way.
    void ask();
    /// Waits for the answer to the last question; nothing when there is none by `deadline`.
    Task<std::optional<Process>> told(Instant deadline);
    /// The newest answer, unless its question is older than a second.
    [[nodiscard]] std::optional<Process> word() const;

  private:
    struct State;
    static Task<> ask_far(std::shared_ptr<State> state);
    // Shared with the question under way, which may outlive the probe that put it.
    std::shared_ptr<State> state_;
};

}  // namespace muster::adapters
