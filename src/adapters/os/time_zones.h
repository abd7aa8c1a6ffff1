#pragma once

#include <vector>

#include "plan/load.h"
#include "protection/job.h"

namespace muster::adapters {

/// The system's time zone database: $TZDIR, else /usr/share/zoneinfo.
class SystemTimeZones final : public protection::TimeZones {
  public:
    /// kNotFound when there is no such zone; kCorrupt when its file can't be read.
    Result<protection::TimeZone> find(const std::string& name) override;
};

/// An error for each backup of the plan whose time zone this machine does not know.
std::vector<plan::Diagnostic> unknown_zones(const plan::Plan& plan);

}  // namespace muster::adapters
