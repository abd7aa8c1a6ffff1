#pragma once

#include "probe/probe.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// Healthy when a program says so by its exit status: 0 good, 1 hard (the agent says dead), any
/// other end, or none in time, silence.
class ExecProbe final : public probe::Probe {
  public:
    static constexpr std::string_view kType = "exec";
    static plan::Type settings();
    static Result<std::unique_ptr<probe::Probe>> make(const probe::Settings& settings,
                                                      probe::Deps deps,
                                                      workflow::CommandRunner& runner);

    ExecProbe(workflow::Command command, Duration slow_after, probe::Deps deps,
              workflow::CommandRunner& runner);
    Task<probe::Sample> check(Instant deadline) override;

  private:
    workflow::Command command_;
    Duration slow_after_;
    probe::Deps deps_;
    workflow::CommandRunner& runner_;
};

}  // namespace muster::adapters
