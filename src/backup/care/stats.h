#pragma once

#include <cstdint>
#include <vector>

#include "backup/repository.h"
#include "backup/snapshot.h"

namespace muster::backup {

/// What is counted (restic's modes).
enum class StatsMode : std::uint8_t {
    kRestoreSize,      ///< What restoring each of the snapshots would write.
    kFilesByContents,  ///< Each file once, however often its content occurs.
    kBlobsPerFile,     ///< The blobs of each path once.
    kRawData,          ///< Blobs as they are stored, each once.
};

struct Stats {
    std::uint64_t bytes = 0;
    std::uint64_t plain_bytes = 0;       ///< kRawData: before compression.
    std::uint64_t compressed_bytes = 0;  ///< kRawData: of these, as stored, those compressed …
    std::uint64_t compressed_plain = 0;  ///< … and before.
    std::uint64_t files = 0;
    std::uint64_t blobs = 0;
};

/// Counts. kCorrupt when a tree can't be read. The index is loaded.
Result<Stats> count_stats(const Repository& repository, const std::vector<const Snapshot*>& chosen,
                          StatsMode mode);

}  // namespace muster::backup
