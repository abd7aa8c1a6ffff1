#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backup/bytes.h"
#include "backup/codec/seal.h"
#include "backup/object_id.h"
#include "base/result.h"

namespace muster::backup {

/// What a blob holds: a piece of a file, or the JSON of a directory.
enum class BlobType : std::uint8_t { kData, kTree };

/// "data" or "tree".
std::string_view to_string(BlobType type);

/// A blob where it lies in a pack.
struct PackedBlob {
    ObjectId id;
    BlobType type = BlobType::kData;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;        ///< As it is stored: sealed.
    std::uint32_t plain_length = 0;  ///< Of the content, when it is compressed; else 0.

    [[nodiscard]] bool is_compressed() const { return plain_length != 0; }
    /// Bytes of its content.
    [[nodiscard]] std::uint32_t content_length() const {
        return is_compressed() ? plain_length
                               : length - static_cast<std::uint32_t>(Sealer::kOverhead);
    }
    auto operator<=>(const PackedBlob&) const = default;
};

/// A pack's own name and its blobs, in the order of their offsets.
struct IndexedPack {
    ObjectId id;
    std::vector<PackedBlob> blobs;
};

constexpr std::uint32_t kPackLengthField = 4;  ///< The header's length, little-endian, ends a pack.
constexpr std::size_t kLargestPackHeader = (16U << 20U) + 4;

/// The plain header of a pack with these blobs (restic's design document, "Pack Format").
Buffer encode_pack_header(std::span<const PackedBlob> blobs);
/// Its blobs, with the offsets that follow from their order. kCorrupt.
Result<std::vector<PackedBlob>> decode_pack_header(ByteView header);
/// The size of the whole pack with these blobs.
std::uint64_t pack_size(std::span<const PackedBlob> blobs);

}  // namespace muster::backup
