#pragma once

#include <optional>
#include <string>

#include "protection/job.h"

namespace muster::protection {

/// Why a backup of that extent can't be trusted: it is empty, or its files or bytes have fallen by
/// more than half against the median of the newest that counted. Nothing: it can.
/// Source of the rule: GitLab's outage of 2017-01-31, whose dumps had been empty for days while
/// the job's status was success.
std::optional<std::string> doubt(const std::vector<Extent>& before, const Extent& now);

/// What a job is worth at one moment.
struct Standing {
    std::string state;   ///< "protected", "exposed", "unverified", "overdue", "suspicious",
                         ///< "failed"; the first four say what there is, the others go before.
    std::string detail;  ///< One line: why it is not "protected".
    bool is_protected = false;
    /// The measured RPO: the age of the data of the newest snapshot whose restore was verified.
    /// Nothing: unknown.
    std::optional<Duration> verified_age;
    Duration allowed{};  ///< The most that `verified_age` may be.
};

/// Pure. `present` is the service's epoch: what was read before a move is the past primary's, and
/// protects the new one only once it has been verified itself. Missing evidence protects nothing.
Standing judge(const Job& job, const JobRecord& record, WallTime now);

/// How old the newest verified data may be: a period of trials and one of backups, and a tenth;
/// `judge` adds twice what the newest backup took.
Duration allowed_age(const plan::Backup& backup);

/// Whether old snapshots may be forgotten after the newest backup: never while that is doubtful,
/// and after a long gap only once it was verified.
bool may_forget(const JobRecord& record);

}  // namespace muster::protection
