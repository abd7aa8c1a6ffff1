#include "backup/cutter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "backup/codec/sha256.h"

namespace muster::backup {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr Polynomial kPolynomial = 0x3DA3358B4DC173;
constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = kKiB * kKiB;

/// restic's chunker (github.com/restic/chunker, its documentation of the algorithm) done plainly:
/// one byte after the other over a window that begins with each chunk.
class PlainChunker {
  public:
    PlainChunker() {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            std::uint64_t digest = shifted(0, static_cast<std::uint8_t>(byte));
            for (std::size_t i = 1; i < kWindow; ++i) {
                digest = shifted(digest, 0);
            }
            leaving_[byte] = digest;
        }
    }

    std::vector<std::size_t> lengths(ByteView data) {
        std::vector<std::size_t> found;
        while (!data.empty()) {
            const std::size_t length = first(data);
            found.push_back(length);
            data = data.subspan(length);
        }
        return found;
    }

  private:
    static constexpr std::size_t kWindow = 64;
    static constexpr std::size_t kLeast = 512 * kKiB;
    static constexpr std::size_t kMost = 8 * kMiB;
    static constexpr std::uint64_t kMask = (1U << 20U) - 1;

    static std::uint64_t shifted(std::uint64_t digest, std::uint8_t byte) {
        for (int bit = 7; bit >= 0; --bit) {
            digest = digest << 1U | ((byte >> static_cast<unsigned>(bit)) & 1U);
            digest ^= (digest >> 53U) != 0 ? kPolynomial : 0;
        }
        return digest;
    }
    void slide(std::uint8_t byte) {
        const std::uint8_t out = window_[at_ % kWindow];
        window_[at_++ % kWindow] = byte;
        digest_ = shifted(digest_ ^ leaving_[out], byte);
    }
    std::size_t first(ByteView data) {
        window_.fill(0);
        digest_ = 0;
        slide(1);
        for (std::size_t at = 0; at < data.size(); ++at) {
            if (at + 1 > kLeast - kWindow) {
                slide(data[at]);
            }
            const bool is_end = at + 1 >= kLeast && (digest_ & kMask) == 0;
            if (is_end || at + 1 == kMost) {
                return at + 1;
            }
        }
        return data.size();
    }

    std::array<std::uint64_t, 256> leaving_{};
    std::array<std::uint8_t, kWindow> window_{};
    std::size_t at_ = 0;
    std::uint64_t digest_ = 0;
};

const ChunkScanner& scanner() {
    static const ChunkScanner kScanner(kPolynomial);
    return kScanner;
}

/// Cuts as a file that arrives in pieces of `piece` bytes.
std::vector<std::size_t> cut(ByteView data, CutRule rule, std::size_t piece) {
    Cutter cutter(scanner(), rule);
    std::vector<std::size_t> lengths;
    std::size_t seen = 0;
    std::size_t begin = 0;
    while (begin < data.size()) {
        seen = std::min(data.size(), seen + piece);
        while (begin < seen) {
            const auto length = cutter.next(data.subspan(begin, seen - begin), seen == data.size());
            if (!length) {
                EXPECT_LT(seen - begin, cutter.longest());
                break;
            }
            lengths.push_back(*length);
            begin += *length;
        }
    }
    return lengths;
}

Bytes random_bytes(std::size_t size, unsigned seed) {
    std::mt19937_64 random(seed);  // NOLINT: the same for each run.
    Bytes bytes(size);
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
}

/// Random bytes with holes of zeros, and zeros with islands.
Bytes mixed_bytes(std::size_t size, unsigned seed) {
    Bytes bytes = random_bytes(size, seed);
    std::mt19937_64 random(seed + 1);  // NOLINT: the same for each run.
    for (std::size_t at = 0; at < size;) {
        const std::size_t length = std::min<std::size_t>(size - at, random() % (2 * kMiB));
        if (random() % 2 == 0) {
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, 0);
        }
        at += length + 1;
    }
    return bytes;
}

/// Pages of a database: a head, some rows, the rest of the page zero.
Bytes pages(std::size_t count, unsigned seed) {
    std::mt19937_64 random(seed);  // NOLINT: the same for each run.
    Bytes bytes(count * 8192);
    for (std::size_t page = 0; page < count; ++page) {
        const std::size_t filled = 4000 + random() % 3000;
        for (std::size_t i = 0; i < filled; ++i) {
            bytes[page * 8192 + i] = static_cast<std::uint8_t>(random());
        }
    }
    return bytes;
}

TEST(Cutter, CutsWhereResticDoes) {
    PlainChunker plain;
    const std::array<Bytes, 6> samples{
        random_bytes(21 * kMiB + 77, 1), Bytes(9 * kMiB + 5),    mixed_bytes(20 * kMiB, 3),
        mixed_bytes(12 * kMiB + 1, 4),   Bytes(10 * kMiB, 0xaa), pages(900, 5)};
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto wanted = plain.lengths(samples[i]);
        for (const std::size_t piece :
             {std::size_t{100'003}, 512 * kKiB, 3 * kMiB + 1, 64 * kMiB}) {
            EXPECT_EQ(cut(samples[i], CutRule::kRestic, piece), wanted)
                << "sample " << i << ", pieces of " << piece;
        }
    }
}

TEST(Cutter, CutsShortFilesWhereResticDoes) {
    PlainChunker plain;
    const Bytes bytes = mixed_bytes(600 * kKiB, 9);
    const Bytes zeros(600 * kKiB);
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}, 512 * kKiB - 1,
          512 * kKiB, 512 * kKiB + 1, 512 * kKiB + 63}) {
        for (const auto& sample : {bytes, zeros}) {
            const auto data = ByteView(sample).first(size);
            EXPECT_EQ(cut(data, CutRule::kRestic, 64 * kKiB), plain.lengths(data)) << size;
        }
    }
}

TEST(Cutter, ImageRuleHonoursItsSizesWhateverThePieces) {
    for (const auto& sample : {random_bytes(9 * kMiB + 3, 11), mixed_bytes(9 * kMiB, 12),
                               Bytes(5 * kMiB + 9), pages(1000, 13)}) {
        const auto wanted = cut(sample, CutRule::kImage, 64 * kMiB);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            EXPECT_TRUE(wanted[i] >= kSmallestImageCut || i + 1 == wanted.size());
            EXPECT_LE(wanted[i], kMiB);
        }
        EXPECT_EQ(cut(sample, CutRule::kImage, 50'021), wanted);
        EXPECT_EQ(cut(sample, CutRule::kImage, 64 * kKiB), wanted);
    }
}

std::set<std::array<std::uint8_t, 32>> blobs_of(const Bytes& data, CutRule rule) {
    std::set<std::array<std::uint8_t, 32>> ids;
    std::size_t begin = 0;
    for (const auto length : cut(data, rule, 64 * kMiB)) {
        ids.insert(sha256(ByteView(data).subspan(begin, length)).bytes);
        begin += length;
    }
    return ids;
}

double share_kept(const Bytes& before, const Bytes& after, CutRule rule) {
    const auto old = blobs_of(before, rule);
    const auto now = blobs_of(after, rule);
    const auto kept = std::ranges::count_if(now, [&](const auto& id) { return old.contains(id); });
    return static_cast<double>(kept) / static_cast<double>(now.size());
}

TEST(Cutter, ImageRuleFindsItsWayAfterPagesWerePutIn) {
    const Bytes before = pages(4000, 21);
    Bytes after = before;
    const Bytes more = pages(3, 22);
    after.insert(after.begin() + 40 * 8192, more.begin(), more.end());
    EXPECT_GT(share_kept(before, after, CutRule::kImage), 0.9);
    // restic's rule cuts at the first page's zeros past the least size: it counts bytes.
    EXPECT_LT(share_kept(before, after, CutRule::kRestic), 0.1);
}

TEST(Cutter, PagesAreToldFromOtherFiles) {
    EXPECT_TRUE(looks_like_image(pages(64, 31)));
    EXPECT_FALSE(looks_like_image(random_bytes(512 * kKiB, 32)));
    EXPECT_FALSE(looks_like_image(Bytes(512 * kKiB))) << "a hole says nothing";
    EXPECT_FALSE(looks_like_image({}));
    EXPECT_FALSE(looks_like_image(Bytes(100)));
}

}  // namespace
}  // namespace muster::backup
