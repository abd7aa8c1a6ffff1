#pragma once

#include "plan/model.h"
#include "plan/node.h"
#include "plan/schema.h"

namespace muster::plan {

/// The model of a tree. Parts that are missing or do not fit take their defaults, so that the rules
/// of meaning can still look at the rest.
Plan build(const Node& document, const Vocabulary& vocabulary);

}  // namespace muster::plan
