#pragma once

#include <optional>
#include <string>

#include "base/log.h"
#include "state/store.h"

namespace muster::state {

/// Another store that remembers whether its newest write went through, so that a node can say why
/// it does nothing. Tells the log when that changes: "store.failing", "store.mended".
class WatchedStore final : public Store {
  public:
    WatchedStore(Store& inner, Log& log) : inner_(inner), log_(log) {}

    /// Why nothing can be written at present, with the next command; nothing while all is well.
    [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }

    Task<std::optional<KeyValue>> get(std::string key, Instant deadline) override;
    Task<std::vector<KeyValue>> list(Range range, Instant deadline) override;
    Task<Revision> commit(Transaction transaction, Instant deadline) override;
    Task<LeaseId> grant(Duration ttl, Instant deadline) override;
    Task<> renew(LeaseId lease, Instant deadline) override;
    Task<> revoke(LeaseId lease, Instant deadline) override;
    Task<Changes> watch(std::string prefix, Revision from, Instant deadline) override;
    Task<Revision> revision(Instant deadline) override;

  private:
    void note(const Error* error);

    Store& inner_;
    Log& log_;
    std::optional<std::string> problem_;
};

}  // namespace muster::state
