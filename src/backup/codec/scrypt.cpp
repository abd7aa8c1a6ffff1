#include "backup/codec/scrypt.h"

#include <openssl/crypto.h>
#include <sodium.h>

#include <algorithm>
#include <bit>
#include <string>

namespace muster::backup {

namespace {

constexpr std::uint64_t kMaxMemory = std::uint64_t{1} << 30U;
/// Bytes that are mixed in all: about a minute and a half.
constexpr std::uint64_t kMaxWork = std::uint64_t{32} << 30U;
constexpr std::uint64_t kBlock = 128;  // RFC 7914, section 2: a block has 128 * r bytes.

bool is_sane(const ScryptCost& cost) {
    const std::uint64_t most = kMaxMemory / kBlock;
    if (!std::has_single_bit(cost.n) || cost.n < 2 || cost.n > most || cost.r == 0 ||
        cost.r > most || cost.p == 0 || cost.p > most) {
        return false;
    }
    // RFC 7914, section 2: n < 2^(128 * r / 8).
    const bool fits_block = cost.r >= 4 || cost.n < std::uint64_t{1} << (16 * cost.r);
    // Each factor is below 2^23 and each sum below 2^24: no overflow before the second test.
    return fits_block && (cost.n + cost.p + 2) * cost.r <= most &&
           cost.n * cost.r * cost.p <= kMaxWork / kBlock;
}

}  // namespace

Result<MasterKey> derive_key(const Secret& password, ByteView salt, const ScryptCost& cost) {
    if (!is_sane(cost)) {
        return Error(Errc::kInvalid,
                     "a key that asks for scrypt with n = " + std::to_string(cost.n) +
                         ", r = " + std::to_string(cost.r) + ", p = " + std::to_string(cost.p) +
                         " is not sane");
    }
    MasterKey key;
    std::array<std::uint8_t, sizeof key.encrypt + sizeof key.mac_k + sizeof key.mac_r> derived{};
    const auto text = bytes_of(password.reveal());
    // libsodium's scrypt takes half the time of OpenSSL's; the fast one only after sodium_init.
    const bool is_derived =
        sodium_init() >= 0 && crypto_pwhash_scryptsalsa208sha256_ll(
                                  text.data(), text.size(), salt.data(), salt.size(), cost.n,
                                  cost.r, cost.p, derived.data(), derived.size()) == 0;
    const auto* rest =
        std::ranges::copy_n(derived.data(), sizeof key.encrypt, key.encrypt.data()).in;
    rest = std::ranges::copy_n(rest, sizeof key.mac_k, key.mac_k.data()).in;
    std::ranges::copy_n(rest, sizeof key.mac_r, key.mac_r.data());
    OPENSSL_cleanse(derived.data(), derived.size());
    if (!is_derived) {
        return Error(Errc::kUnavailable,
                     "there is not enough memory for scrypt with n = " + std::to_string(cost.n));
    }
    return key;
}

}  // namespace muster::backup
