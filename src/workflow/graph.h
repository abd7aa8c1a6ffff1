#pragma once

#include <cstddef>
#include <map>
#include <string_view>

#include "workflow/action.h"
#include "workflow/run.h"

namespace muster::workflow {

/// The action that the engine carries out itself; parameters `message` and `expires`.
inline constexpr std::string_view kApprove = "approve";
/// A run has at most so many steps.
inline constexpr std::size_t kMaxSteps = 1000;

/// How each step is carried out: its action's traits, overridden by what the step declares.
using StepTraits = std::map<StepId, Traits>;

/// What the steps' actions say, for a run that starts now. kInvalid when an action is unknown.
Result<StepTraits> traits_of(const RunSpec& spec, const Actions& actions);

/// kInvalid, naming the step, when the steps are no graph that can be run: a name twice, an unknown
/// or circular `needs`, a `when` or `${…}` that can't be read, or that speaks of a step which need
/// not have ended by then, or of a parameter that the run does not have.
Result<> check_graph(const RunSpec& spec);

}  // namespace muster::workflow
