#pragma once

#include "plan/model.h"

namespace muster::plan {

/// How long evidence must hold, from the first bad sample, before a service moves by itself:
/// docs/reference/presets.md. The only place that has these numbers.
struct Holds {
    Duration hard{};             ///< Hard failures.
    Duration silence{};          ///< Silence, and a witness has lost the primary too.
    Duration without_witness{};  ///< Silence that no witness speaks to.
};

/// The preset's, or `hold` where the plan gives it.
Holds holds_of(const FailoverPolicy& policy);

}  // namespace muster::plan
