#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "base/time.h"

namespace muster::state {

/// A point in the store's history; grows by one with every transaction that changes something.
struct Revision {
    std::int64_t value = 0;
    auto operator<=>(const Revision&) const = default;
};

struct LeaseId {
    std::int64_t value = 0;  ///< 0: no lease.
    auto operator<=>(const LeaseId&) const = default;
};

struct KeyValue {
    std::string key;
    std::string value;
    Revision created;
    Revision modified;
    LeaseId lease;
};

/// A condition of a transaction. `modified` 0 means: the key does not exist.
struct Compare {
    std::string key;
    Revision modified;
};

struct Op {
    enum class Kind { kPut, kDelete };
    Kind kind = Kind::kPut;
    std::string key;
    std::string value;
    LeaseId lease;  ///< A put under a lease vanishes with it.

    static Op put(std::string key, std::string value, LeaseId lease = {});
    static Op erase(std::string key);
};

/// All comparisons hold and all operations happen, or none does.
struct Transaction {
    std::vector<Compare> compares;
    std::vector<Op> ops;
};

struct Change {
    Op::Kind kind = Op::Kind::kPut;
    KeyValue entry;  ///< On a delete: the key and the revision of the deletion.
};

struct Changes {
    std::vector<Change> changes;
    Revision next;  ///< Pass this to the next `watch`.
};

/// Durable shared state with the meaning of etcd v3: revisions, compare-and-put transactions,
/// leases, watches. Acknowledged means durable. Every call may fail with kUnavailable or kTimedOut
/// (nothing happened), `commit` also with kOutcomeUnknown (observe before retrying).
class Store {
  public:
    virtual ~Store() = default;

    /// One key; std::nullopt when there is none.
    virtual Task<std::optional<KeyValue>> get(std::string key, Instant deadline) = 0;
    /// All keys that start with `prefix`, sorted, at most `limit` (0: no limit), from `from` on
    /// when that is not empty.
    struct Range {
        std::string prefix;
        std::string from;
        std::size_t limit = 0;
    };
    virtual Task<std::vector<KeyValue>> list(Range range, Instant deadline) = 0;
    /// The revision of the commit. kConflict when a comparison did not hold (nothing happened).
    virtual Task<Revision> commit(Transaction transaction, Instant deadline) = 0;
    /// A lease that expires `ttl` after its last renewal, by the store's clock.
    virtual Task<LeaseId> grant(Duration ttl, Instant deadline) = 0;
    /// kNotFound when it has expired.
    virtual Task<> renew(LeaseId lease, Instant deadline) = 0;
    /// Ends the lease; its keys vanish.
    virtual Task<> revoke(LeaseId lease, Instant deadline) = 0;
    /// Waits for changes under `prefix` with a revision of at least `from`; returns at least one,
    /// or none at the deadline. kNotFound when `from` is older than what the store kept.
    virtual Task<Changes> watch(std::string prefix, Revision from, Instant deadline) = 0;
    /// The newest revision.
    virtual Task<Revision> revision(Instant deadline) = 0;
};

}  // namespace muster::state
