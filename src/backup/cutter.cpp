#include "backup/cutter.h"

#include <algorithm>
#include <array>
#include <cstring>

// A digest depends on the 64 bytes before a position alone, so the bytes that can't end a chunk are
// not looked at: the scan begins where the chunk has its least size, and goes on in pieces until
// one has a place to cut.

namespace muster::backup {

namespace {

struct Sizes {
    std::size_t least;
    std::size_t most;
    std::size_t piece;  // Scanned at once.
    std::uint64_t mask;
};

constexpr std::size_t kKiB = 1024;
constexpr Sizes kResticSizes{kSmallestCut, 8192 * kKiB, 256 * kKiB, ChunkScanner::kRareMask};
constexpr Sizes kImageSizes{kSmallestImageCut, 1024 * kKiB, 64 * kKiB, (1U << 17U) - 1};

const Sizes& sizes_of(CutRule rule) {
    return rule == CutRule::kRestic ? kResticSizes : kImageSizes;
}

bool is_zero_window(ByteView data, std::size_t end) {
    constexpr std::array<std::uint8_t, ChunkScanner::kWindow> kZeros{};
    return std::memcmp(data.data() + end - kZeros.size(), kZeros.data(), kZeros.size()) == 0;
}

}  // namespace

std::size_t Cutter::longest() const {
    return sizes_of(rule_).most;
}

std::size_t Cutter::zero_chunk() const {
    return rule_ == CutRule::kRestic ? kResticSizes.least : kImageSizes.most;
}

std::optional<std::size_t> Cutter::next(ByteView data, bool is_end) {
    const Sizes& sizes = sizes_of(rule_);
    const std::size_t end = std::min(data.size(), sizes.most);
    if (end > sizes.least && rule_ == CutRule::kRestic && is_zero_window(data, sizes.least)) {
        return sizes.least;  // Zero bytes have the digest 0.
    }
    for (std::size_t from = sizes.least; from <= end; from += sizes.piece) {
        const std::size_t to = std::min(end, from + sizes.piece - 1);
        candidates_.clear();
        if (rule_ == CutRule::kRestic) {
            scanner_.scan(data.first(to), from, candidates_);
        } else {
            scanner_.scan_nonzero(data.first(to), from, sizes.mask, candidates_);
        }
        if (!candidates_.empty()) {
            return candidates_.front();
        }
    }
    if (end == sizes.most) {
        return end;
    }
    return is_end ? std::optional(data.size()) : std::nullopt;
}

bool looks_like_image(ByteView sample) {
    constexpr std::size_t kPage = 4 * kKiB;
    std::size_t padded = 0;
    std::size_t pages = 0;
    for (std::size_t end = kPage; end <= sample.size(); end += kPage) {
        // A page of nothing but zeros says nothing: any file may have holes.
        const auto page = sample.subspan(end - kPage, kPage);
        const bool is_empty =
            std::ranges::all_of(page, [](std::uint8_t byte) { return byte == 0; });
        pages += is_empty ? 0 : 1;
        padded += !is_empty && is_zero_window(sample, end) ? 1 : 0;
    }
    return padded * 16 >= pages && padded > 0;  // More than one in 64 KiB.
}

}  // namespace muster::backup
