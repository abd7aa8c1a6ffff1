#pragma once

#include "component/component.h"

namespace muster::component {

/// Kind `dns`: the name by which users come in, answered by the steerer.
Kind dns_kind();
/// Adds dns.point.
void add_dns_actions(workflow::Actions& actions, const Deps& deps);

}  // namespace muster::component
