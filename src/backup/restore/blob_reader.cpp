#include "backup/restore/blob_reader.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <tuple>

#include "backup/codec/sha256.h"

namespace muster::backup {

namespace {

constexpr std::uint64_t kLongestRun = 8U << 20U;      // Read at once; one blob may be longer.
constexpr std::uint64_t kWidestGap = 64U << 10U;      // Cheaper to read over than to read twice,
constexpr std::uint64_t kWidestFarGap = 512U << 10U;  // and where every read is a request.

std::uint64_t end_of(const PackedBlob& blob) {
    return std::uint64_t{blob.offset} + blob.length;
}

}  // namespace

/// Blobs of one pack that are read at once.
struct BlobReader::Run {
    std::span<const WantedBlob> blobs;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

BlobReader::BlobReader(const Repository& repository)
    : repository_(repository),
      widest_gap_(repository.store().traits().is_local ? kWidestGap : kWidestFarGap) {
}

void BlobReader::read(std::vector<WantedBlob>& wanted, const OnLost& on_lost) {
    const auto where = [](const WantedBlob& blob) {
        return std::tie(blob.place.pack, blob.place.blob.offset);
    };
    std::ranges::sort(wanted, {}, where);
    const std::span<const WantedBlob> all(wanted);
    for (std::size_t first = 0; first < all.size();) {
        Run run{{}, all[first].place.blob.offset, end_of(all[first].place.blob)};
        std::size_t last = first + 1;
        for (; last < all.size() && all[last].place.pack == all[first].place.pack; ++last) {
            const auto& blob = all[last].place.blob;
            const auto end = std::max(run.end, end_of(blob));
            if (blob.offset > run.end + widest_gap_ || end - run.begin > kLongestRun) {
                break;
            }
            run.end = end;
        }
        run.blobs = all.subspan(first, last - first);
        read_run(run, on_lost);
        first = last;
    }
}

void BlobReader::read_run(const Run& run, const OnLost& on_lost) {
    const auto& pack = run.blobs.front().place.pack;
    // As far from a page's begin as in the pack, so that whole pages may be read past the cache.
    const std::size_t shift = run.begin % Buffer::kPage;
    const auto size = static_cast<std::size_t>(run.end - run.begin);
    sealed_.resize(shift + size);
    const auto got = repository_.store().read({FileKind::kPack, pack.hex()}, run.begin,
                                              sealed_.span().subspan(shift, size));
    opened_.assign(run.blobs.size(), got);
    contents_.clear();
    for (std::size_t i = 0; i < run.blobs.size(); ++i) {
        const auto& blob = run.blobs[i].place.blob;
        if (got && !is_repeated(run, i)) {
            const auto at = shift + static_cast<std::size_t>(blob.offset - run.begin);
            opened_[i] = repository_.unseal_blob(blob, sealed_.view().subspan(at, blob.length),
                                                 run.blobs[i].out);
        }
        contents_.push_back(is_repeated(run, i) || !opened_[i] ? ByteView()
                                                               : ByteView(run.blobs[i].out));
    }
    ids_.resize(contents_.size());
    sha256_many(contents_, ids_);
    for (std::size_t i = 0; i < run.blobs.size(); ++i) {
        settle(run, i, on_lost);
    }
}

/// A file, or several, have the same blob twice, which lies in the pack once.
bool BlobReader::is_repeated(const Run& run, std::size_t i) {
    return i > 0 && run.blobs[i].place.blob.offset == run.blobs[i - 1].place.blob.offset;
}

/// Compares the hash of a blob that was opened, and looks for another copy of one that is damaged.
void BlobReader::settle(const Run& run, std::size_t i, const OnLost& on_lost) {
    const auto& wanted = run.blobs[i];
    if (is_repeated(run, i) && opened_[i - 1]) {
        std::memcpy(wanted.out.data(), run.blobs[i - 1].out.data(), wanted.out.size());
        opened_[i] = {};
        return;
    }
    const bool is_right =
        !is_repeated(run, i) && opened_[i].has_value() && ids_[i] == wanted.place.blob.id;
    if (is_right) {
        return;
    }
    opened_[i] = load_other_copy(wanted);
    if (!opened_[i]) {
        on_lost(wanted, opened_[i].error());
    }
}

Result<> BlobReader::load_other_copy(const WantedBlob& blob) const {
    TRY(const auto content, repository_.load_blob(blob.place.blob.type, blob.place.blob.id));
    if (content.size() != blob.out.size()) {
        return Error(Errc::kCorrupt, "blob " + blob.place.blob.id.brief() +
                                         " has another size than its other copy");
    }
    std::memcpy(blob.out.data(), content.data(), content.size());
    return {};
}

}  // namespace muster::backup
