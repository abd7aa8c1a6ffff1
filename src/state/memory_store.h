#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
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
    /// How many changes are kept for watchers; the oldest go first.
    static constexpr std::size_t kMaxHistory = 100'000;

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
    void record(Change change);
    void end_lease(LeaseId lease);
    [[nodiscard]] Result<> check(const Transaction& transaction) const;
    [[nodiscard]] Changes changes_since(const std::string& prefix, Revision from) const;
    [[nodiscard]] Instant next_expiry(Instant deadline) const;
    Task<> ring(Instant when, bool* has_rung);
    Task<> wait_for_change(Instant until);

    Executor executor_;
    Clock& clock_;
    Event changed_;
    Revision revision_;
    Revision kept_from_{1};  // Changes older than this are forgotten.
    std::int64_t last_lease_ = 0;
    std::map<std::string, KeyValue> entries_;
    std::map<LeaseId, Lease> leases_;
    std::deque<Change> history_;
};

}  // namespace muster::state
