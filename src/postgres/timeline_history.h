#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "postgres/lsn.h"

namespace muster::postgres {

/// One line of a timeline history file (NNNNNNNN.history): `timeline` ended at `end`.
struct TimelineSwitch {
    int timeline = 0;
    Lsn end;
};

/// Oldest first. kCorrupt for a line that is none, or timelines that do not rise.
Result<std::vector<TimelineSwitch>> parse_timeline_history(std::string_view text);

/// Where the history left `timeline`; nothing when it never went through it.
std::optional<Lsn> fork_of(const std::vector<TimelineSwitch>& history, int timeline);

}  // namespace muster::postgres
