#pragma once

#include <atomic>
#include <stop_token>

#include "backup/archive/archiver.h"

namespace muster::backup {

/// What a scan has found so far; may be looked at while it runs.
struct ScanCounts {
    std::atomic<std::uint64_t> entries{0};  ///< Files and others but directories.
    std::atomic<std::uint64_t> bytes{0};    ///< Of the files.
};

/// Counts what an archive with these settings goes through, for whoever wants to know how much is
/// left while that runs beside it. One directory is open at a time; what can't be read counts
/// nothing. False when it was stopped, or when devices are read, whose sizes nobody knows.
bool scan_targets(Source& source, const ArchiveSettings& settings, ScanCounts& counts,
                  const std::stop_token& stop);

}  // namespace muster::backup
