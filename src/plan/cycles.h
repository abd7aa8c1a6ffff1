#pragma once

#include <map>
#include <string>
#include <vector>

namespace muster::plan {

/// Who needs whom, by name. Names that are not keys themselves are ignored.
using Needs = std::map<std::string, std::vector<std::string>>;

/// One cycle of each knot, as the names along it (the first is not repeated at the end).
std::vector<std::vector<std::string>> find_cycles(const Needs& needs);
/// All that `name` needs, directly or through others.
std::vector<std::string> all_needed(const Needs& needs, const std::string& name);

}  // namespace muster::plan
