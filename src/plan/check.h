#pragma once

#include "plan/findings.h"
#include "plan/node.h"
#include "plan/schema.h"

namespace muster::plan {

/// Walks a tree by its type and reports every place where they disagree. Accepts exactly what the
/// JSON Schema of `type` accepts (tests/schema_corpus.py holds both to the same corpus). False when
/// a list or map is over its limit: then nothing that costs more than one walk should follow.
bool check_structure(const Node& node, const Type& type, Findings& findings);

/// The fields that `node` may have under a kObject or kTagged type, in the type's order; with the
/// variant that its tag or its one key of `exactly_one_of` picks.
std::vector<const Field*> fields_for(const Node& node, const Type& type);

}  // namespace muster::plan
