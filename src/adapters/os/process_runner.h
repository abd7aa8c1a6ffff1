#pragma once

#include "base/clock.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// Runs programs by posix_spawn in a process group of their own, waits by pidfd, and kills the
/// group at the deadline (SIGTERM, then SIGKILL after 500 ms): see CommandRunner.
class ProcessRunner final : public workflow::CommandRunner {
  public:
    ProcessRunner(Executor executor, Clock& clock);
    Task<workflow::CommandResult> run(workflow::Command command, Instant deadline) override;

  private:
    Executor executor_;
    Clock& clock_;
};

}  // namespace muster::adapters
