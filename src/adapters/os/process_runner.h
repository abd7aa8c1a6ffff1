#pragma once

#include "base/clock.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// Runs programs by posix_spawn in a process group of their own, waits by pidfd, and kills the
/// group at the deadline (SIGTERM, then SIGKILL after 500 ms): see CommandRunner. Commands over ssh
/// that are to end within a minute share one connection per host, which ssh keeps for a minute of
/// rest and gives up after two seconds without a sign of life; longer ones have their own, which
/// survives a short disturbance.
class ProcessRunner final : public workflow::CommandRunner {
  public:
    ProcessRunner(Executor executor, Clock& clock);
    ProcessRunner(const ProcessRunner&) = delete;
    ProcessRunner& operator=(const ProcessRunner&) = delete;
    ~ProcessRunner() override;
    Task<workflow::CommandResult> run(workflow::Command command, Instant deadline) override;

  private:
    const std::string& ssh_folder();

    Executor executor_;
    Clock& clock_;
    std::string ssh_folder_;  // Of the sockets by which ssh shares connections; made when needed.
};

}  // namespace muster::adapters
