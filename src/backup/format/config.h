#pragma once

#include <string>

#include "backup/bytes.h"
#include "backup/codec/polynomial.h"
#include "base/result.h"

namespace muster::backup {

/// What every writer of a repository must know (the file `config`, sealed).
struct RepositoryConfig {
    static constexpr unsigned kOldest = 1;  ///< Without compression.
    static constexpr unsigned kNewest = 2;

    unsigned version = kNewest;
    std::string id;  ///< 64 hexadecimal digits.
    Polynomial polynomial = 0;

    [[nodiscard]] bool may_compress() const { return version >= 2; }
};

std::string encode_config(const RepositoryConfig& config);
/// kCorrupt; kInvalid for a version that is not known, or a polynomial that is not irreducible.
Result<RepositoryConfig> decode_config(const Buffer& json);

}  // namespace muster::backup
