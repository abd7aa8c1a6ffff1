#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "decide/decide.h"

namespace muster::decide {

/// How a decision names things to people; internal to this folder.
std::string_view word(probe::Health health);
std::string_view word(probe::Evidence evidence);
std::string_view word(plan::FenceClass fence);
/// "orders@east", "web@east#10.0.1.10": the service goes without saying.
std::string name_of(const probe::TargetId& target);
/// "3 of 5 votes", "1 vote": a count with its noun.
std::string count(int number, std::string_view noun);
/// "a, b and c".
std::string listing(const std::vector<std::string>& items);

}  // namespace muster::decide
