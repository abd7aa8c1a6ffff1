#pragma once

#include <stop_token>

#include "backup/archive/scan.h"
#include "backup/restore/restorer.h"

namespace muster::backup {

/// Counts what a restore of the tree goes through, directories too, for whoever wants to know how
/// much is left while that runs beside it. A damaged tree counts nothing. False when it was
/// stopped. `selection` may be nothing.
bool scan_tree(const Repository& repository, const ObjectId& tree,
               const RestoreSelection* selection, ScanCounts& counts, const std::stop_token& stop);

}  // namespace muster::backup
