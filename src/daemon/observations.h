#pragma once

#include <string>

#include "agent/replay.h"
#include "daemon/data_directory.h"
#include "plan/schema.h"

namespace muster::daemon {

/// Where in the data directory the record of observations stands: its segments, and the plans that
/// were in force meanwhile, "plan-DIGEST.yaml".
inline constexpr const char* kObservations = "observations";

/// Keeps a copy of the plan file that was put in force, for a later replay. kConflict when the file
/// is another one by now.
Result<> keep_plan(const DataDirectory& data, const std::string& path, const plan::Plan& plan,
                   const plan::Vocabulary& vocabulary);

/// A replay of what the data directory holds; `wanted` lacks its segments and plans.
Result<agent::Replay> replay_directory(const std::string& data, agent::ReplayOf wanted,
                                       const plan::Vocabulary& vocabulary);

}  // namespace muster::daemon
