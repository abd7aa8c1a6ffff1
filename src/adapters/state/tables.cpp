#include "adapters/state/tables.h"

#include <algorithm>

namespace muster::adapters {

using state::Change;
using state::Changes;
using state::KeyValue;
using state::LeaseId;
using state::Op;
using state::Revision;
using state::Transaction;

namespace {

/// How many revisions back a watch may begin.
constexpr std::int64_t kKeptRevisions = 10'000;
/// Old history goes so many revisions at a time, and the place is noted then.
constexpr std::int64_t kTrimEvery = 256;
/// A change's id is its revision and its place among those of that revision.
constexpr std::int64_t kChangesPerRevision = std::int64_t{1} << 20;

// The least text that is greater than all that start with `prefix`; none when there is no such.
std::optional<std::string> end_of(std::string prefix) {
    while (!prefix.empty()) {
        const auto last = static_cast<unsigned char>(prefix.back());
        if (last != 0xff) {
            prefix.back() = static_cast<char>(last + 1);
            return prefix;
        }
        prefix.pop_back();
    }
    return std::nullopt;
}

KeyValue entry_of(const Statement& row) {
    return {row.bytes(0), row.bytes(1), Revision{row.number(2)}, Revision{row.number(3)},
            LeaseId{row.number(4)}};
}

// Calls `read` at each row, then resets the statement.
template <class Read>
Result<> each_row(Statement& statement, const Read& read) {
    auto has_row = statement.step();
    while (has_row && *has_row) {
        read();
        has_row = statement.step();
    }
    statement.reset();
    if (!has_row) {
        return std::move(has_row).error();
    }
    return {};
}

Error no_such_lease(LeaseId lease) {
    return Error{Errc::kNotFound, "there is no lease " + std::to_string(lease.value) +
                                      ": it has expired or was ended"};
}

Result<std::int64_t> read_meta(Database& database, const std::string& name) {
    TRY(auto statement, database.prepare("SELECT value FROM meta WHERE name = '" + name + "'"));
    TRY(const bool has_row, statement.step());
    if (!has_row) {
        return Error{Errc::kCorrupt, "the store is damaged: its " + name + " is missing"};
    }
    return statement.number(0);
}

}  // namespace

// A failure of the database (unlike a comparison that does not hold) spoils the whole batch.
template <class T>
Result<T> Tables::keep(Result<T> result) {
    if (!result && !failure_) {
        failure_ = result.error();
    }
    return result;
}

Result<Tables::Statements> Tables::prepare(Database& database) {
    Statements all;
    const auto make = [&database](Statement& into, const char* sql) -> Result<> {
        TRY(into, database.prepare(sql));
        return {};
    };
    TRY_OK(make(all.begin, "BEGIN"));
    TRY_OK(make(all.commit, "COMMIT"));
    TRY_OK(make(all.roll_back, "ROLLBACK"));
    TRY_OK(make(all.get, "SELECT key, value, created, modified, lease FROM kv WHERE key = ?1"));
    TRY_OK(make(all.list,
                "SELECT key, value, created, modified, lease FROM kv WHERE key >= ?1 "
                "AND (?2 = 0 OR key < ?3) ORDER BY key LIMIT ?4"));
    TRY_OK(make(all.put,
                "INSERT INTO kv(key, value, created, modified, lease) "
                "VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT(key) DO UPDATE SET "
                "value = excluded.value, modified = excluded.modified, lease = excluded.lease"));
    TRY_OK(make(all.erase, "DELETE FROM kv WHERE key = ?1"));
    TRY_OK(make(all.by_lease, "SELECT key FROM kv WHERE lease = ?1 AND lease <> 0 ORDER BY key"));
    TRY_OK(make(all.add_lease, "INSERT INTO leases(id, ttl_ns) VALUES (?1, ?2)"));
    TRY_OK(make(all.end_lease, "DELETE FROM leases WHERE id = ?1"));
    TRY_OK(make(all.note,
                "INSERT INTO history(id, kind, key, value, created, lease) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    TRY_OK(make(all.history,
                "SELECT key, value, created, id >> 20, lease, kind FROM history "
                "WHERE id >= ?1 << 20 AND key >= ?2 AND (?3 = 0 OR key < ?4) ORDER BY id"));
    TRY_OK(make(all.trim, "DELETE FROM history WHERE id < (?1 + 1) << 20"));
    TRY_OK(make(all.meta, "UPDATE meta SET value = ?2 WHERE name = CAST(?1 AS TEXT)"));
    return all;
}

Result<Tables> Tables::load(Database database, Instant now) {
    TRY(auto statements, prepare(database));
    Place place;
    TRY(place.revision.value, read_meta(database, "revision"));
    TRY(place.compacted, read_meta(database, "compacted"));
    TRY(place.last_lease, read_meta(database, "last_lease"));
    TRY(auto newest, database.prepare("SELECT max(id) FROM history"));
    TRY_OK(each_row(newest, [&] { place.last_change = newest.number(0); }));
    newest = {};
    // The row of `meta` stands still between two trims.
    place.revision.value = std::max(place.revision.value, place.last_change / kChangesPerRevision);
    TRY(auto leases, database.prepare("SELECT id, ttl_ns FROM leases"));
    TRY_OK(each_row(leases, [&] {
        const Duration ttl(leases.number(1));
        place.leases[LeaseId{leases.number(0)}] = {ttl, now + ttl};
    }));
    leases = {};
    return Tables(std::move(database), std::move(statements), std::move(place));
}

Result<> Tables::begin(Instant now) {
    failure_.reset();
    before_ = place_;
    now_ = std::max(now_, now);
    TRY_OK(statements_.begin.reset().run());
    std::vector<LeaseId> over;
    for (const auto& [id, lease] : place_.leases) {
        if (lease.expires <= now_) {
            over.push_back(id);
        }
    }
    for (const auto id : over) {
        if (auto ended = keep(end(id)); !ended) {
            return ended;
        }
    }
    return {};
}

Result<> Tables::commit() {
    TRY_OK(write_place());
    return statements_.commit.reset().run();
}

void Tables::roll_back() {
    // SQLite has rolled back by itself after some failures; there is nothing to do then.
    const auto ignored = statements_.roll_back.reset().run();
    static_cast<void>(ignored);
    place_ = std::move(before_);
}

Result<> Tables::write_place() {
    const auto write = [this](std::string_view name, std::int64_t value) {
        return statements_.meta.reset().bind(name).bind(value).run();
    };
    if (place_.last_lease != before_.last_lease) {
        TRY_OK(write("last_lease", place_.last_lease));
    }
    const auto compacted = place_.revision.value - kKeptRevisions;
    if (compacted < place_.compacted + kTrimEvery) {
        return {};
    }
    place_.compacted = compacted;
    TRY_OK(write("revision", place_.revision.value));
    TRY_OK(write("compacted", compacted));
    return statements_.trim.reset().bind(compacted).run();
}

Result<std::optional<KeyValue>> Tables::find(const std::string& key) {
    TRY(const bool has_row, statements_.get.reset().bind(key).step());
    std::optional<KeyValue> found;
    if (has_row) {
        found = entry_of(statements_.get);
    }
    statements_.get.reset();
    return found;
}

Result<std::optional<KeyValue>> Tables::get(const std::string& key) {
    return keep(find(key));
}

Result<std::vector<KeyValue>> Tables::list(const state::Store::Range& range) {
    return keep(read_list(range));
}

Result<std::vector<KeyValue>> Tables::read_list(const state::Store::Range& range) {
    const auto& from = std::max(range.from, range.prefix);
    const auto end = end_of(range.prefix);
    auto& row = statements_.list.reset();
    row.bind(from)
        .bind(end ? 1 : 0)
        .bind(end.value_or(""))
        .bind(range.limit == 0 ? -1 : static_cast<std::int64_t>(range.limit));
    std::vector<KeyValue> entries;
    TRY_OK(each_row(row, [&] { entries.push_back(entry_of(row)); }));
    return entries;
}

Result<Revision> Tables::apply(const Transaction& transaction) {
    if (transaction.ops.size() > kChangesPerRevision) {
        return Error{Errc::kInvalid, "a transaction changes too many keys: " +
                                         std::to_string(kChangesPerRevision) + " is the most"};
    }
    for (const auto& compare : transaction.compares) {
        TRY(const auto found, keep(find(compare.key)));
        const auto modified = found ? found->modified : Revision{};
        if (modified != compare.modified) {
            return Error{Errc::kConflict, "key " + compare.key + " is at revision " +
                                              std::to_string(modified.value) + ", not " +
                                              std::to_string(compare.modified.value)};
        }
    }
    for (const auto& op : transaction.ops) {
        if (op.lease.value != 0 && !place_.leases.contains(op.lease)) {
            return no_such_lease(op.lease);
        }
    }
    return keep(transact(transaction));
}

Result<Revision> Tables::transact(const Transaction& transaction) {
    const Revision next{place_.revision.value + 1};
    for (const auto& op : transaction.ops) {
        if (auto changed = change(op, next); !changed) {
            return std::move(changed).error();
        }
    }
    return place_.revision;
}

Result<> Tables::change(const Op& op, Revision revision) {
    if (op.kind == Op::Kind::kPut) {
        return put(op, revision);
    }
    TRY(const auto found, find(op.key));
    if (!found) {
        return {};
    }
    return erase(op, revision);
}

Result<> Tables::put(const Op& op, Revision revision) {
    TRY(const auto found, find(op.key));
    const auto created = found ? found->created : revision;
    TRY_OK(statements_.put.reset()
               .bind(op.key)
               .bind(op.value)
               .bind(revision.value)
               .bind(op.lease.value)
               .run());
    place_.revision = revision;
    return note(op.kind, {op.key, op.value, created, revision, op.lease});
}

Result<> Tables::erase(const Op& op, Revision revision) {
    TRY_OK(statements_.erase.reset().bind(op.key).run());
    place_.revision = revision;
    return note(op.kind, {op.key, {}, {}, revision, {}});
}

Result<> Tables::note(Op::Kind kind, const KeyValue& entry) {
    place_.last_change =
        std::max(place_.last_change + 1, entry.modified.value * kChangesPerRevision);
    return statements_.note.reset()
        .bind(place_.last_change)
        .bind(kind == Op::Kind::kPut ? 0 : 1)
        .bind(entry.key)
        .bind(entry.value)
        .bind(entry.created.value)
        .bind(entry.lease.value)
        .run();
}

Result<LeaseId> Tables::grant(Duration ttl) {
    if (ttl <= Duration::zero()) {
        return Error{Errc::kInvalid, "a lease needs a time to live above zero"};
    }
    const LeaseId lease{++place_.last_lease};
    TRY_OK(keep(statements_.add_lease.reset().bind(lease.value).bind(ttl.count()).run()));
    place_.leases[lease] = {ttl, now_ + ttl};
    return lease;
}

Result<> Tables::renew(LeaseId lease) {
    const auto found = place_.leases.find(lease);
    if (found == place_.leases.end()) {
        return no_such_lease(lease);
    }
    found->second.expires = now_ + found->second.ttl;
    return {};
}

Result<> Tables::revoke(LeaseId lease) {
    if (!place_.leases.contains(lease)) {
        return no_such_lease(lease);
    }
    return keep(end(lease));
}

Result<> Tables::end(LeaseId lease) {
    std::vector<std::string> keys;
    auto& row = statements_.by_lease.reset().bind(lease.value);
    TRY_OK(each_row(row, [&] { keys.push_back(row.bytes(0)); }));
    const Revision next{place_.revision.value + 1};
    for (auto& key : keys) {
        if (auto erased = erase(Op::erase(std::move(key)), next); !erased) {
            return erased;
        }
    }
    place_.leases.erase(lease);
    return statements_.end_lease.reset().bind(lease.value).run();
}

Result<Changes> Tables::changes(const std::string& prefix, Revision from) {
    if (from.value <= place_.compacted && from.value <= place_.revision.value &&
        place_.compacted > 0) {
        return Error{Errc::kNotFound,
                     "changes since revision " + std::to_string(from.value) +
                         " are no longer kept; the oldest is " +
                         std::to_string(place_.compacted + 1),
                     "list the keys again and watch from there"};
    }
    return keep(read_changes(prefix, from));
}

Result<Changes> Tables::read_changes(const std::string& prefix, Revision from) {
    const auto end = end_of(prefix);
    auto& row = statements_.history.reset();
    row.bind(from.value).bind(prefix).bind(end ? 1 : 0).bind(end.value_or(""));
    Changes changes;
    TRY_OK(each_row(row, [&] {
        changes.changes.push_back(
            {row.number(5) == 0 ? Op::Kind::kPut : Op::Kind::kDelete, entry_of(row)});
    }));
    changes.next = Revision{std::max(from.value, place_.revision.value + 1)};
    return changes;
}

std::optional<Instant> Tables::next_expiry() const {
    std::optional<Instant> next;
    for (const auto& [id, lease] : place_.leases) {
        if (!next || lease.expires < *next) {
            next = lease.expires;
        }
    }
    return next;
}

}  // namespace muster::adapters
