#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "backup/bytes.h"
#include "backup/codec/polynomial.h"

namespace muster::backup::rabin {

/// Bytes that a digest depends on.
constexpr std::size_t kWindow = 64;

/// What the scans need to know of a polynomial. A digest is the window as a polynomial, the first
/// byte highest, modulo that polynomial: 53 bits.
class Tables {
  public:
    explicit Tables(Polynomial polynomial);

    /// The digest when `byte` follows and nothing leaves.
    [[nodiscard]] std::uint64_t append(std::uint64_t digest, std::uint8_t byte) const {
        return shift(digest) ^ byte;
    }
    /// The digest one byte further on: `leaving` stands 64 bytes before `coming`.
    [[nodiscard]] std::uint64_t slide(std::uint64_t digest, std::uint8_t leaving,
                                      std::uint8_t coming) const {
        // In this order half of the work does not wait for the digest before.
        return shift(digest) ^ (left_[leaving] ^ coming);
    }
    /// The digest of a whole window.
    [[nodiscard]] std::uint64_t digest_of(ByteView window) const;

    /// byte * x^53 modulo the polynomial.
    [[nodiscard]] std::uint64_t reduced(std::uint8_t byte) const;
    /// byte * x^512 modulo the polynomial: what a byte contributes that is about to leave.
    [[nodiscard]] std::uint64_t left(std::uint8_t byte) const { return left_[byte]; }

  private:
    using Table = std::array<std::uint64_t, 256>;

    /// digest * x^8 modulo the polynomial.
    [[nodiscard]] std::uint64_t shift(std::uint64_t digest) const {
        constexpr unsigned kByteBits = 8;
        return digest << kByteBits ^ above_[digest >> (kPolynomialDegree - kByteBits)];
    }

    Table above_{};  ///< By the byte at x^53 and above: that byte itself, and `reduced`.
    Table left_{};
};

/// Which digests make a candidate.
struct Rule {
    std::uint64_t mask;  ///< These bits are 0: low ones, 12 at least.
    bool takes_zero;     ///< Whether a digest of 0 is one.
    [[nodiscard]] bool accepts(std::uint64_t digest) const {
        return (digest & mask) == 0 && (takes_zero || digest != 0);
    }
};

using Positions = std::vector<std::uint32_t>;

/// Appends the candidates p of `data`, from <= p <= data.size(), ascending. kWindow <= from.
using Scan = void (*)(const Tables& tables, ByteView data, std::size_t from, const Rule& rule,
                      Positions& candidates);

/// Plain C++, several streams at a time.
void scan_portable(const Tables& tables, ByteView data, std::size_t from, const Rule& rule,
                   Positions& candidates);
/// 64 streams at a time; only where `has_gfni()`.
void scan_gfni(const Tables& tables, ByteView data, std::size_t from, const Rule& rule,
               Positions& candidates);
/// Whether this processor has what `scan_gfni` needs.
bool has_gfni();

/// A way to scan, by name.
struct Path {
    std::string_view name;
    Scan scan;
};
/// Those that this processor has, the quickest first. All of them find the same.
std::span<const Path> paths();

}  // namespace muster::backup::rabin
