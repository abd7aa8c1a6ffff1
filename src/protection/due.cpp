#include "protection/due.h"

#include <algorithm>

#include "base/random.h"
#include "protection/calendar.h"

namespace muster::protection {
namespace {

constexpr Duration kFirstPause = std::chrono::minutes(1);
constexpr Duration kLongestPause = std::chrono::hours(1);
constexpr Duration kLongGap = std::chrono::hours(24 * 7);

WallTime::duration micros(Duration duration) {
    return std::chrono::duration_cast<WallTime::duration>(duration);
}

Duration jitter_of(const Job& job, WallTime when) {
    const auto most = static_cast<std::uint64_t>(job.backup.jitter.count());
    if (most == 0) {
        return {};
    }
    const auto seed =
        stable_hash(job.id.str() + "@" + std::to_string(when.time_since_epoch().count()));
    return Duration(static_cast<std::int64_t>(seed % most));
}

/// A record of the future is a clock that was put back: nothing waits for that time to come again,
/// so it is due at once.
WallTime after(const plan::Schedule& schedule, const TimeZone& zone, WallTime last, WallTime now) {
    return last > now ? now : next_after(schedule, zone, last);
}

WallTime retry_of(const Trouble& trouble, WallTime now) {
    return trouble.retry_at > now + micros(kLongestPause) ? now : trouble.retry_at;
}

}  // namespace

Duration pause_after(int failures, Duration period) {
    const int doublings = std::clamp(failures - 1, 0, 10);
    return std::min({kFirstPause * (1 << doublings), kLongestPause, std::max(period, Duration(1))});
}

WallTime backup_due(const Job& job, const JobRecord& record, const TimeZone& zone,
                    const Moment& moment) {
    if (record.backup.failures > 0) {
        return retry_of(record.backup, moment.now);
    }
    const bool is_first = !record.covered;
    const auto newest = std::max(record.good ? record.good->epoch : Epoch{},
                                 record.doubtful ? record.doubtful->epoch : Epoch{});
    const bool has_moved = !is_first && newest < job.epoch;
    const auto since = record.covered.value_or(record.first_seen);
    const bool is_at_once = has_moved || (is_first && job.backup.schedule.every);
    const auto due = is_at_once ? std::min(since, moment.now)
                                : after(job.backup.schedule, zone, since, moment.now);
    if (due == WallTime::max()) {
        return due;
    }
    return std::max(due, std::min(moment.started, moment.now)) + micros(jitter_of(job, due));
}

std::optional<WallTime> trial_due(const Job& job, const JobRecord& record, const TimeZone& zone,
                                  const Moment& moment) {
    if (!job.backup.verify || !record.good) {
        return std::nullopt;
    }
    if (record.trial.failures > 0) {
        return retry_of(record.trial, moment.now);
    }
    const bool is_lacking =
        !record.verified || !record.tried || record.verified->epoch < record.good->epoch ||
        (record.is_forget_held && record.verified->snapshot != record.good->snapshot);
    if (is_lacking) {
        return std::min(record.good->at, moment.now);
    }
    const auto due = after(*job.backup.verify, zone, *record.tried, moment.now);
    return std::max(due, std::min(moment.started, moment.now));
}

bool is_full_due(const Job& job, const JobRecord& record, const TimeZone& zone, WallTime now) {
    if (!job.backup.full) {
        return false;
    }
    return after(*job.backup.full, zone, record.full.value_or(record.first_seen), now) <= now;
}

WallTime upkeep_due(const plan::Schedule& schedule, const Upkeep& upkeep, WallTime now) {
    if (upkeep.trouble.failures > 0) {
        return retry_of(upkeep.trouble, now);
    }
    return after(schedule, TimeZone(), upkeep.last, now);
}

bool is_long_gap(const plan::Backup& backup, std::optional<WallTime> before, WallTime now) {
    return before && now - *before > std::max(kLongGap, 3 * backup.schedule.period());
}

}  // namespace muster::protection
