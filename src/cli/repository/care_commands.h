#pragma once

#include <array>
#include <string>
#include <vector>

#include "backup/codec/compressor.h"
#include "backup/forget_policy.h"
#include "backup/repository_lock.h"
#include "cli/repository/session.h"

namespace muster::cli {

/// `--host`, `--tag`, `--path`.
struct FilterOptions {
    std::vector<std::string> hosts;
    std::vector<std::string> tags;
    std::vector<std::string> paths;
    [[nodiscard]] backup::SnapshotFilter make() const;
};

struct CheckOptions {
    bool is_data_read = false;   ///< `--read-data`
    std::string data_subset;     ///< `--read-data-subset`
    bool is_cache_used = false;  ///< `--with-cache`
    bool is_unused_checked = false;
};
int run_check(Session& session, const CheckOptions& options);  // check_command.cpp

struct PruneOptions {
    std::string max_unused = "5%";
    std::string max_repack;
    std::string recover_id;  ///< `--unsafe-recover-no-free-space`: the repository's id
    bool is_small_repacked = false;
    bool is_cacheable_only = false;
    bool is_uncompressed_repacked = false;
    bool is_dry_run = false;
};
int run_prune(Session& session, const PruneOptions& options);  // prune_command.cpp

/// A repository and the exclusive lock that is held of it.
struct LockedRepository {
    backup::Repository& repository;
    backup::RepositoryLock& lock;
    bool is_anybody_paused = false;  ///< Before, a lock lay there that had not been renewed.
};
/// Whether the options make sense. kInvalid.
Result<> check_prune(Session& session, const PruneOptions& options);
/// Prunes; a dry run takes the snapshots `forgotten` for removed. How many problems it told.
Result<std::size_t> prune_under_lock(Session& session, const PruneOptions& options,
                                     LockedRepository locked,
                                     std::vector<backup::ObjectId> forgotten);
/// Whether a lock lies there whose owner may only stand still: asked before locking.
Result<bool> is_anybody_paused(const backup::Repository& repository);

struct ForgetOptions {
    std::vector<std::string> ids;
    std::array<std::string, backup::kPeriods> counts;  ///< `--keep-last` … as they were given
    std::array<std::string, backup::kPeriods> within;  ///< `--keep-within` …
    std::vector<std::string> keep_tags;
    std::string group_by = "host,paths";
    FilterOptions filter;
    PruneOptions prune;  ///< Its `is_dry_run` is for all of it.
    bool is_pruned = false;
    bool is_compact = false;
    bool may_remove_all = false;
};
int run_forget(Session& session, const ForgetOptions& options);  // forget_command.cpp

struct CopyOptions {
    std::vector<std::string> ids;
    FilterOptions filter;
    RepositoryPlace source;  ///< `--from-repo` and its like
};
int run_copy(Session& session, const CopyOptions& options);  // copy_command.cpp

struct RepairOptions {
    std::vector<std::string> ids;
    FilterOptions filter;
    bool is_all_read = false;   ///< `--read-all-packs`
    bool is_forgotten = false;  ///< `--forget`
    bool is_dry_run = false;
};
int run_repair_index(Session& session, const RepairOptions& options);      // repair_command.cpp
int run_repair_packs(Session& session, const RepairOptions& options);      //
int run_repair_snapshots(Session& session, const RepairOptions& options);  //

struct StatsOptions {
    std::vector<std::string> ids;
    FilterOptions filter;
    std::string mode = "restore-size";
};
int run_stats(Session& session, const StatsOptions& options);  // stats_command.cpp

/// The snapshots of these names, or without names those that the filter allows, the oldest first.
Result<backup::Chosen> choose_snapshots(const std::vector<backup::Snapshot>& all,
                                        const std::vector<std::string>& ids,
                                        const FilterOptions& options);
/// What `--compression` says.
backup::Compression compression_of(const RepositoryOptions& options);
/// A snapshot as restic prints it: its JSON with `id` and `short_id`.
std::string snapshot_json(const backup::Snapshot& snapshot);

}  // namespace muster::cli
