#pragma once

#include "component/component.h"

namespace muster::component {

/// Kind `servers`: interchangeable servers without data of their own, on hosts at each site.
Kind servers_kind();
/// Adds servers.scale and servers.release.
void add_servers_actions(workflow::Actions& actions, const Deps& deps);

}  // namespace muster::component
