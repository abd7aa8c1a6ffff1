#pragma once

#include "plan/schema.h"

namespace muster::tests {

/// The words that probe types, component kinds and actions add to the plan language: those of
/// tests/plans and of the fuzz target.
plan::Vocabulary plan_vocabulary();

}  // namespace muster::tests
