#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::plan {

/// The known name that `name` was most likely meant to be: fewest single-letter edits (insert,
/// drop, replace, swap of neighbours), at most a third of its length; empty when none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

/// "did you mean \"standby\"?", or "known here: a, b, c", or nothing when there is nothing to name.
std::string suggest(std::string_view name, const std::vector<std::string>& known);

}  // namespace muster::plan
