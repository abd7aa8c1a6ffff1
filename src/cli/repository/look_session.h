#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "backup/snapshot_filter.h"
#include "cli/repository/session.h"

namespace muster::cli {

/// `--host`, `--tag`, `--path`: which snapshots a command is about.
struct SnapshotOptions {
    std::vector<std::string> hosts;
    std::vector<std::string> tags;
    std::vector<std::string> paths;

    [[nodiscard]] backup::SnapshotFilter filter() const;
};

/// What a command needs before it reads.
enum class Reads : std::uint8_t { kFiles, kIndex };

/// Opens the repository and runs `body` under a shared lock that is renewed all the while.
/// The exit status; what went wrong was told.
int run_locked(Session& session, Reads reads,
               const std::function<Result<int>(backup::Repository&)>& body);
/// The same under an exclusive lock; `body` verifies it right before it changes anything.
int run_changing(
    Session& session,
    const std::function<Result<int>(backup::Repository&, backup::RepositoryLock&)>& body);

/// The snapshots that are named, each once, or all that the filter lets through when none is;
/// oldest first.
Result<backup::Chosen> name_snapshots(backup::Snapshots all, std::span<const std::string> names,
                                      const backup::SnapshotFilter& filter);

/// The one stored file of a kind whose name begins so. kNotFound; kConflict when there are more.
Result<backup::ObjectId> find_stored(const backup::Repository& repository, backup::FileKind kind,
                                     const std::string& prefix);
/// The names of all files of a kind, sorted.
Result<std::vector<std::string>> stored_names(const backup::Repository& repository,
                                              backup::FileKind kind);

}  // namespace muster::cli
