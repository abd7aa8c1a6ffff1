#pragma once

#include <string>

namespace muster::plan {

/// The commented plan that `muster init` writes. It is valid as it stands.
std::string starter_plan();

}  // namespace muster::plan
