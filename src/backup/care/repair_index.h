#pragma once

#include <vector>

#include "backup/care/index_files.h"
#include "backup/repository_lock.h"

namespace muster::backup {

/// What a repair of the index did.
struct IndexRepair {
    std::vector<ObjectId> dropped;     ///< Packs that the index listed and that are not there.
    std::vector<ObjectId> added;       ///< Packs that the index did not list, or not rightly.
    std::vector<ObjectId> unreadable;  ///< Packs whose header can't be read: they are in no index.
    std::size_t removed_indexes = 0;
    std::size_t written_indexes = 0;
};

/// Makes the index say what is really there: packs that are gone are dropped; those that it does
/// not list, or with another size, are read (their headers; all of them with `is_all_read`). The
/// new index is written before the old one goes. The caller holds the lock, exclusively.
Result<IndexRepair> repair_index(Repository& repository, RepositoryLock& lock, bool is_all_read);

}  // namespace muster::backup
