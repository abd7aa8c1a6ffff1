#pragma once

#include <vector>

#include "backup/care/index_files.h"
#include "backup/repository_lock.h"

namespace muster::backup {

/// What a repair of packs did.
struct PackRepair {
    std::uint64_t saved = 0;       ///< Blobs that are good and went into new packs.
    std::vector<PackedBlob> lost;  ///< Blobs of these packs that no pack has whole now.
    std::vector<ObjectId>
        not_damaged;  ///< Packs that were named although nothing is wrong with them.
};

/// Takes damaged packs out of the index: their good blobs are put into new packs first. The damaged
/// files stay until the next prune. The caller holds the lock, exclusively.
Result<PackRepair> repair_packs(Repository& repository, RepositoryLock& lock,
                                const std::vector<ObjectId>& packs);

}  // namespace muster::backup
