#include "backup/format/pack_header.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace muster::backup {

namespace {

constexpr std::size_t kPlainEntry = 1 + 4 + ObjectId::kSize;
constexpr std::size_t kCompressedEntry = kPlainEntry + 4;
constexpr std::uint8_t kCompressedBit = 2;  // 0 data, 1 tree; 2 and 3 are the same, compressed.

std::size_t entry_size(bool is_compressed) {
    return is_compressed ? kCompressedEntry : kPlainEntry;
}

void append_number(Buffer& out, std::uint32_t number) {
    const std::uint8_t bytes[4] = {
        // NOLINT: little-endian whatever the machine
        static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8U),
        static_cast<std::uint8_t>(number >> 16U), static_cast<std::uint8_t>(number >> 24U)};
    out.append(bytes);
}

std::uint32_t number_at(ByteView bytes, std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at]) | static_cast<std::uint32_t>(bytes[at + 1]) << 8U |
           static_cast<std::uint32_t>(bytes[at + 2]) << 16U |
           static_cast<std::uint32_t>(bytes[at + 3]) << 24U;
}

}  // namespace

std::string_view to_string(BlobType type) {
    return type == BlobType::kData ? "data" : "tree";
}

Buffer encode_pack_header(std::span<const PackedBlob> blobs) {
    Buffer header;
    header.reserve(blobs.size() * kCompressedEntry);
    for (const auto& blob : blobs) {
        const auto type = static_cast<std::uint8_t>((blob.type == BlobType::kTree ? 1U : 0U) |
                                                    (blob.is_compressed() ? kCompressedBit : 0U));
        header.append({&type, 1});
        append_number(header, blob.length);
        if (blob.is_compressed()) {
            append_number(header, blob.plain_length);
        }
        header.append(blob.id.bytes);
    }
    return header;
}

Result<std::vector<PackedBlob>> decode_pack_header(ByteView header) {
    std::vector<PackedBlob> blobs;
    blobs.reserve(header.size() / kCompressedEntry + 1);
    std::uint64_t offset = 0;
    while (!header.empty()) {
        const std::uint8_t type = header[0];
        const bool is_compressed = (type & kCompressedBit) != 0;
        const std::size_t size = entry_size(is_compressed);
        if (type > 3 || header.size() < size) {
            return Error(Errc::kCorrupt, "the pack's header has an entry of unknown type or size");
        }
        PackedBlob blob;
        blob.type = (type & 1U) != 0 ? BlobType::kTree : BlobType::kData;
        blob.offset = static_cast<std::uint32_t>(offset);
        blob.length = number_at(header, 1);
        blob.plain_length = is_compressed ? number_at(header, 5) : 0;
        std::memcpy(blob.id.bytes.data(), header.data() + size - ObjectId::kSize, ObjectId::kSize);
        if (blob.length < Sealer::kOverhead || (is_compressed && blob.plain_length == 0)) {
            return Error(Errc::kCorrupt, "the pack's header has a blob of impossible length");
        }
        offset += blob.length;
        if (offset > std::numeric_limits<std::uint32_t>::max()) {
            return Error(Errc::kCorrupt, "the pack's header describes more than 4 GiB");
        }
        blobs.push_back(blob);
        header = header.subspan(size);
    }
    return blobs;
}

std::uint64_t pack_size(std::span<const PackedBlob> blobs) {
    std::uint64_t size = Sealer::kOverhead + kPackLengthField;
    for (const auto& blob : blobs) {
        size += blob.length + entry_size(blob.is_compressed());
    }
    return size;
}

}  // namespace muster::backup
