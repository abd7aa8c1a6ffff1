#include "state/watched_store.h"

#include <utility>

namespace muster::state {
namespace {

// A comparison that does not hold and a task that was stopped say nothing about the disk.
bool is_of_the_store(Errc code) {
    return code == Errc::kUnavailable || code == Errc::kTimedOut || code == Errc::kOutcomeUnknown ||
           code == Errc::kDenied || code == Errc::kCorrupt;
}

}  // namespace

void WatchedStore::note(const Error* error) {
    if (error == nullptr || error->code() == Errc::kConflict) {
        if (problem_) {
            problem_.reset();
            log_.info("store.mended", {});
        }
        return;
    }
    if (!is_of_the_store(error->code())) {
        return;
    }
    auto text = error->message() + (error->hint().empty() ? "" : "; " + error->hint());
    if (problem_ != text) {
        log_.error("store.failing", {{"error", error->message()}, {"hint", error->hint()}});
    }
    problem_ = std::move(text);
}

Task<Revision> WatchedStore::commit(Transaction transaction, Instant deadline) {
    auto committed = co_await inner_.commit(std::move(transaction), deadline);
    note(committed ? nullptr : &committed.error());
    co_return committed;
}

Task<std::optional<KeyValue>> WatchedStore::get(std::string key, Instant deadline) {
    return inner_.get(std::move(key), deadline);
}

Task<std::vector<KeyValue>> WatchedStore::list(Range range, Instant deadline) {
    return inner_.list(std::move(range), deadline);
}

Task<LeaseId> WatchedStore::grant(Duration ttl, Instant deadline) {
    return inner_.grant(ttl, deadline);
}

Task<> WatchedStore::renew(LeaseId lease, Instant deadline) {
    return inner_.renew(lease, deadline);
}

Task<> WatchedStore::revoke(LeaseId lease, Instant deadline) {
    return inner_.revoke(lease, deadline);
}

Task<Changes> WatchedStore::watch(std::string prefix, Revision from, Instant deadline) {
    return inner_.watch(std::move(prefix), from, deadline);
}

Task<Revision> WatchedStore::revision(Instant deadline) {
    return inner_.revision(deadline);
}

}  // namespace muster::state
