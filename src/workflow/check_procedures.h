#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/load.h"

namespace muster::workflow {

/// What each action puts out, by name; an action that is not listed may put out anything.
using ActionOutputs = std::map<std::string, std::vector<std::string>>;

/// What the plan's own procedures refer to and is not there, each at its place: steps, outputs and
/// parameters in `${…}` and `when`, and steps that need not have ended by then. `check_graph` asks
/// the same when a run starts; at that moment it is late.
std::vector<plan::Diagnostic> check_procedures(const plan::Plan& plan,
                                               const ActionOutputs& outputs);

}  // namespace muster::workflow
