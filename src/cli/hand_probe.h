#pragma once

#include <string>

#include "cli/probe_command.h"
#include "cli/streams.h"

namespace muster::cli {

/// `muster probe PLAN COMPONENT`: loads the plan, and runs that component's probes as `serve`
/// would. kExitUsage when the plan is not valid.
int probe_by_hand(const std::string& path, const ProbeCommand::Request& request, Streams streams);

}  // namespace muster::cli
