#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "backup/bytes.h"
#include "base/result.h"

namespace muster::backup {

/// The keys of a repository; wiped when it ends. restic's design document, "Keys, Encryption and
/// MAC".
struct MasterKey {
    std::array<std::uint8_t, 32> encrypt{};
    std::array<std::uint8_t, 16> mac_k{};
    std::array<std::uint8_t, 16> mac_r{};
    MasterKey() = default;
    MasterKey(const MasterKey&) = default;
    MasterKey& operator=(const MasterKey&) = default;
    ~MasterKey();
};

using Iv = std::array<std::uint8_t, 16>;

/// Encrypts and authenticates: IV ‖ AES-256-CTR ‖ Poly1305-AES over the ciphertext. The key
/// schedules are expanded once. May be used by many threads at once.
class Sealer {
  public:
    static constexpr std::size_t kIvSize = 16;
    static constexpr std::size_t kMacSize = 16;
    static constexpr std::size_t kOverhead = kIvSize + kMacSize;

    explicit Sealer(const MasterKey& key);
    ~Sealer();
    Sealer(const Sealer&) = delete;
    Sealer& operator=(const Sealer&) = delete;

    /// Writes `plain.size() + kOverhead` bytes to `out`, which has that size. `plain` may lie at
    /// `out + kIvSize`: then it is sealed in place. `iv` is random, never used twice, not all zero.
    void seal(ByteView plain, const Iv& iv, ByteSpan out) const;
    /// Whether the MAC of the sealed bytes is right.
    [[nodiscard]] bool authenticates(ByteView sealed) const;
    /// Checks the MAC, then decrypts into `out` (of `sealed.size() - kOverhead`; it may lie in
    /// place at `sealed + kIvSize`). kCorrupt when it is too short or the MAC is wrong; `out` is
    /// then untouched.
    Result<> open(ByteView sealed, ByteSpan out) const;

  private:
    struct Keys;
    std::unique_ptr<Keys> keys_;
};

}  // namespace muster::backup
