#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "backup/blob_writer.h"
#include "backup/repository_lock.h"
#include "backup/snapshot.h"

namespace muster::backup {

/// Who is told by a repair of snapshots.
class RepairObserver {
  public:
    virtual ~RepairObserver() = default;
    /// Something at this path will be without what is lost.
    virtual void on_change(const Snapshot& snapshot, const std::string& path,
                           const std::string& what) = 0;
    /// The snapshot was made anew as `made` (nothing in a dry run).
    virtual void on_repaired(const Snapshot& snapshot, const std::optional<ObjectId>& made) = 0;
    /// Nothing of the snapshot can be read; it was removed if that was asked for.
    virtual void on_hopeless(const Snapshot& snapshot, bool is_removed) = 0;
};

struct RepairSettings {
    bool is_forgotten = false;  ///< Remove the snapshots that were made anew.
    bool is_dry_run = false;
};

/// Makes snapshots anew without what is lost, by restic's rules (0.16, `repair snapshots`): a file
/// loses its missing pieces, a directory whose tree can't be read becomes empty, what has no valid
/// type goes. Trees in which nothing is wrong stay byte for byte. The new snapshot names the old
/// one as `original` and has the tag "repaired" unless the old one is removed.
class SnapshotRepair {
  public:
    /// The caller has loaded the index and holds `lock`, exclusively.
    SnapshotRepair(Repository& repository, RepositoryLock& lock, RepairSettings settings,
                   RepairObserver& observer)
        : repository_(repository), lock_(lock), settings_(settings), observer_(observer) {}

    /// How many snapshots were (or would be) changed or removed.
    Result<std::size_t> run(const std::vector<const Snapshot*>& chosen);

  private:
    /// A snapshot and its new tree; nothing: it is hopeless.
    struct Change {
        const Snapshot* snapshot = nullptr;
        std::optional<ObjectId> tree;
    };

    Result<> rewrite_all(const std::vector<const Snapshot*>& chosen, BlobWriter& writer);
    Result<std::optional<ObjectId>> rewrite(const ObjectId& tree, const std::string& path);
    Result<bool> rewrite_entry(const Node& node, const std::string& path, std::string& text);
    Result<ObjectId> save_tree(const std::string& text);
    Result<> replace(const Change& change);

    Repository& repository_;
    RepositoryLock& lock_;
    RepairSettings settings_;
    RepairObserver& observer_;
    BlobWriter* writer_ = nullptr;
    const Snapshot* current_ = nullptr;
    std::unordered_map<ObjectId, std::optional<ObjectId>>
        done_;  // Trees seen, and what they became.
    std::vector<Change> changes_;
};

/// The texts of a tree's entries, as they stand in it. kCorrupt when it is no tree.
Result<std::vector<std::string_view>> split_tree(std::string_view json);

}  // namespace muster::backup
