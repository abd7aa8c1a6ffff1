#pragma once

#include <string>
#include <vector>

#include "backup/blob_writer.h"
#include "backup/care/entry_set.h"
#include "backup/repository_lock.h"
#include "backup/snapshot.h"

namespace muster::backup {

/// Who is told by a copy. Called by one thread at a time.
class CopyObserver {
  public:
    virtual ~CopyObserver() = default;
    /// The target has this snapshot as `there` already.
    virtual void on_skipped(const Snapshot& snapshot, const ObjectId& there) = 0;
    virtual void on_copied(const Snapshot& snapshot, const ObjectId& there) = 0;
    /// The snapshot is damaged in the source and is left out.
    virtual void on_error(const Snapshot& snapshot, const Error& error) = 0;
    virtual void on_progress(std::uint64_t done_packs, std::uint64_t all_packs) = 0;
};

/// Whether a snapshot in the target is a copy of one in the source (restic's rule: the same origin,
/// and alike in all but parent, original and who wrote it).
bool is_copy_of(const Snapshot& there, const Snapshot& source);

/// Copies snapshots into another repository: the blobs that are not there, sealed with its key,
/// then the snapshots. Both have their index loaded; the target is locked by the caller.
class SnapshotCopy {
  public:
    SnapshotCopy(const Repository& source, Repository& target, RepositoryLock& target_lock,
                 WriterSettings writing, CopyObserver& observer)
        : source_(source),
          target_(target),
          target_lock_(target_lock),
          writing_(writing),
          observer_(observer) {}

    /// Copies those of `chosen` that are not among `there`, the target's. How many were damaged.
    Result<std::size_t> run(const std::vector<const Snapshot*>& chosen,
                            const std::vector<Snapshot>& there);
    [[nodiscard]] const WriterTotals& totals() const { return totals_; }

  private:
    Result<> choose(const std::vector<const Snapshot*>& chosen, const std::vector<Snapshot>& there);
    Result<> leave_damaged_out();
    Result<> copy_blobs();
    Result<> copy_blob(BlobWriter& writer, const PackedBlob& blob, ByteView sealed) const;
    Result<> save_snapshots();

    const Repository& source_;
    Repository& target_;
    RepositoryLock& target_lock_;
    WriterSettings writing_;
    CopyObserver& observer_;
    std::vector<const Snapshot*> missing_;
    std::unique_ptr<EntrySet> wanted_;
    std::size_t damaged_ = 0;
    WriterTotals totals_;
};

}  // namespace muster::backup
