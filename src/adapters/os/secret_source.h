#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace muster::adapters {

/// Where a password or token is kept; a plan names the place, never the secret.
struct SecretSource {
    std::string file;         ///< Its content, without the trailing line end.
    std::string environment;  ///< Name of an environment variable of this process.
    [[nodiscard]] bool empty() const { return file.empty() && environment.empty(); }
};

/// Reads it (64 KiB at most). kNotFound or kDenied with a hint; kInvalid when it is empty, too long
/// or when both or no places are given.
Result<Secret> read_secret(const SecretSource& source);

}  // namespace muster::adapters
