#pragma once

#include <vector>

#include "backup/codec/seal.h"
#include "backup/format/pack_header.h"

namespace muster::backup {

/// The packs of one index file as the local cache keeps them: quick to read, sealed with the
/// repository's key. The form may change at any time: what is not understood is read anew.
Buffer seal_cached_index(const Sealer& sealer, const Iv& iv, const std::vector<IndexedPack>& packs);

/// kCorrupt when it is not ours or damaged.
Result<std::vector<IndexedPack>> open_cached_index(const Sealer& sealer, const Buffer& sealed);

}  // namespace muster::backup
