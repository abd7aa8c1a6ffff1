#include "backup/care/pack_check.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backup/codec/sha256.h"

// A pack of the usual size is read whole, and its own hash is taken side by side with those of its
// blobs (sha256_many): that is quicker than one after the other. A bigger one is read stretch by
// stretch, each once.

namespace muster::backup {

namespace {

constexpr std::uint64_t kStretch = 26U << 20U;  // A pack of 16 MiB with a last blob of 8 MiB fits.
constexpr std::size_t kArena = 17U << 20U;
constexpr std::size_t kUsualPack = 17U << 20U;
constexpr std::size_t kPackItself = SIZE_MAX;

}  // namespace

void PackChecker::complain(const Placed& placed, std::string_view how) {
    findings_.damaged.push_back(placed.number);
    findings_.problems.push_back(std::string(to_string(placed.blob.type)) + " blob " +
                                 placed.blob.id.brief() + " " + std::string(how));
}

void PackChecker::collect(const ObjectId& pack, std::uint64_t size) {
    blobs_.clear();
    const auto& index = repository_.index();
    const auto number = index.pack_number(pack);
    const auto range = number ? index.entries_of(*number) : EntryRange{};
    for (std::uint32_t i = 0; i < range.count; ++i) {
        Placed placed{range.first + i, index.at(range.first + i).blob};
        if (placed.blob.length >= Sealer::kOverhead &&
            std::uint64_t{placed.blob.offset} + placed.blob.length <= size) {
            blobs_.push_back(placed);
        } else {
            complain(placed, "lies beyond the end of its pack");
        }
    }
    std::ranges::sort(blobs_, {}, [](const Placed& placed) { return placed.blob.offset; });
}

std::vector<PackChecker::Stretch> PackChecker::stretches(std::uint64_t size) const {
    if (size <= kStretch) {
        return {{0, size, 0, blobs_.size()}};
    }
    std::vector<Stretch> all{{0, 0, 0, 0}};
    for (std::size_t i = 0; i < blobs_.size(); ++i) {
        const std::uint64_t end = std::uint64_t{blobs_[i].blob.offset} + blobs_[i].blob.length;
        const std::uint64_t from = std::max<std::uint64_t>(all.back().end, blobs_[i].blob.offset);
        if (all.back().end_blob > all.back().first_blob && end - all.back().begin > kStretch / 2) {
            all.back().end = from;
            all.push_back({from, from, i, i});
        }
        // Blobs that overlap are found by the header; here each lies in its stretch.
        all.back().begin = std::min<std::uint64_t>(all.back().begin, blobs_[i].blob.offset);
        all.back().end = std::max(all.back().end, end);
        all.back().end_blob = i + 1;
    }
    all.push_back({all.back().end, size, blobs_.size(), blobs_.size()});
    return all;
}

bool PackChecker::open(const Placed& placed, ByteView sealed) {
    const std::size_t start = arena_.size();
    const std::size_t length = placed.blob.content_length();
    arena_.resize(start + length);
    const ByteSpan content{arena_.data() + start, length};
    if (!placed.blob.is_compressed()) {
        if (!repository_.sealer().open(sealed, content)) {
            complain(placed, "does not authenticate");
            return false;
        }
        return true;
    }
    frame_.resize(sealed.size() - Sealer::kOverhead);
    if (!repository_.sealer().open(sealed, frame_.span())) {
        complain(placed, "does not authenticate");
        return false;
    }
    if (!decompressor_.decompress(frame_.view(), content)) {
        complain(placed, "can't be decompressed");
        return false;
    }
    return true;
}

void PackChecker::flush() {
    std::vector<ObjectId> ids(messages_.size());
    sha256_many(messages_, ids);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (waiting_[i] == kPackItself) {
            pack_hash_ = ids[i];
        } else if (ids[i] != blobs_[waiting_[i]].blob.id) {
            complain(blobs_[waiting_[i]], "is not what its id says");
        }
    }
    messages_.clear();
    waiting_.clear();
    arena_.clear();
}

void PackChecker::check_blobs(const Stretch& stretch) {
    arena_.reserve(kArena);
    for (std::size_t i = stretch.first_blob; i < stretch.end_blob; ++i) {
        const auto& blob = blobs_[i].blob;
        const std::size_t length = blob.content_length();
        if (arena_.size() + length > arena_.capacity()) {
            flush();  // Messages point into the arena: it must not move under them.
            arena_.reserve(length);
        }
        const std::size_t start = arena_.size();
        if (open(blobs_[i], stored_.view().subspan(blob.offset - stretch.begin, blob.length))) {
            messages_.emplace_back(arena_.data() + start, length);
            waiting_.push_back(i);
        } else {
            arena_.resize(start);
        }
    }
    flush();
}

void PackChecker::check_header(const Stretch& stretch, std::uint64_t size) {
    const auto complain_of_header = [this](const std::string& how) {
        findings_.problems.push_back("its header " + how);
    };
    std::uint32_t length = 0;
    const std::uint64_t there = stretch.end - stretch.begin;
    if (there < kPackLengthField + Sealer::kOverhead) {
        complain_of_header("is not there");
        return;
    }
    std::memcpy(&length, stored_.data() + there - kPackLengthField, sizeof length);
    if (length < Sealer::kOverhead || length > there - kPackLengthField ||
        length > kLargestPackHeader) {
        complain_of_header("has an impossible length");
        return;
    }
    Buffer plain(length - Sealer::kOverhead);
    if (!repository_.sealer().open(
            stored_.view().subspan(there - kPackLengthField - length, length), plain.span())) {
        complain_of_header("does not authenticate");
        return;
    }
    const auto listed = decode_pack_header(plain.view());
    if (!listed) {
        complain_of_header("can't be read");
        return;
    }
    std::vector<PackedBlob> known;
    known.reserve(blobs_.size());
    for (const auto& placed : blobs_) {
        known.push_back(placed.blob);
    }
    if (*listed != known || pack_size(*listed) != size) {
        complain_of_header("lists other blobs than the index");
    }
}

Result<PackFindings> PackChecker::check_once(const ObjectId& pack, std::uint64_t size) {
    findings_ = {};
    Sha256 hasher;
    collect(pack, size);
    const auto all = stretches(size);
    for (const auto& stretch : all) {
        stored_.reserve(std::max<std::size_t>(stretch.end - stretch.begin, kUsualPack));
        stored_.resize(stretch.end - stretch.begin);
        auto got =
            repository_.store().read({FileKind::kPack, pack.hex()}, stretch.begin, stored_.span());
        if (!got && got.error().code() != Errc::kCorrupt) {
            return std::move(got).error();
        }
        if (!got) {  // It ends before: everything from here on is lost.
            for (std::size_t i = stretch.first_blob; i < blobs_.size(); ++i) {
                complain(blobs_[i], "is cut off");
            }
            return std::exchange(findings_, {});
        }
        if (all.size() == 1) {
            messages_.push_back(stored_.view());
            waiting_.push_back(kPackItself);
        } else {
            hasher.update(stored_.view());
        }
        check_blobs(stretch);
    }
    if (all.size() > 1) {
        pack_hash_ = hasher.finish();
    }
    check_header(all.back(), size);
    if (pack_hash_ != pack) {
        findings_.problems.insert(findings_.problems.begin(),
                                  "its bytes are not what its name says");
    }
    return std::exchange(findings_, {});
}

Result<PackFindings> PackChecker::check(const ObjectId& pack, std::uint64_t size) {
    auto findings = check_once(pack, size);
    if (findings && !findings->problems.empty()) {
        return check_once(pack, size);  // It may have been damaged only on its way.
    }
    return findings;
}

}  // namespace muster::backup
