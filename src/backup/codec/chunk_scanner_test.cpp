#include "backup/codec/chunk_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace muster::backup {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Positions = std::vector<std::uint32_t>;

constexpr Polynomial kPolynomial = 0x3DA3358B4DC173;
constexpr std::size_t kMin = std::size_t{512} << 10U;
constexpr std::size_t kMax = std::size_t{8} << 20U;

/// restic's chunker as section "The chunker" of its design says: one byte after the other, a window
/// that begins anew with each chunk. Multiplies bit by bit.
class SequentialChunker {
  public:
    SequentialChunker() {
        for (unsigned byte = 0; byte < 256; ++byte) {
            std::uint64_t digest = step(0, static_cast<std::uint8_t>(byte));
            for (int i = 1; i < 64; ++i) {
                digest = step(digest, 0);
            }
            leaving_[byte] = digest;
        }
    }

    /// The ends of the chunks.
    Positions cut(ByteView data) {
        Positions ends;
        begin();
        std::size_t length = 0;
        for (std::size_t at = 0; at < data.size(); ++at) {
            ++length;
            if (length > kMin - 64) {
                slide(data[at]);
            }
            const bool is_end = length >= kMin && (digest_ & 0xfffffU) == 0;
            if (is_end || length >= kMax || at + 1 == data.size()) {
                ends.push_back(static_cast<std::uint32_t>(at + 1));
                begin();
                length = 0;
            }
        }
        return ends;
    }

    void begin() {
        window_.fill(0);
        at_ = 0;
        digest_ = 0;
        slide(1);
    }

    std::uint64_t slide(std::uint8_t byte) {
        digest_ ^= leaving_[window_[at_]];
        window_[at_] = byte;
        at_ = (at_ + 1) % window_.size();
        digest_ = step(digest_, byte);
        return digest_;
    }

  private:
    static std::uint64_t step(std::uint64_t digest, std::uint8_t byte) {
        for (int bit = 7; bit >= 0; --bit) {
            digest = (digest << 1U) | ((byte >> static_cast<unsigned>(bit)) & 1U);
            digest ^= (digest >> 53U) != 0 ? kPolynomial : 0;
        }
        return digest;
    }

    std::array<std::uint64_t, 256> leaving_{};
    std::array<std::uint8_t, 64> window_{};
    std::size_t at_ = 0;
    std::uint64_t digest_ = 0;
};

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Bytes bytes(size);
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
}

/// Random data with runs of zeros and of another byte in it.
Bytes mixed_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    auto bytes = random_bytes(size, seed);
    for (std::size_t at = 0; at < size; at += random() % 20'000) {
        const auto length = std::min<std::size_t>(random() % 300, size - at);
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length,
                    random() % 4 == 0 ? 0x20 : 0);
    }
    return bytes;
}

Positions cut_by_scan(const ChunkScanner& scanner, ByteView data) {
    Positions candidates;
    scanner.scan(data, 0, candidates);
    Positions ends;
    std::size_t begin = 0;
    while (begin < data.size()) {
        const auto last = std::min(begin + kMax, data.size());
        const auto found = std::ranges::lower_bound(candidates, begin + kMin);
        begin = found == candidates.end() ? last : std::min<std::size_t>(*found, last);
        ends.push_back(static_cast<std::uint32_t>(begin));
    }
    return ends;
}

TEST(ChunkScanner, FindsWhereTheSequentialChunkerCuts) {
    SequentialChunker chunker;
    const ChunkScanner scanner(kPolynomial);
    for (const auto& data :
         {Bytes{}, Bytes(1, 7), random_bytes(20'000'000, 1), mixed_bytes(10'000'000, 2),
          Bytes(5'000'000, 0), Bytes(9'000'000, 1)}) {
        EXPECT_EQ(cut_by_scan(scanner, data), chunker.cut(data)) << data.size();
    }
}

TEST(ChunkScanner, CutsZerosAtTheSmallestSize) {
    const ChunkScanner scanner(kPolynomial);
    const Positions expected{kMin, 2 * kMin, 2 * kMin + 100};
    EXPECT_EQ(cut_by_scan(scanner, Bytes(2 * kMin + 100, 0)), expected);
}

TEST(ChunkScanner, TestsEveryPositionAfterFrom) {
    const auto data = mixed_bytes(70'000, 3);
    SequentialChunker chunker;
    chunker.begin();
    Positions rare;
    Positions nonzero;
    for (std::size_t at = 0; at < data.size(); ++at) {
        const auto digest = chunker.slide(data[at]);
        if (at + 1 >= 64 && (digest & 0xfffffU) == 0) {
            rare.push_back(static_cast<std::uint32_t>(at + 1));
        }
        if (at + 1 >= 64 && (digest & 0xfffU) == 0 && digest != 0) {
            nonzero.push_back(static_cast<std::uint32_t>(at + 1));
        }
    }
    ASSERT_GT(rare.size(), 100U);   // The runs of zeros.
    ASSERT_GT(nonzero.size(), 5U);  // One in 4,096.
    const ChunkScanner scanner(kPolynomial);
    for (const std::size_t from : {0UL, 1UL, 63UL, 64UL, 65UL, 1000UL, 69'999UL, 70'000UL}) {
        Positions found{1};  // What is held already stays.
        scanner.scan(data, from, found);
        Positions expected(std::ranges::lower_bound(rare, from), rare.end());
        expected.insert(expected.begin(), 1);
        EXPECT_EQ(found, expected) << from;
        found = {1};
        scanner.scan_nonzero(data, from, 0xfff, found);
        expected.assign(std::ranges::lower_bound(nonzero, from), nonzero.end());
        expected.insert(expected.begin(), 1);
        EXPECT_EQ(found, expected) << from;
    }
}

TEST(ChunkScanner, FindsNothingInLessThanAWindow) {
    const ChunkScanner scanner(kPolynomial);
    Positions found;
    for (std::size_t size = 0; size < 64; ++size) {
        scanner.scan(Bytes(size, 0), 0, found);
    }
    scanner.scan(Bytes(100, 0), 101, found);
    EXPECT_TRUE(found.empty());
    scanner.scan(Bytes(64, 0), 0, found);
    EXPECT_EQ(found, Positions{64});
    found.clear();
    scanner.scan_nonzero(Bytes(64, 0), 0, 0xfff, found);
    EXPECT_TRUE(found.empty());
}

}  // namespace
}  // namespace muster::backup
