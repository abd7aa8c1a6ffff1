#pragma once

#include "component/component.h"

namespace muster::component {

/// Adds postgres.fence, .promote, .demote, .await, .keep_divergence, .rebuild, .check_ready and
/// .verify.
void add_postgres_actions(workflow::Actions& actions, const Deps& deps);

}  // namespace muster::component
