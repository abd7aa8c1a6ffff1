#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "state/store.h"

namespace muster::adapters {

/// The embedded store: one SQLite file (WAL, synchronous=FULL), written by a thread of its own with
/// group commit, so that a slow disk never stalls the event loop. Held by one process at a time.
class SqliteStore final : public state::Store {
  public:
    /// kConflict when another process has it (names its pid), kCorrupt when it fails its check,
    /// kInvalid when a newer muster wrote it; each with the next command as hint.
    static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, Executor executor,
                                                     Clock& clock);
    ~SqliteStore() override;

    Task<std::optional<state::KeyValue>> get(std::string key, Instant deadline) override;
    Task<std::vector<state::KeyValue>> list(Range range, Instant deadline) override;
    Task<state::Revision> commit(state::Transaction transaction, Instant deadline) override;
    Task<state::LeaseId> grant(Duration ttl, Instant deadline) override;
    Task<> renew(state::LeaseId lease, Instant deadline) override;
    Task<> revoke(state::LeaseId lease, Instant deadline) override;
    Task<state::Changes> watch(std::string prefix, state::Revision from, Instant deadline) override;
    Task<state::Revision> revision(Instant deadline) override;

    /// Calls that the disk has not answered yet.
    [[nodiscard]] std::size_t waiting() const;

  private:
    struct Impl;
    explicit SqliteStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters
