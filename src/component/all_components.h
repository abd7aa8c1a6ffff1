#pragma once

#include <vector>

#include "component/component.h"
#include "plan/load.h"

namespace muster::component {

/// Adds what the kinds bring to the plan's language: their keys, and which need no `probe:`.
void add_kinds(plan::Vocabulary& vocabulary);
/// What the kinds have against the components of a plan that is well-formed, each at its place.
std::vector<plan::Diagnostic> check_components(const plan::Plan& plan);
/// Adds `wait` and the actions of every kind.
void add_component_actions(workflow::Actions& actions, const Deps& deps);

}  // namespace muster::component
