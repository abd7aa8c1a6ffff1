#pragma once

#include <span>
#include <vector>

#include "backup/care/entry_set.h"
#include "backup/repository.h"

namespace muster::backup {

/// Who is told by a walk over trees. Called by many threads at once.
class WalkObserver {
  public:
    virtual ~WalkObserver() = default;
    /// A tree that no copy can be read of.
    virtual void on_bad_tree(const ObjectId& tree, const Error& error) = 0;
    /// A node that is no good: a directory without a tree, a piece of a file in no pack.
    virtual void on_bad_node(const ObjectId& tree, const Node& node, const Error& error) = 0;
};

/// Goes through all trees below `roots`, each once, and puts the first entry of every blob that is
/// reached into `reached`, trees and contents. kCancelled when told to stop; kUnavailable and the
/// like when the store can't be read.
Result<> mark_reachable(const Repository& repository, std::span<const ObjectId> roots,
                        EntrySet& reached, WalkObserver& observer);

}  // namespace muster::backup
