#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "backup/blob_writer.h"
#include "backup/care/index_files.h"
#include "backup/care/prune_plan.h"
#include "backup/repository_lock.h"

namespace muster::backup {

/// Who is told by a prune. Called by one thread at a time.
class PruneObserver {
  public:
    virtual ~PruneObserver() = default;
    virtual void on_step(const std::string& what) = 0;
    /// What will be done, before anything is.
    virtual void on_plan(const PrunePlan& plan) = 0;
    /// A file that the store does not let go, or somebody who wrote although we held the lock.
    virtual void on_error(const Error& error) = 0;
    virtual void on_progress(const std::string& what, std::uint64_t done, std::uint64_t all) = 0;
};

/// Removes what no snapshot uses. `docs/design/repository.md`, "Prune and paused writers", says why
/// no used blob is ever lost by it, whenever it is interrupted and whoever else writes.
class Prune {
  public:
    /// The caller holds `lock`, exclusively, and keeps it renewed.
    Prune(Repository& repository, RepositoryLock& lock, PruneSettings settings,
          PruneObserver& observer)
        : repository_(repository),
          lock_(lock),
          settings_(std::move(settings)),
          observer_(observer) {}

    /// How many files could not be removed or were written by others meanwhile: 0 is good. kCorrupt
    /// when something used is missing, kConflict when the repository is not what was seen at first:
    /// then nothing was removed.
    Result<std::size_t> run();

  private:
    Result<PrunePlan> plan();
    Result<PrunePlan> plan_around_locks();
    Result<bool> find_locked_packs(const PrunePlan& plan);
    Result<bool> find_locked_indexes(const PrunePlan& plan);
    Result<bool> is_locked(const StoredName& name);
    Result<std::vector<const IndexFiles::File*>> choose_old_indexes(const PrunePlan& plan);
    Result<> mark_used();
    Result<> repack(const PrunePlan& plan);
    Result<> write_indexes(const PrunePlan& plan);
    Result<> check_unchanged();
    Result<> remove_indexes();
    Result<> remove_pack(const ObjectId& pack, std::size_t number);
    [[nodiscard]] unsigned calls_at_once(std::size_t calls) const;
    Result<> remove_packs(const PrunePlan& plan);
    Result<> look_for_intruders();
    Result<bool> remove(const StoredName& name);

    Repository& repository_;
    RepositoryLock& lock_;
    PruneSettings settings_;
    PruneObserver& observer_;
    IndexFiles indexes_;
    std::vector<Listed> packs_;          // As they were listed at first, sorted.
    std::vector<Listed> snapshots_;      //
    std::vector<ObjectId> old_indexes_;  // To be removed, sorted.
    std::vector<ObjectId> new_indexes_;  // Ours.
    std::unique_ptr<EntrySet> used_;
    std::map<StoredName, bool> looked_at_;  // Whether the store keeps it for a time.
    WallTime locked_until_{};               // The last of these times.
    std::mutex mutex_;  // Of the observer, of the number of problems, of what is locked.
    std::size_t problems_ = 0;
};

/// Puts a sealed blob into `writer` compressed, when that makes it smaller; else as it is. Its
/// content is compared with its id.
Result<> put_compressed(const Repository& repository, BlobWriter& writer, const PackedBlob& blob,
                        ByteView sealed, Compression compression);

/// Writes an index of these packs, in files of restic's size; their names.
Result<std::vector<ObjectId>> save_indexes(const Repository& repository,
                                           std::vector<IndexedPack> packs);

}  // namespace muster::backup
