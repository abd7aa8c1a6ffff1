#pragma once

#include "probe/probe.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// Every probe type. `runner` runs the programs of `exec`; it outlives the probes.
probe::Registry all_probes(workflow::CommandRunner& runner);

}  // namespace muster::adapters
