#include "state/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/task_group.h"

namespace muster::state {

MemoryStore::MemoryStore(Executor executor, Clock& clock)
    : executor_(executor), clock_(clock), changed_(std::move(executor)) {
}

Task<std::optional<KeyValue>> MemoryStore::get(std::string key, Instant /*deadline*/) {
    expire();
    const auto found = entries_.find(key);
    if (found == entries_.end()) {
        co_return std::optional<KeyValue>{};
    }
    co_return std::optional<KeyValue>{found->second};
}

Task<std::vector<KeyValue>> MemoryStore::list(Range range, Instant /*deadline*/) {
    expire();
    std::vector<KeyValue> out;
    auto place = entries_.lower_bound(std::max(range.prefix, range.from));
    for (; place != entries_.end() && place->first.starts_with(range.prefix); ++place) {
        out.push_back(place->second);
        if (out.size() == range.limit) {
            break;
        }
    }
    co_return out;
}

Result<> MemoryStore::check(const Transaction& transaction) const {
    for (const auto& compare : transaction.compares) {
        const auto found = entries_.find(compare.key);
        const auto modified = found == entries_.end() ? Revision{} : found->second.modified;
        if (modified != compare.modified) {
            return Error{Errc::kConflict, "key " + compare.key + " is at revision " +
                                              std::to_string(modified.value) + ", not " +
                                              std::to_string(compare.modified.value)};
        }
    }
    for (const auto& op : transaction.ops) {
        if (op.lease != LeaseId{} && !leases_.contains(op.lease)) {
            return Error{Errc::kNotFound, "lease " + std::to_string(op.lease.value) + " of key " +
                                              op.key + " has expired"};
        }
    }
    return {};
}

Task<Revision> MemoryStore::commit(Transaction transaction, Instant /*deadline*/) {
    expire();
    CO_TRY_OK(check(transaction));
    const Revision next{revision_.value + 1};
    for (const auto& op : transaction.ops) {
        apply(op, next);
    }
    co_return revision_;
}

// The revision grows only when something changed: deleting a key that is not there is nothing.
void MemoryStore::apply(const Op& op, Revision revision) {
    const auto found = entries_.find(op.key);
    if (op.kind == Op::Kind::kDelete) {
        if (found != entries_.end()) {
            entries_.erase(found);
            record({Op::Kind::kDelete, {op.key, {}, {}, revision, {}}});
        }
        return;
    }
    const auto created = found == entries_.end() ? revision : found->second.created;
    KeyValue entry{op.key, op.value, created, revision, op.lease};
    entries_[op.key] = entry;
    record({Op::Kind::kPut, std::move(entry)});
}

void MemoryStore::record(Change change) {
    revision_ = change.entry.modified;
    history_.push_back(std::move(change));
    if (history_.size() > kMaxHistory) {
        kept_from_ = {history_.front().entry.modified.value + 1};
        history_.pop_front();
    }
    changed_.notify();
}

Task<LeaseId> MemoryStore::grant(Duration ttl, Instant /*deadline*/) {
    expire();
    const LeaseId lease{++last_lease_};
    leases_[lease] = {ttl, clock_.now() + ttl};
    changed_.notify();  // A watcher may now have to wake earlier.
    co_return lease;
}

Task<> MemoryStore::renew(LeaseId lease, Instant /*deadline*/) {
    expire();
    const auto found = leases_.find(lease);
    if (found == leases_.end()) {
        co_return Error{Errc::kNotFound, "lease " + std::to_string(lease.value) + " has expired"};
    }
    found->second.expires = clock_.now() + found->second.ttl;
    co_return Result<>{};
}

Task<> MemoryStore::revoke(LeaseId lease, Instant /*deadline*/) {
    expire();
    if (!leases_.contains(lease)) {
        co_return Error{Errc::kNotFound, "lease " + std::to_string(lease.value) + " has expired"};
    }
    end_lease(lease);
    co_return Result<>{};
}

void MemoryStore::expire() {
    std::vector<LeaseId> over;
    for (const auto& [id, lease] : leases_) {
        if (lease.expires <= clock_.now()) {
            over.push_back(id);
        }
    }
    for (const auto id : over) {
        end_lease(id);
    }
}

void MemoryStore::end_lease(LeaseId lease) {
    leases_.erase(lease);
    std::vector<std::string> keys;
    for (const auto& [key, entry] : entries_) {
        if (entry.lease == lease) {
            keys.push_back(key);
        }
    }
    const Revision next{revision_.value + 1};
    for (auto& key : keys) {
        apply(Op::erase(std::move(key)), next);
    }
}

Changes MemoryStore::changes_since(const std::string& prefix, Revision from) const {
    Changes out;
    const auto first = std::ranges::lower_bound(
        history_, from, {}, [](const Change& change) { return change.entry.modified; });
    for (auto place = first; place != history_.end(); ++place) {
        if (place->entry.key.starts_with(prefix)) {
            out.changes.push_back(*place);
        }
    }
    out.next = {std::max(from.value, revision_.value + 1)};
    return out;
}

Instant MemoryStore::next_expiry(Instant deadline) const {
    for (const auto& [id, lease] : leases_) {
        deadline = std::min(deadline, lease.expires);
    }
    return deadline;
}

Task<> MemoryStore::ring(Instant when, bool* has_rung) {
    const auto slept = co_await clock_.sleep_until(when);
    static_cast<void>(slept);
    *has_rung = true;
    changed_.notify();
    co_return Result<>{};
}

Task<> MemoryStore::wait_for_change(Instant until) {
    bool has_rung = false;
    TaskGroup alarm(executor_);
    alarm.spawn(ring(until, &has_rung));
    Result<> woken;
    if (!has_rung) {
        woken = co_await changed_.wait();
    }
    const auto stopped = co_await alarm.stop();
    static_cast<void>(stopped);
    co_return woken;
}

Task<Changes> MemoryStore::watch(std::string prefix, Revision from, Instant deadline) {
    while (true) {
        expire();
        if (std::max(from, Revision{1}) < kept_from_) {
            co_return Error{Errc::kNotFound,
                            "changes before revision " + std::to_string(kept_from_.value) +
                                " are forgotten; asked for " + std::to_string(from.value),
                            "list the keys and watch from the newest revision"};
        }
        auto found = changes_since(prefix, from);
        if (!found.changes.empty() || clock_.now() >= deadline) {
            co_return found;
        }
        CO_TRY_OK(co_await wait_for_change(next_expiry(deadline)));
    }
}

Task<Revision> MemoryStore::revision(Instant /*deadline*/) {
    expire();
    co_return revision_;
}

}  // namespace muster::state
