#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"

namespace muster::protection {

/// A component's backup to one repository.
struct JobId {
    ServiceId service;
    ComponentId component;
    std::string repository;
    auto operator<=>(const JobId&) const = default;

    /// "shop/orders to vault".
    [[nodiscard]] std::string str() const;
};

/// How much a snapshot holds.
struct Extent {
    std::int64_t files = 0;
    ByteCount bytes;
};

/// A snapshot that was made.
struct Taken {
    std::string snapshot;
    WallTime at{};  ///< Its data is as of then: before the first byte was read.
    SiteId site;
    Epoch epoch;  ///< The service's, then: of an older one it is the past primary's data.
    Extent extent;
    ByteCount added;  ///< To the repository.
    Duration took{};
};

/// Attempts of one kind of work that failed, since it last succeeded.
struct Trouble {
    int failures = 0;
    WallTime retry_at{};
    std::string error;  ///< The newest, in one line.
};

/// What is remembered of a job, in the store.
struct JobRecord {
    static constexpr std::size_t kExtents = 5;

    WallTime first_seen{};            ///< When a plan first asked for it.
    std::optional<WallTime> covered;  ///< The begin of the newest backup that ended well.
    std::optional<Taken> good;        ///< The newest that counts.
    std::optional<Taken> verified;    ///< The newest whose restore was verified.
    std::optional<WallTime> tried;    ///< The begin of the newest trial that went well.
    std::optional<Taken> doubtful;    ///< The newest, when it waits for a person; not in `good`.
    std::string doubt;                ///< Why it does.
    std::vector<Extent> extents;      ///< Of the newest that counted, at most kExtents.
    std::optional<WallTime> full;     ///< When everything was last read.
    Trouble backup;
    Trouble trial;
    Trouble forget;
    std::int64_t failures = 0;    ///< Of backups and trials, ever.
    bool is_forget_held = false;  ///< After a long gap nothing is forgotten before a trial.
};

/// What is remembered of a repository.
struct RepositoryRecord {
    WallTime first_seen{};
    std::optional<WallTime> checked;
    std::optional<WallTime> pruned;
    Trouble check;
    Trouble prune;
};

inline constexpr std::string_view kJobsPrefix = "backups/job/";
inline constexpr std::string_view kRepositoriesPrefix = "backups/repository/";
std::string key_of(const JobId& job);
std::string repository_key(const std::string& repository);

std::string encode(const JobRecord& record);
std::string encode(const RepositoryRecord& record);
/// kCorrupt when the text is no such record.
Result<JobRecord> decode_job(const std::string& text);
Result<RepositoryRecord> decode_repository(const std::string& text);

}  // namespace muster::protection
