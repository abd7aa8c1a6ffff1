#include <utility>

#include "workflow/live.h"

namespace muster::workflow {
namespace {

constexpr Duration kStoreTimeout = std::chrono::seconds(30);
constexpr const char* kAside = "aside/";

}  // namespace

// All of it moves in one transaction, so that the lock never goes without the journal.
Task<> Runner::State::set_aside(LivePtr live, std::string by) {
    const auto id = live->view.spec.id;
    const auto deadline = deps.clock.now() + kStoreTimeout;
    CO_TRY(auto kept, co_await deps.store.list({"runs/" + id.str() + "/", {}, 0}, deadline));
    CO_TRY(auto locks, co_await deps.store.list({lock_key(ServiceId()), {}, 0}, deadline));
    state::Transaction change;
    for (auto& entry : kept) {
        change.compares.push_back({entry.key, entry.modified});
        change.ops.push_back(state::Op::put(kAside + entry.key, std::move(entry.value)));
        change.ops.push_back(state::Op::erase(std::move(entry.key)));
    }
    // The service may be one of the things that can't be read.
    for (auto& lock : locks) {
        if (lock.value == id.str()) {
            change.compares.push_back({lock.key, lock.modified});
            change.ops.push_back(state::Op::erase(std::move(lock.key)));
        }
    }
    CO_TRY_OK((co_await deps.store.commit(std::move(change), deps.clock.now() + kStoreTimeout))
                  .with("run " + id.str() + " was not set aside"));
    live->broken = Error{Errc::kConflict, "run " + id.str() + " has ended: aborted",
                         "see it with: muster run show " + id.str()};
    live->view.status = RunStatus::kAborted;
    live->view.ended = deps.clock.wall();
    live->view.reason = "its journal could not be read and lies under " +
                        (kAside + ("runs/" + id.str())) + " in the store; aborted by " + by;
    deps.log.warn("run.set_aside", {{"run", id}, {"by", by}});
    if (on_change) {
        on_change(live->view);
    }
    co_return Result<>{};
}

}  // namespace muster::workflow
