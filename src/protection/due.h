#pragma once

#include <optional>

#include "protection/job.h"

namespace muster::protection {

/// What the times of a job are reckoned from besides its record.
struct Moment {
    WallTime now{};
    WallTime started{};  ///< This node's start: what it missed before comes soon after it.
};

/// When the next backup begins. A time that was missed comes once, soon; after a move of the
/// service, and after a failure, the schedule is not waited for. Pure; the jitter follows from the
/// job's name and the time, so that it does not change from one look to the next.
WallTime backup_due(const Job& job, const JobRecord& record, const TimeZone& zone,
                    const Moment& moment);
/// When the newest backup is restored as a trial: at once where nothing was verified since the
/// service is where it is, else by the schedule. Nothing: there is nothing to try, or it is never.
std::optional<WallTime> trial_due(const Job& job, const JobRecord& record, const TimeZone& zone,
                                  const Moment& moment);
/// Whether the next backup reads everything again.
bool is_full_due(const Job& job, const JobRecord& record, const TimeZone& zone, WallTime now);
/// When a repository is checked or pruned, by a schedule in UTC.
struct Upkeep {
    WallTime last{};  ///< When it was, or when the repository was first seen.
    const Trouble& trouble;
};
WallTime upkeep_due(const plan::Schedule& schedule, const Upkeep& upkeep, WallTime now);

/// The pause after so many failures in a row: a minute, doubled each time up to an hour, but never
/// longer than a period.
Duration pause_after(int failures, Duration period);

/// Whether the time since the backup before is so long that nothing may be forgotten untried.
bool is_long_gap(const plan::Backup& backup, std::optional<WallTime> before, WallTime now);

}  // namespace muster::protection
