#pragma once

#include "component/component.h"

namespace muster::component {

/// Kind `postgres`: a physical streaming pair, one server at each site.
Kind postgres_kind();

}  // namespace muster::component
