#include "backup/codec/rabin.h"

namespace muster::backup::rabin {

namespace {

constexpr auto kDegree = static_cast<unsigned>(kPolynomialDegree);

/// digest * x^8 modulo polynomial, bit by bit.
std::uint64_t shift_byte(std::uint64_t digest, Polynomial polynomial) {
    for (int i = 0; i < 8; ++i) {
        digest <<= 1U;
        digest ^= (digest >> kDegree) != 0 ? polynomial : 0;
    }
    return digest;
}

}  // namespace

Tables::Tables(Polynomial polynomial) {
    for (unsigned byte = 0; byte < above_.size(); ++byte) {
        const std::uint64_t high = std::uint64_t{byte} << (kDegree - 8);
        above_[byte] = shift_byte(high, polynomial) | std::uint64_t{byte} << kDegree;
        std::uint64_t left = byte;
        for (std::size_t i = 0; i < kWindow; ++i) {
            left = shift_byte(left, polynomial);
        }
        left_[byte] = left;
    }
}

std::uint64_t Tables::digest_of(ByteView window) const {
    std::uint64_t digest = 0;
    for (const auto byte : window) {
        digest = append(digest, byte);
    }
    return digest;
}

std::uint64_t Tables::reduced(std::uint8_t byte) const {
    return above_[byte] & ((std::uint64_t{1} << kDegree) - 1);
}

std::span<const Path> paths() {
    static constexpr std::array<Path, 2> kAll{{{"gfni", &scan_gfni}, {"portable", &scan_portable}}};
    return std::span(kAll).subspan(has_gfni() ? 0 : 1);
}

}  // namespace muster::backup::rabin
