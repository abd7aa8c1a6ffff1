#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event.h"
#include "state/store.h"

namespace muster::state {

/// A store without a disk, for the simulator and for tests: the model that the others are held to.
class MemoryStore final : public Store {
  public:
    MemoryStore(Executor executor, Clock& clock);

    Task<std::optional<KeyValue>> get(std::string key, Instant deadline) override;
    Task<std::vector<KeyValue>> list(Range range, Instant deadline) override;
    Task<Revision> commit(Transaction transaction, Instant deadline) override;
    Task<LeaseId> grant(Duration ttl, Instant deadline) override;
    Task<> renew(LeaseId lease, Instant deadline) override;
    Task<> revoke(LeaseId lease, Instant deadline) override;
    Task<Changes> watch(std::string prefix, Revision from, Instant deadline) override;
    Task<Revision> revision(Instant deadline) override;

  private:
    struct Lease {
        Duration ttl;
        Instant expires;
    };
    void expire();
    void apply(const Op& op, Revision revision);
    Revision end_lease(LeaseId lease);

    Clock& clock_;
    Event changed_;
    Revision revision_;
    std::int64_t last_lease_ = 0;
    std::map<std::string, KeyValue> entries_;
    std::map<LeaseId, Lease> leases_;
    std::vector<Change> history_;
};

}  // namespace muster::state
