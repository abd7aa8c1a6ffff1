#pragma once

#include <string>
#include <vector>

#include "adapters/os/unique_fd.h"
#include "base/result.h"

namespace muster::adapters {

/// The names in an open directory, without "." and "..", from its first one on. `path` is for
/// messages.
Result<std::vector<std::string>> read_names(UniqueFd directory, const std::string& path);

}  // namespace muster::adapters
