#pragma once

#include <string>

#include "probe/verdict.h"

namespace muster::component {

/// True when it can never follow this primary again as it is: another cluster, or another history.
bool has_forked(const probe::Verdict& its, const probe::Verdict& primary);

/// Why a standby that answers protects nothing: it does not follow the primary. With the cause
/// where the facts tell it (another timeline, WAL that the primary has removed) and the command
/// that mends it. Empty while it follows, or while nobody can tell.
std::string standby_trouble(const probe::TargetId& standby, const probe::Verdict& its,
                            const probe::Verdict& primary);

}  // namespace muster::component
