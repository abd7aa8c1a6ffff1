#pragma once

#include <map>

#include "backup/retaining_store.h"
#include "backup/testing/passing_store.h"

namespace muster::backup::testing {

/// Passes every call on, but lets nobody remove what is locked. It has no clock: a test takes the
/// lock away. Not for calls of `retain` at the same time as others.
class LockingStore final : public PassingStore, public RetainingStore {
  public:
    using PassingStore::PassingStore;

    Result<> remove(const StoredName& name) override {
        return locks.contains(name) ? Result<>(Error{Errc::kDenied, name.str() + " is locked"})
                                    : PassingStore::remove(name);
    }
    Result<std::optional<WallTime>> retained_until(const StoredName& name) override {
        TRY_OK(size(name));
        const auto found = locks.find(name);
        return found == locks.end() ? std::optional<WallTime>() : found->second;
    }
    Result<> retain(const StoredName& name, WallTime until) override {
        TRY_OK(size(name));
        locks[name] = std::max(locks[name], until);
        return {};
    }

    std::map<StoredName, WallTime> locks;
};

}  // namespace muster::backup::testing
