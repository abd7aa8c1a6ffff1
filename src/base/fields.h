#pragma once

#include <map>
#include <string>

namespace muster {

/// Names and texts at an untyped edge: facts of a probe, parameters and outputs of a step. The unit
/// ends the name: `lag_bytes`, `took_ms`. Sorted, so that everything printed from it is stable.
using Fields = std::map<std::string, std::string>;

}  // namespace muster
