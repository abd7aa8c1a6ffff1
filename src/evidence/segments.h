#pragma once

#include <string_view>
#include <vector>

#include "workflow/run.h"

namespace muster::evidence {

/// One part of a recovery time, on the report's axis.
struct Segment {
    std::string_view name;  ///< "detect", …, "users back".
    Duration from{};
    Duration to{};
};

/// Where things stand on the report's axis. It begins with the first bad sample, or with the run
/// when there was none (a planned move).
struct Axis {
    Duration run_began{};  ///< The run's own zero.
    Duration outage{};     ///< The outage's begin: the first bad sample, or the first fence.
    bool has_outage = false;
    std::vector<Segment> segments;  ///< Those that were measured, in order.
};
Axis axis_of(const workflow::Run& run);

/// When a step's work was done, on the run's clock: its end, or, where it looked on for longer, the
/// first good answer that it saw (`first_good_ms`).
Duration end_of(const workflow::StepState& state);

/// Where a step stands; nullptr when the run knows nothing of it.
const workflow::StepState* state_of(const workflow::Run& run, const plan::Step& step);

}  // namespace muster::evidence
