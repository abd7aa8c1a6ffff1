#pragma once

#include <functional>
#include <span>
#include <string>

#include "backup/format/pack_header.h"

namespace muster::backup {

/// The JSON of an index file (restic's design document, "Indexing").
std::string encode_index(std::span<const IndexedPack> packs);

/// Hands each pack of an index to `take`, which may move the blobs out. Unknown fields are passed
/// over. kCorrupt; packs before the damage have been handed out by then.
Result<> decode_index(const Buffer& json, const std::function<void(IndexedPack&)>& take);

}  // namespace muster::backup
