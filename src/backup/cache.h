#pragma once

#include <string>
#include <vector>

#include "backup/bytes.h"
#include "base/result.h"

namespace muster::backup {

/// The port to a local cache of one repository. What lies there is sealed with the repository's key
/// and is checked before it is used; losing it costs time only, so that failures are passed over.
class Cache {
  public:
    virtual ~Cache() = default;
    /// kNotFound, or whatever else keeps it from being read.
    virtual Result<Buffer> load(const std::string& name) = 0;
    /// Fills `into` from `offset` on; an error as above, also when it ends before.
    virtual Result<> read(const std::string& name, std::uint64_t offset, ByteSpan into) = 0;
    virtual void store(const std::string& name, ByteView content) = 0;
    /// Removes what begins with `prefix` and is not among `names` (sorted).
    virtual void keep_only(const std::string& prefix, const std::vector<std::string>& names) = 0;
};

}  // namespace muster::backup
