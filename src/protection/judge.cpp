#include "protection/judge.h"

#include <algorithm>

namespace muster::protection {
namespace {

template <class Part>
std::int64_t median(const std::vector<Extent>& extents, Part part) {
    std::vector<std::int64_t> values;
    values.reserve(extents.size());
    for (const auto& extent : extents) {
        values.push_back(part(extent));
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

std::int64_t files_of(const Extent& extent) {
    return extent.files;
}

std::int64_t bytes_of(const Extent& extent) {
    return extent.bytes.bytes;
}

std::string with_retry(const Trouble& trouble) {
    return trouble.error + "; tried again at " + format_wall(trouble.retry_at);
}

}  // namespace

std::optional<std::string> doubt(const std::vector<Extent>& before, const Extent& now) {
    const auto files = before.empty() ? -1 : median(before, files_of);
    const auto bytes = before.empty() ? -1 : median(before, bytes_of);
    const bool is_known_empty = files == 0 || bytes == 0;
    if ((now.files == 0 || now.bytes.bytes == 0) && !is_known_empty) {
        return "it is empty: " + std::to_string(now.files) + " files, " + human_size(now.bytes);
    }
    if (now.files < files - now.files) {
        return "it has " + std::to_string(now.files) + " files, where " + std::to_string(files) +
               " were usual";
    }
    if (now.bytes.bytes < bytes - now.bytes.bytes) {
        return "it has " + human_size(now.bytes) + ", where " + human_size(ByteCount{bytes}) +
               " were usual";
    }
    return std::nullopt;
}

Duration allowed_age(const plan::Backup& backup) {
    const auto trials = backup.verify ? backup.verify->period() : Duration{};
    const auto all = trials + backup.schedule.period() + backup.jitter;
    return all + all / 10;
}

Standing judge(const Job& job, const JobRecord& record, WallTime now) {
    Standing standing;
    // The backup itself and its trial take their time, too.
    standing.allowed = allowed_age(job.backup) + 2 * (record.good ? record.good->took : Duration{});
    const auto& verified = record.verified;
    // A time in the future is no evidence: the clock was put back.
    if (verified && verified->at <= now) {
        standing.verified_age = now - verified->at;
    }
    const bool is_past = verified && verified->epoch < job.epoch;
    const bool is_late = standing.verified_age && *standing.verified_age > standing.allowed;
    standing.is_protected = standing.verified_age && !is_past && !is_late;
    standing.state = "protected";
    if (!verified) {
        standing.state = "unverified";
        standing.detail = record.good ? "no restore was verified yet" : "nothing was backed up yet";
    } else if (!standing.verified_age) {
        standing.state = "unverified";
        standing.detail = "the verified backup is of the future: was the clock put back?";
    } else if (is_past) {
        standing.state = "exposed";
        standing.detail = "no verified backup since the service moved to " + job.site.str();
    } else if (is_late) {
        standing.state = "overdue";
        standing.detail = "the newest verified backup is " +
                          human_duration(*standing.verified_age) + " old; " +
                          human_duration(standing.allowed) + " are allowed";
    }
    if (record.doubtful) {
        standing.state = "suspicious";
        standing.detail = "snapshot " + record.doubtful->snapshot.substr(0, 8) + ": " +
                          record.doubt + "; muster backups accept " + job.id.service.str() + "/" +
                          job.id.component.str();
    } else if (record.backup.failures > 0) {
        standing.state = "failed";
        standing.detail = with_retry(record.backup);
    } else if (record.trial.failures > 0) {
        standing.state = "failed";
        standing.detail = "restoring it failed: " + with_retry(record.trial);
    }
    return standing;
}

bool may_forget(const JobRecord& record) {
    if (record.doubtful || !record.good) {
        return false;
    }
    const bool is_newest_verified =
        record.verified && record.verified->snapshot == record.good->snapshot;
    return !record.is_forget_held || is_newest_verified;
}

}  // namespace muster::protection
