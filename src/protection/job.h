#pragma once

#include <string>

#include "base/fields.h"
#include "plan/protection.h"
#include "protection/record.h"
#include "protection/time_zone.h"

namespace muster::protection {

/// One component's backup to one repository, as the plan and the service's primacy have it now.
struct Job {
    JobId id;
    plan::Backup backup;
    plan::Repository repository;
    SiteId site;      ///< Where the data is read.
    Epoch epoch;      ///< The service's.
    std::string ssh;  ///< How that site's host is reached; empty: it is this one.
    std::string run_as;
    Fields variables;  ///< For `${…}` in what is run.
    std::string hold;  ///< Why nothing may begin now; empty: it may.
};

/// Port: what the system knows of a time zone. kNotFound.
class TimeZones {
  public:
    virtual ~TimeZones() = default;
    virtual Result<TimeZone> find(const std::string& name) = 0;
};

}  // namespace muster::protection
