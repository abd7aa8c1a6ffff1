#include "backup/care/pack_reader.h"

#include <algorithm>

namespace muster::backup {

namespace {

constexpr std::uint64_t kStretch = 4U << 20U;       // A read is closed when it has reached it.
constexpr std::uint64_t kLargestGap = 256U << 10U;  // So much is rather read than skipped.

}  // namespace

Result<> PackReader::read(std::uint32_t pack, const EntrySet& wanted, const Take& take) {
    const auto range = repository_.index().entries_of(pack);
    std::vector<Placed> blobs;
    for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
        if (wanted.contains(i)) {
            blobs.push_back({i, repository_.index().at(i).blob});
        }
    }
    std::ranges::sort(blobs, {}, [](const Placed& placed) { return placed.blob.offset; });
    const ObjectId name = repository_.index().pack_name(pack);
    for (std::size_t first = 0; first < blobs.size();) {
        const std::uint64_t begin = blobs[first].blob.offset;
        std::uint64_t end = begin + blobs[first].blob.length;
        std::size_t next = first + 1;
        for (; next < blobs.size() && end - begin < kStretch; ++next) {
            const auto& blob = blobs[next].blob;
            if (blob.offset > end + kLargestGap) {
                break;
            }
            end = std::max(end, std::uint64_t{blob.offset} + blob.length);
        }
        stored_.resize(end - begin);
        TRY_OK(read_stretch(name, std::span(blobs).subspan(first, next - first), take));
        first = next;
    }
    return {};
}

Result<> PackReader::read_stretch(const ObjectId& pack, std::span<const Placed> blobs,
                                  const Take& take) {
    const std::uint64_t begin = blobs.front().blob.offset;
    const auto got = repository_.store().read({FileKind::kPack, pack.hex()}, begin, stored_.span());
    if (!got && got.error().code() != Errc::kCorrupt) {
        return Error(got.error()).with("while reading pack " + pack.brief());
    }
    for (const auto& placed : blobs) {
        const auto& blob = placed.blob;
        const ByteView sealed = stored_.view().subspan(blob.offset - begin, blob.length);
        const bool is_good = got && repository_.sealer().authenticates(sealed);
        TRY_OK(is_good ? take(blob, sealed) : take_other_copy(placed, take));
    }
    return {};
}

Result<> PackReader::take_other_copy(const Placed& damaged, const Take& take) {
    const auto& index = repository_.index();
    // The same copy once more, too: it may have been damaged only on its way.
    for (const auto& place : index.find_all(damaged.blob.type, damaged.blob.id)) {
        Buffer sealed(place.blob.length);
        const auto got = repository_.store().read({FileKind::kPack, place.pack.hex()},
                                                  place.blob.offset, sealed.span());
        if (got && repository_.sealer().authenticates(sealed.view())) {
            return take(place.blob, sealed.view());
        }
    }
    return Error(Errc::kCorrupt,
                 std::string(to_string(damaged.blob.type)) + " blob " + damaged.blob.id.brief() +
                     " is damaged in every pack that has it",
                 "run `muster check --read-data`");
}

}  // namespace muster::backup
