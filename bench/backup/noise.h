#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

namespace muster::bench {

/// Says which stream of numbers is meant: the same origin gives the same numbers everywhere.
struct Origin {
    std::uint64_t corpus = 0;  ///< Its letter.
    std::uint64_t thing = 0;   ///< A file, or what is done.
    std::uint64_t part = 0;
    std::uint64_t revision = 0;
};

/// Numbers by xoshiro256** (Blackman and Vigna), begun with splitmix64.
class Noise {
  public:
    explicit Noise(const Origin& origin) {
        std::uint64_t mixed = 0;
        for (const auto word : {origin.corpus, origin.thing, origin.part, origin.revision}) {
            mixed = split(mixed ^ word);
        }
        for (auto& word : state_) {
            word = mixed = split(mixed);
        }
    }

    std::uint64_t next() {
        const auto result = std::rotl(state_[1] * 5, 7) * 9;
        const auto shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    /// At least 0, less than `bound`, which is at most 2^32.
    std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }
    /// At least 0, less than 1.
    double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    /// From `least` to `most`; each doubling is as likely as every other.
    std::uint64_t log_uniform(std::uint64_t least, std::uint64_t most) {
        const auto from = static_cast<double>(least);
        return static_cast<std::uint64_t>(
            from * std::exp2(unit() * std::log2(static_cast<double>(most) / from)));
    }
    /// Bytes that nothing compresses.
    void fill(std::span<char> bytes) {
        while (!bytes.empty()) {
            const auto word = next();
            const auto count = bytes.size() < sizeof word ? bytes.size() : sizeof word;
            std::memcpy(bytes.data(), &word, count);
            bytes = bytes.subspan(count);
        }
    }

  private:
    static std::uint64_t split(std::uint64_t value) {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
    std::array<std::uint64_t, 4> state_{};
};

}  // namespace muster::bench
