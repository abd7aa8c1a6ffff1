#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::adapters {

/// Words as a shell splits them: at blanks, with '…', "…" and \ to keep what is special; nothing is
/// expanded. kInvalid when a quote is left open.
Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace muster::adapters
