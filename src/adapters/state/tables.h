#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/state/database.h"
#include "base/time.h"
#include "state/store.h"

namespace muster::adapters {

/// The store's meaning over its tables: what each call reads and writes. Used by one thread, always
/// inside `begin` … `commit` or `roll_back`. A failure of the database makes the whole batch fail:
/// see `failure()`.
class Tables {
  public:
    /// Reads where the store stands; leases begin a full TTL anew at `now`.
    static Result<Tables> load(Database database, Instant now);

    /// Starts a batch at this time: leases that are over end first.
    Result<> begin(Instant now);
    /// Makes the batch durable.
    Result<> commit();
    /// Forgets the batch.
    void roll_back();
    /// The database's failure inside this batch, if any: then nothing of the batch may stand.
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

    Result<std::optional<state::KeyValue>> get(const std::string& key);
    Result<std::vector<state::KeyValue>> list(const state::Store::Range& range);
    Result<state::Revision> apply(const state::Transaction& transaction);
    Result<state::LeaseId> grant(Duration ttl);
    Result<> renew(state::LeaseId lease);
    Result<> revoke(state::LeaseId lease);
    /// What happened under `prefix` since `from`, up to now; kNotFound when that is not kept.
    Result<state::Changes> changes(const std::string& prefix, state::Revision from);
    [[nodiscard]] state::Revision revision() const { return place_.revision; }
    /// When the next lease ends, unless it is renewed.
    [[nodiscard]] std::optional<Instant> next_expiry() const;

  private:
    struct Lease {
        Duration ttl{};
        Instant expires;
    };
    /// What is kept in memory beside the tables; goes back with them.
    struct Place {
        state::Revision revision;
        std::int64_t compacted = 0;
        std::int64_t last_lease = 0;
        std::int64_t last_change = 0;  ///< Of `history`: revision << 20, plus its place in there.
        std::map<state::LeaseId, Lease> leases;
    };
    struct Statements {
        Statement begin;
        Statement commit;
        Statement roll_back;
        Statement get;
        Statement list;
        Statement put;
        Statement erase;
        Statement by_lease;
        Statement add_lease;
        Statement end_lease;
        Statement note;
        Statement history;
        Statement trim;
        Statement meta;
    };

    Tables(Database database, Statements statements, Place place)
        : database_(std::move(database)),
          statements_(std::move(statements)),
          place_(std::move(place)) {}
    static Result<Statements> prepare(Database& database);
    template <class T>
    Result<T> keep(Result<T> result);
    Result<> change(const state::Op& op, state::Revision revision);
    Result<> put(const state::Op& op, state::Revision revision);
    Result<> erase(const state::Op& op, state::Revision revision);
    Result<> note(state::Op::Kind kind, const state::KeyValue& entry);
    Result<> end(state::LeaseId lease);
    Result<> write_place();
    Result<std::optional<state::KeyValue>> find(const std::string& key);
    Result<state::Revision> transact(const state::Transaction& transaction);
    Result<std::vector<state::KeyValue>> read_list(const state::Store::Range& range);
    Result<state::Changes> read_changes(const std::string& prefix, state::Revision from);

    Database database_;
    Statements statements_;
    Place place_;
    Place before_;
    Instant now_;
    std::optional<Error> failure_;
};

}  // namespace muster::adapters
