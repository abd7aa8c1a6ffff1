#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace muster {

/// The only source of chance. The daemon has the system's, the simulator a seeded one.
class Random {
  public:
    virtual ~Random() = default;
    /// 64 independent bits.
    virtual std::uint64_t next() = 0;

    /// Uniform in [0, bound); 0 when bound is 0.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
    /// Uniform in [0, 1).
    double unit() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
    /// `duration`, moved by up to ± share of itself.
    Duration jitter(Duration duration, double share);
    /// `length` characters of [0-9a-z], for ids.
    std::string token(std::size_t length);
};

/// SplitMix64 (Steele, Lea, Flood 2014): seeded, fast, the same on every machine. Not for secrets.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() override;

  private:
    std::uint64_t state_;
};

/// FNV-1a over the text: stable across machines and versions; for phases and shards, not for
/// security.
std::uint64_t stable_hash(std::string_view text);

}  // namespace muster
