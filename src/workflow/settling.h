#pragma once

#include "workflow/machine.h"

namespace muster::workflow {

/// The work of one `take`: the moment, and what has come of it so far.
struct Machine::Settling {
    WallTime at{};
    Duration after{};
    Reaction reaction;
};

}  // namespace muster::workflow
