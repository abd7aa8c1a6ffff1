#pragma once

#include "component/component.h"

namespace muster::component {

/// Kind `custom`: every hook by command.
Kind custom_kind();
/// Adds custom.run.
void add_custom_actions(workflow::Actions& actions, const Deps& deps);

}  // namespace muster::component
