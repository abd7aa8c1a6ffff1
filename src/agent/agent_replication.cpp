// Keeps synchronous_standby_names and the record of who is in sync right, in an order that no crash
// and no other node can turn into a lie: a standby enters the record after the primary waits for
// it, and leaves it before the primary stops waiting. Both changes compare the service's primacy,
// and a move compares the record that its decision rests on: of a move and a change of the record
// that cross each other, one fails.

#include <algorithm>

#include "agent/state.h"

namespace muster::agent {

namespace {

using component::ReplicationView;
using Kind = SyncAct::Kind;

constexpr Duration kTick = std::chrono::milliseconds(500);
constexpr Duration kPatience = std::chrono::seconds(5);
/// Commits wait while a standby is being protected: a slow one must not stall them for long.
constexpr Duration kProtectWithin = std::chrono::seconds(15);
/// A look at both ends and a new connection; what else is due waits for it.
constexpr Duration kRenewWithin = std::chrono::seconds(2);
/// A new connection streams within milliseconds. Until then nothing is made of its absence.
constexpr Duration kStreamsWithin = std::chrono::seconds(1);
constexpr Duration kRetryAfter = std::chrono::seconds(30);

}  // namespace

/// Names a component across waits, in which a reload may take it away.
struct Agent::State::Tended {
    ServiceId service;
    std::size_t index = 0;
    ComponentId component;
};

Task<> Agent::State::replication_loop() {
    while (true) {
        for (const auto& live : services) {
            const bool replicates = std::ranges::any_of(live.components, [&live](const auto& part) {
                return part->replication(live.primacy.site, {}).has_value();
            });
            if (replicates && tended.insert(live.plan->id).second) {
                tasks.spawn(tend_service(live.plan->id));
            }
        }
        CO_TRY_OK(co_await deps.clock.sleep_for(kTick));
    }
}

Task<> Agent::State::tend_service(ServiceId service) {
    std::vector<Tended> parts;
    if (const auto* live = find(service)) {
        for (std::size_t i = 0; i < live->components.size(); ++i) {
            parts.push_back({service, i, live->plan->components[i].id});
        }
    }
    Result<> done;
    for (const auto& part : parts) {
        done = co_await tend(part);
        if (!done && done.error().code() == Errc::kCancelled) {
            break;
        }
        note_trouble(part, done);
    }
    tended.erase(service);
    co_return Result<>{};
}

void Agent::State::note_trouble(const Tended& part, const Result<>& done) {
    auto* watch = watch_of(part);
    const std::string trouble = done ? std::string() : done.error().message();
    if (watch == nullptr || trouble == watch->trouble) {
        return;
    }
    watch->trouble = trouble;
    if (!trouble.empty()) {
        deps.log.warn("replication.untended", {{"service", part.service}, {"error", trouble}});
    }
}

SyncWatch* Agent::State::watch_of(const Tended& part) {
    auto* live = find(part.service);
    const bool is_there = live != nullptr && part.index < live->components.size() &&
                          live->plan->components[part.index].id == part.component;
    return is_there ? &live->sync[part.component] : nullptr;
}

const SyncWatch* Agent::State::sync_of(const LiveService& live,
                                       const ComponentId& component) const {
    const auto found = live.sync.find(component);
    return found == live.sync.end() ? nullptr : &found->second;
}

Task<> Agent::State::load_sync(Tended part) {
    CO_TRY(const auto entry, co_await deps.store.get(sync_key(part.service, part.component),
                                                     deps.clock.now() + kPatience));
    auto* watch = watch_of(part);
    const auto* live = find(part.service);
    if (watch == nullptr || live->is_starting_move) {
        co_return Result<>{};  // A decision rests on what is known now.
    }
    watch->record = {};
    if (entry) {
        CO_TRY(watch->record, decode_sync(*entry));
    }
    watch->is_loaded = true;
    co_return Result<>{};
}

Task<> Agent::State::tend(Tended part) {
    auto* watch = watch_of(part);
    if (watch == nullptr) {
        co_return Result<>{};
    }
    const bool is_mine = is_executor_for(find(part.service)->primacy.site);
    if (!watch->is_loaded || !is_mine) {
        CO_TRY_OK(co_await load_sync(part));
    }
    watch = watch_of(part);
    auto* live = find(part.service);
    if (watch == nullptr || !watch->is_loaded || live->is_starting_move || active_run(*live)) {
        co_return Result<>{};
    }
    const auto view =
        live->components[part.index]->replication(live->primacy.site, verdicts_of(*live));
    if (!view || !view->is_current) {
        co_return Result<>{};
    }
    auto act = next_act(*view, watch, deps.clock.now());
    announce_sync(live, part, *view);
    if (act.kind == Kind::kNone || !is_executor_for(live->primacy.site)) {
        co_return Result<>{};
    }
    co_return co_await do_sync_act(part, *view, std::move(act));
}

Task<> Agent::State::do_sync_act(Tended part, ReplicationView view, SyncAct act) {
    switch (act.kind) {
        case Kind::kNone:
            break;
        case Kind::kName: {
            watch_of(part)->retry_at = deps.clock.now() + kPatience;
            co_return co_await deps.postgres.name_standby(*act.standby,
                                                          deps.clock.now() + kPatience);
        }
        case Kind::kRenew:
            co_return co_await renew_stream(part, view.primary, *act.standby);
        case Kind::kProtect:
            co_return co_await protect(part, std::move(view), std::move(act));
        case Kind::kRelax:
            co_return co_await relax(part, view.primary);
        case Kind::kForget:
        case Kind::kReplace: {
            auto* watch = watch_of(part);
            const bool is_recorded = !watch->record.site.empty();
            watch->why = act.why;
            watch->record.site = SiteId();  // Out of sight before it is out of force.
            watch->record.standby.clear();
            watch->lost_since.reset();
            if (is_recorded) {
                CO_TRY_OK(co_await put_sync(part, watch->record));
            }
            if (act.kind == Kind::kReplace) {
                co_return co_await protect(part, std::move(view), std::move(act));
            }
            co_return co_await relax(part, view.primary);
        }
    }
    co_return Result<>{};
}

// Compare-and-put: nothing when a move has begun, or another node was first.
Task<> Agent::State::put_sync(Tended part, SyncRecord wanted) {
    auto* live = find(part.service);
    auto* watch = watch_of(part);
    if (watch == nullptr || live->is_starting_move || active_run(*live)) {
        co_return Error{Errc::kConflict, "a move of " + part.service.str() + " has begun"};
    }
    watch->is_loaded = false;  // What becomes of it is not known yet.
    const auto key = sync_key(part.service, part.component);
    state::Transaction change;
    change.compares.push_back({key, wanted.revision});
    change.compares.push_back({primacy_key(part.service), live->primacy.revision});
    change.ops.push_back(state::Op::put(key, encode(wanted)));
    auto committed = co_await deps.store.commit(std::move(change), deps.clock.now() + kPatience);
    watch = watch_of(part);
    if (!committed || watch == nullptr) {
        co_return committed ? Error{Errc::kConflict, "the service has left the plan"}
                            : std::move(committed).error();
    }
    wanted.revision = *committed;
    watch->record = std::move(wanted);
    watch->is_loaded = true;
    if (auto* again = find(part.service)) {
        const auto view =
            again->components[part.index]->replication(again->primacy.site, verdicts_of(*again));
        if (view) {
            announce_sync(again, part, *view);
        }
    }
    wake();
    co_return Result<>{};
}

// Commits that wait go on waiting meanwhile: neither end's loss lets them go.
Task<> Agent::State::renew_stream(Tended part, postgres::Server primary, postgres::Server standby) {
    const auto name = standby.standby_name();
    note_renewal(&watch_of(part)->streams[name], deps.clock.now());
    auto renewed = co_await deps.postgres.renew_stream(std::move(primary), std::move(standby),
                                                       deps.clock.now() + kRenewWithin);
    if (auto* watch = watch_of(part)) {
        note_renewal(&watch->streams[name], deps.clock.now());
        watch->retry_at = std::max(watch->retry_at, deps.clock.now() + kStreamsWithin);
    }
    co_return renewed;
}

Task<> Agent::State::protect(Tended part, ReplicationView view, SyncAct act) {
    const auto name = act.standby->standby_name();
    auto waits = co_await deps.postgres.set_sync_standby(view.primary, name,
                                                         deps.clock.now() + kProtectWithin);
    auto* watch = watch_of(part);
    if (watch == nullptr) {
        co_return waits;
    }
    if (waits) {
        auto wanted = watch->record;
        wanted.primary = view.primary.site;
        wanted.site = act.standby->site;
        wanted.standby = name;
        watch->lost_since.reset();
        watch->streams.erase(name);
        co_return co_await put_sync(part, std::move(wanted));
    }
    watch->why = waits.error().message();
    watch->retry_at = deps.clock.now() + kRetryAfter;
    CO_TRY_OK(co_await relax(part, view.primary));
    co_return waits;
}

// Only while nobody is in the record and no move is under way, which would hold it to be in force.
Task<> Agent::State::relax(Tended part, postgres::Server primary) {
    const auto* live = find(part.service);
    const auto* watch = watch_of(part);
    if (watch == nullptr || live->is_starting_move || active_run(*live) ||
        !watch->record.site.empty()) {
        co_return Result<>{};
    }
    co_return co_await deps.postgres.set_sync_standby(std::move(primary), {},
                                                      deps.clock.now() + kPatience);
}

void Agent::State::announce_sync(LiveService* live, const Tended& part,
                                 const ReplicationView& view) {
    auto* watch = watch_of(part);
    const auto state = state_of(view, *watch);
    const std::string name(to_string(state));
    if (name == watch->announced || state == SyncState::kUnknown) {
        return;
    }
    const bool was_managed = !watch->announced.empty() && watch->announced != "off";
    watch->announced = name;
    if (state == SyncState::kOff && !was_managed) {
        return;
    }
    const auto status = sync_status(*live, part.index);
    emit({.name = "replication." + name,
          .severity = state == SyncState::kWaiting    ? "error"
                      : state == SyncState::kDegraded ? "warn"
                                                      : "info",
          .subject = part.service.str(),
          .message = part.component.str() + ": " +
                     (status ? status->detail : "muster does not manage it any more"),
          .data = {{"component", part.component.str()}, {"standby", watch->record.standby}}});
    wake();
}

std::optional<InSync> Agent::State::in_sync(const LiveService& live, std::size_t index) const {
    const auto status = sync_status(live, index);
    return status ? std::optional(
                        InSync{live.plan->components[index].id, status->site, status->detail})
                  : std::nullopt;
}

std::optional<SyncStatus> Agent::State::sync_status(const LiveService& live,
                                                    std::size_t index) const {
    const auto view = live.components[index]->replication(live.primacy.site, {});
    if (!view || view->mode != ReplicationView::Mode::kManaged) {
        return std::nullopt;
    }
    const auto* watch = sync_of(live, live.plan->components[index].id);
    const auto state = watch == nullptr ? SyncState::kUnknown : state_of(*view, *watch);
    SyncStatus status;
    status.state = to_string(state);
    if (state == SyncState::kInSync || state == SyncState::kWaiting) {
        status.site = watch->record.site;
        status.standby = watch->record.standby;
    }
    switch (state) {
        case SyncState::kInSync:
            status.detail = "commits wait for " + status.standby;
            break;
        case SyncState::kWaiting:
            status.detail = "commits wait for " + status.standby + ", which is lost; " +
                            (view->degrade_after ? "they go on without it after " +
                                                       format_duration(*view->degrade_after)
                                                 : "they wait until it is back (degrade: never)");
            break;
        case SyncState::kDegraded:
            status.detail = "commits wait for no standby: " +
                            (watch->why.empty() ? std::string("none is in sync yet") : watch->why);
            break;
        default:
            status.detail = "not known yet";
            break;
    }
    return status;
}

state::Transaction Agent::State::sync_of_move(const LiveService& live,
                                              const component::Move& move) const {
    state::Transaction also;
    if (move.kind == component::Move::Kind::kRebuild) {
        return also;  // The primary stays, and goes on waiting for whom it waits.
    }
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        if (!live.components[i]->replication(live.primacy.site, {})) {
            continue;
        }
        const auto& component = live.plan->components[i].id;
        const auto key = sync_key(live.plan->id, component);
        if (const auto* watch = sync_of(live, component); watch != nullptr && watch->is_loaded) {
            also.compares.push_back({key, watch->record.revision});
        }
        SyncRecord empty;
        empty.primary = live.primacy.site;
        also.ops.push_back(state::Op::put(key, encode(empty)));
    }
    return also;
}

}  // namespace muster::agent
