#pragma once

#include <cstdint>

#include "backup/bytes.h"
#include "backup/codec/seal.h"
#include "base/result.h"
#include "base/secret.h"

namespace muster::backup {

/// The cost of deriving a key from a password (RFC 7914).
struct ScryptCost {
    std::uint64_t n = 32768;  ///< A power of two.
    std::uint32_t r = 8;
    std::uint32_t p = 3;  ///< With n and r as here the least that OWASP's password page advises.
    auto operator<=>(const ScryptCost&) const = default;
};

/// The keys that a password gives. kInvalid for a cost that no sane repository has: it comes from a
/// file that is not authenticated, so that it is bounded (1 GiB of memory) before it is paid.
Result<MasterKey> derive_key(const Secret& password, ByteView salt, const ScryptCost& cost);

}  // namespace muster::backup
