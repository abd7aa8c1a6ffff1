#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "state/store.h"

namespace muster::state {

/// Hands every call on to another store; a test's store changes what it wants to be otherwise.
class PassingStore : public Store {
  public:
    explicit PassingStore(Store& inner) : inner_(inner) {}

    Task<std::optional<KeyValue>> get(std::string key, Instant deadline) override {
        return inner_.get(std::move(key), deadline);
    }
    Task<std::vector<KeyValue>> list(Range range, Instant deadline) override {
        return inner_.list(std::move(range), deadline);
    }
    Task<Revision> commit(Transaction transaction, Instant deadline) override {
        return inner_.commit(std::move(transaction), deadline);
    }
    Task<LeaseId> grant(Duration ttl, Instant deadline) override {
        return inner_.grant(ttl, deadline);
    }
    Task<> renew(LeaseId lease, Instant deadline) override { return inner_.renew(lease, deadline); }
    Task<> revoke(LeaseId lease, Instant deadline) override {
        return inner_.revoke(lease, deadline);
    }
    Task<Changes> watch(std::string prefix, Revision from, Instant deadline) override {
        return inner_.watch(std::move(prefix), from, deadline);
    }
    Task<Revision> revision(Instant deadline) override { return inner_.revision(deadline); }

  private:
    Store& inner_;
};

}  // namespace muster::state
