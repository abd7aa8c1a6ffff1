#pragma once

#include <optional>

#include "backup/blob_store.h"
#include "base/time.h"

namespace muster::backup {

/// What a store has besides BlobStore when it can keep files from being removed for a time.
class RetainingStore {
  public:
    virtual ~RetainingStore() = default;
    /// Until when nobody can remove the file; nullopt when anybody may. kNotFound.
    virtual Result<std::optional<WallTime>> retained_until(const StoredName& name) = 0;
    /// Lets nobody remove the file before `until`; a longer time that it has is kept. kNotFound;
    /// kInvalid when this place can't.
    virtual Result<> retain(const StoredName& name, WallTime until) = 0;
};

/// The same of any store: nullopt when it can't keep files.
inline Result<std::optional<WallTime>> retained_until(BlobStore& store, const StoredName& name) {
    auto* retaining = dynamic_cast<RetainingStore*>(&store);
    return retaining == nullptr ? std::optional<WallTime>() : retaining->retained_until(name);
}

/// The same of any store: kInvalid when it can't keep files.
inline Result<> retain(BlobStore& store, const StoredName& name, WallTime until) {
    auto* retaining = dynamic_cast<RetainingStore*>(&store);
    return retaining == nullptr
               ? Result<>(Error{Errc::kInvalid, "this repository's place can't lock files"})
               : retaining->retain(name, until);
}

}  // namespace muster::backup
