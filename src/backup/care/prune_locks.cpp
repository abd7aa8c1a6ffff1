// How a prune gets along with a store that keeps files for a time (object lock): what is locked
// stays out of the plan.

#include <algorithm>
#include <atomic>

#include "backup/care/prune.h"
#include "backup/retaining_store.h"

namespace muster::backup {

/// What the store keeps for a time stays as it is, and so does every pack that a kept index file
/// lists: else each run until then would write the same things anew.
Result<PrunePlan> Prune::plan_around_locks() {
    for (;;) {
        TRY(auto plan, plan_prune(repository_.index(), *used_, packs_, settings_));
        TRY(const bool are_packs_locked, find_locked_packs(plan));
        TRY(const bool are_indexes_locked, find_locked_indexes(plan));
        if (are_packs_locked || are_indexes_locked) {
            continue;  // Each time there are more of them, so this ends.
        }
        if (locked_until_ != WallTime{}) {
            const auto count =
                std::ranges::count_if(looked_at_, [](const auto& one) { return one.second; });
            observer_.on_step("locked files that stay: " + std::to_string(count) +
                              ", the last of them until " + format_wall(locked_until_));
        }
        return plan;
    }
}

/// Asks the store once for each file.
Result<bool> Prune::is_locked(const StoredName& name) {
    {
        const std::scoped_lock lock(mutex_);
        if (const auto known = looked_at_.find(name); known != looked_at_.end()) {
            return known->second;
        }
    }
    const auto until = retained_until(repository_.store(), name);
    if (!until && until.error().code() != Errc::kNotFound) {
        return Error(until.error()).with("while looking whether " + name.str() + " is locked");
    }
    const bool is_kept = until && *until && **until > repository_.host().wall();
    const std::scoped_lock lock(mutex_);
    looked_at_[name] = is_kept;
    locked_until_ = is_kept ? std::max(locked_until_, **until) : locked_until_;
    return is_kept;
}

/// Looks at the packs that would go; true when more are locked than were known to be.
Result<bool> Prune::find_locked_packs(const PrunePlan& plan) {
    const auto packs = plan.packs_to_remove(repository_.index());
    if (packs.empty()) {
        return false;
    }
    const auto before = settings_.locked.size();
    std::atomic<std::size_t> next{0};
    Result<> outcome;
    repository_.host().run_parallel(calls_at_once(packs.size()), [&](unsigned) {
        for (std::size_t i = next++; i < packs.size(); i = next++) {
            auto locked = is_locked({FileKind::kPack, packs[i].hex()});
            const std::scoped_lock lock(mutex_);
            if (!locked) {
                outcome = std::move(locked).error();
                next = packs.size();
            } else if (*locked) {
                settings_.locked.insert(packs[i]);
            }
        }
    });
    TRY_OK(std::move(outcome));
    return settings_.locked.size() > before;
}

/// The same for the index files that would be written anew, and with them for their packs.
Result<bool> Prune::find_locked_indexes(const PrunePlan& plan) {
    const auto before = settings_.locked.size();
    for (const auto& file : indexes_.files) {
        if (!plan.changes(file.packs)) {
            continue;
        }
        TRY(const bool is_kept, is_locked({FileKind::kIndex, file.id.hex()}));
        for (const auto pack : is_kept ? file.packs : std::vector<std::uint32_t>{}) {
            settings_.locked.insert(repository_.index().pack_name(pack));
        }
    }
    return settings_.locked.size() > before;
}

/// How many calls at once the store is quickest with.
unsigned Prune::calls_at_once(std::size_t calls) const {
    return static_cast<unsigned>(
        std::min<std::size_t>(repository_.store().traits().connections, calls));
}

}  // namespace muster::backup
