#pragma once

#include "plan/schedule.h"
#include "protection/time_zone.h"

namespace muster::protection {

/// The first time after `after` at which the schedule comes. At a change of the clocks each time
/// of a day comes once: one that is left out comes as long after the change, one that is shown
/// twice comes the first time. Pure.
WallTime next_after(const plan::Schedule& schedule, const TimeZone& zone, WallTime after);

}  // namespace muster::protection
