#include "backup/format/index_cache.h"

#include <bit>
#include <cstring>

namespace muster::backup {

namespace {

static_assert(std::endian::native == std::endian::little, "the cache is read where it was written");

constexpr std::uint32_t kForm = 0x4d495831;  // Of these structures; another number: another form.

struct PackRecord {
    ObjectId id;
    std::uint32_t blobs;
};
struct BlobRecord {
    ObjectId id;
    std::uint32_t type;
    std::uint32_t offset;
    std::uint32_t length;
    std::uint32_t plain_length;
};

template <class Record>
void append_record(Buffer& out, const Record& record) {
    out.append({reinterpret_cast<const std::uint8_t*>(&record), sizeof record});  // NOLINT
}

template <class Record>
bool take_record(ByteView& bytes, Record& record) {
    if (bytes.size() < sizeof record) {
        return false;
    }
    std::memcpy(&record, bytes.data(), sizeof record);
    bytes = bytes.subspan(sizeof record);
    return true;
}

Error damaged() {
    return Error(Errc::kCorrupt, "the cached index is damaged");
}

}  // namespace

Buffer seal_cached_index(const Sealer& sealer, const Iv& iv,
                         const std::vector<IndexedPack>& packs) {
    Buffer plain;
    append_record(plain, kForm);
    for (const auto& pack : packs) {
        append_record(plain, PackRecord{pack.id, static_cast<std::uint32_t>(pack.blobs.size())});
        for (const auto& blob : pack.blobs) {
            append_record(plain, BlobRecord{blob.id, blob.type == BlobType::kTree ? 1U : 0U,
                                            blob.offset, blob.length, blob.plain_length});
        }
    }
    Buffer sealed(plain.size() + Sealer::kOverhead);
    sealer.seal(plain.view(), iv, sealed.span());
    return sealed;
}

Result<std::vector<IndexedPack>> open_cached_index(const Sealer& sealer, const Buffer& sealed) {
    if (sealed.size() < Sealer::kOverhead) {
        return damaged();
    }
    Buffer plain(sealed.size() - Sealer::kOverhead);
    TRY_OK(sealer.open(sealed.view(), plain.span()));
    ByteView rest = plain.view();
    std::uint32_t form = 0;
    if (!take_record(rest, form) || form != kForm) {
        return damaged();
    }
    std::vector<IndexedPack> packs;
    PackRecord pack{};
    while (take_record(rest, pack)) {
        packs.push_back({pack.id, {}});
        packs.back().blobs.reserve(std::min<std::size_t>(pack.blobs, rest.size() / 48));
        BlobRecord blob{};
        for (std::uint32_t i = 0; i < pack.blobs; ++i) {
            if (!take_record(rest, blob)) {
                return damaged();
            }
            packs.back().blobs.push_back({blob.id,
                                          blob.type == 1 ? BlobType::kTree : BlobType::kData,
                                          blob.offset, blob.length, blob.plain_length});
        }
    }
    return rest.empty() ? Result<std::vector<IndexedPack>>(std::move(packs)) : damaged();
}

}  // namespace muster::backup
