#pragma once

#include <string>
#include <vector>

#include "component/component.h"
#include "plan/model.h"

namespace muster::component {

/// The steps of a move of `service`, derived from its components, their `needs` and the strategy;
/// or the plan's own procedure where `procedures:` overrides it. Step ids are "COMPONENT.STEP".
/// Forced moves: every fence before any promotion. kInvalid when a component has no step that it
/// must have.
Result<std::vector<plan::Step>> derive(const plan::Plan& plan, const plan::Service& service,
                                       const Move& move);

/// The same for people: numbered, with what each waits for, its timeout and what it runs.
std::string describe(const std::vector<plan::Step>& steps);

/// `muster runbook`: every move of every service as Markdown.
Result<std::string> runbook(const plan::Plan& plan);

}  // namespace muster::component
