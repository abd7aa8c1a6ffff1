#pragma once

#include <string_view>

#include "adapters/action/all_actions.h"
#include "adapters/net/pg_connection.h"

namespace muster::adapters {

/// Runs SQL on a PostgreSQL server. `observe:` is a query for one boolean, `undo:` is SQL, too.
class SqlAction final : public workflow::Action {
  public:
    static constexpr std::string_view kType = "sql";  ///< Its name in plan files.
    explicit SqlAction(const ActionDeps& deps) : executor_(deps.executor), clock_(deps.clock) {}
    static plan::Type parameters();
    [[nodiscard]] workflow::Traits traits() const override;
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override;
    Task<Fields> apply(workflow::Call call, Instant deadline) override;
    Task<> undo(workflow::Call call, Instant deadline) override;

  private:
    /// The SQL under `key` with the parameters beside it.
    Task<PgResult> run(plan::Node with, std::string key, Instant deadline);
    Executor executor_;
    Clock& clock_;
};

}  // namespace muster::adapters
