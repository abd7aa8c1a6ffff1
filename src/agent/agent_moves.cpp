#include <algorithm>
#include <cmath>

#include "agent/state.h"
#include "component/derive.h"

namespace muster::agent {

namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
constexpr Duration kRetryAfter = std::chrono::seconds(1);

// A phase is over when each of its steps is done or left out; true also when it has none.
bool is_over(const workflow::Run& run, std::string_view phase) {
    return std::ranges::all_of(run.spec.steps, [&run, phase](const plan::Step& step) {
        const auto state = run.steps.find(step.id);
        return step.phase != phase || (state != run.steps.end() &&
                                       (state->second.status == workflow::StepStatus::kDone ||
                                        state->second.status == workflow::StepStatus::kSkipped));
    });
}

bool moves_primacy(const workflow::Run& run) {
    return (run.spec.cause.kind == "failover" || run.spec.cause.kind == "switchover") &&
           !run.spec.cause.to.empty();
}

std::string progress_of(const workflow::Run& run) {
    std::string text(to_string(run.status));
    for (const auto& [id, step] : run.steps) {
        text += static_cast<char>('a' + static_cast<int>(step.status));
    }
    return text;
}

std::string severity_of(workflow::RunStatus status) {
    switch (status) {
        case workflow::RunStatus::kWaiting:
        case workflow::RunStatus::kFailed:
            return "error";
        case workflow::RunStatus::kAborted:
        case workflow::RunStatus::kRollingBack:
        case workflow::RunStatus::kRolledBack:
            return "warn";
        default:
            return "info";
    }
}

}  // namespace

bool Agent::State::may_act(const ServiceId& service, Epoch epoch) const {
    const auto found = std::ranges::find_if(
        services, [&service](const LiveService& live) { return live.plan->id == service; });
    return found == services.end() || epoch >= found->primacy.epoch;
}

// Of several nodes on one store, the one that began a run goes on with it.
bool Agent::State::is_own(const workflow::Run& run) const {
    const auto owner = run.spec.parameters.find("node_site");
    return options.vantages.size() < 2 || owner == run.spec.parameters.end() ||
           owner->second == options.site.str();
}

const workflow::Run* Agent::State::own_run(const ServiceId& service) const {
    const auto* run = runner.active_on(service);
    return run != nullptr && is_own(*run) ? run : nullptr;
}

// This node's own run, or the move of another node that the primacy record tells of.
std::optional<RunId> Agent::State::active_run(const LiveService& live) const {
    if (const auto* run = own_run(live.plan->id)) {
        return run->spec.id;
    }
    return live.primacy.moving_to.empty() ? std::nullopt : std::optional(live.primacy.run);
}

// With one node it executes everything. With several the target's own node does: recovery at a site
// needs nothing from the lost one.
bool Agent::State::is_executor_for(const SiteId& target) const {
    const bool has_node = std::ranges::find(options.vantages, target) != options.vantages.end();
    return options.vantages.size() < 2 || !has_node || target == options.site;
}

workflow::Cause Agent::State::cause_of(const LiveService& live,
                                       const decide::Decision& decision) const {
    const auto now = deps.clock.now();
    const auto wall = deps.clock.wall();
    const auto at = [now, wall](Instant then) {
        return wall - std::chrono::duration_cast<std::chrono::microseconds>(now - then);
    };
    workflow::Cause cause;
    cause.is_automatic = true;
    cause.requested_by = "muster";
    cause.summary = decision.summary;
    cause.decision = decide::explain(decision, now);
    if (decision.outage_began) {
        cause.outage_began = at(*decision.outage_began);
    }
    if (live.condemned) {
        cause.detected = at(*live.condemned);
    }
    cause.decided = wall;
    return cause;
}

Task<RunId> Agent::State::start_decided(ServiceId service, decide::Decision decision) {
    CO_TRY(const bool has_waited, co_await make_way(service, *decision.target));
    auto* live = find(service);
    if (live == nullptr) {
        co_return Error{Errc::kCancelled, "service " + service.str() + " has left the plan"};
    }
    if (has_waited) {
        const auto wanted = decision.target;
        decision = live->decision;
        if (decision.kind != decide::Kind::kFailover || decision.target != wanted) {
            co_return Error{Errc::kCancelled, "it is decided otherwise now"};
        }
    }
    const component::Move move{component::Move::Kind::kFailover, live->primacy.site,
                               *decision.target};
    // Silence may end at any moment: then the fence looks before it strikes, a late one always.
    const bool is_silence = std::ranges::any_of(decision.votes, [&move](const auto& vote) {
        return vote.target.site == move.from && vote.health == probe::Health::kDown &&
               vote.evidence == probe::Evidence::kSilence;
    });
    const auto limit = live->plan->failover.max_loss.value_or(live->plan->objectives.rpo);
    co_return co_await start_move(
        service, move, cause_of(*live, decision),
        {{"look_first", is_silence ? "always" : "late"},
         {"loss_limit_ms",
          std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count())},
         {"decided", format_wall(deps.clock.wall())}});
}

// The next attempt waits for the end of the pause; a person who begins one meanwhile does not.
Task<> Agent::State::rest(ServiceId service) {
    if (auto* live = find(service)) {
        live->is_resting = true;
    }
    CO_TRY_OK(co_await deps.clock.sleep_for(kRetryAfter));
    if (auto* live = find(service); live != nullptr && live->is_resting) {
        live->is_resting = false;
        live->is_starting_move = false;
    }
    co_return Result<>{};
}

Task<> Agent::State::start_automatic(ServiceId service, decide::Decision decision) {
    if (!decision.target) {
        co_return Result<>{};
    }
    const auto run = co_await start_decided(service, std::move(decision));
    if (!run && run.error().code() != Errc::kCancelled) {
        emit({.name = "move.refused",
              .severity = run.error().code() == Errc::kConflict ? "warn" : "error",
              .subject = service.str(),
              .message = run.error().message()});
        co_return co_await rest(service);
    }
    auto* live = find(service);
    if (live != nullptr) {
        live->is_starting_move = false;
    }
    if (live != nullptr && run) {
        live->automatic_moves[*run] = deps.clock.now();
    }
    co_return Result<>{};
}

// What a forced move may lose at most: nothing where the standby is in sync, else by the heartbeat
// that had arrived. A planned move loses nothing anyway.
void Agent::State::note_loss(const LiveService& live, const component::Move& move,
                             Fields* parameters) const {
    if (move.kind != component::Move::Kind::kFailover) {
        return;
    }
    const auto view = view_of(live);
    const auto found = std::ranges::find(view.candidates, move.to, &decide::Candidate::site);
    if (found == view.candidates.end()) {
        return;
    }
    const auto bound = found->is_in_sync ? std::optional(Duration(0)) : found->loss;
    if (bound) {
        (*parameters)["loss_bound_ms"] = std::to_string(std::lround(to_ms(*bound)));
    }
    if (found->is_in_sync) {
        (*parameters)["was_in_sync"] = "true";
        parameters->erase("loss_limit_ms");  // What it lacks was never acknowledged.
    }
}

Task<RunId> Agent::State::start_move(ServiceId service, component::Move move, workflow::Cause cause,
                                     Fields parameters) {
    auto* live = find(service);
    workflow::RunSpec spec;
    spec.id = workflow::make_run_id(deps.clock.wall(), deps.random);
    spec.plan_digest = plan.digest;
    spec.parameters = std::move(parameters);
    spec.parameters["node_site"] = options.site.str();
    note_loss(*live, move, &spec.parameters);
    CO_TRY(spec.steps, component::derive(plan, *live->plan, move));
    // The epoch rises before anything is done: whoever still acts for the old one is refused.
    auto wanted = live->primacy;
    wanted.epoch.value += 1;
    wanted.run = spec.id;
    if (move.kind != component::Move::Kind::kRebuild) {
        wanted.moving_to = move.to;
    }
    // With it goes the record of who is in sync: compared, for the decision rests on it, and
    // emptied.
    auto also = sync_of_move(*live, move);
    const auto committed = co_await commit_primacy(&deps.store, service, wanted,
                                                   deps.clock.now() + kPatience, std::move(also));
    live = find(service);
    if (live != nullptr) {
        for (auto& [component, watch] : live->sync) {
            watch = forgotten(std::move(watch));  // Read again, whatever became of it.
        }
    }
    CO_TRY(const auto revision, committed);
    if (live == nullptr) {
        co_return Error{Errc::kConflict, "service " + service.str() + " has left the plan"};
    }
    wanted.revision = revision;
    live->primacy = wanted;
    cause.kind = std::string(component::to_string(move.kind));
    cause.service = service;
    cause.from = move.from;
    cause.to = move.to;
    cause.epoch = wanted.epoch;
    cause.rpo = live->plan->objectives.rpo;
    cause.rto = live->plan->objectives.rto;
    spec.cause = std::move(cause);
    auto run = co_await runner.start(std::move(spec));
    if (!run && run.error().code() != Errc::kCancelled) {
        tasks.spawn(withdraw_move(service, wanted.run));
    }
    co_return run;
}

// The record tells of a move whose run never began: while it does, nothing else may. The epoch
// rises once more, so that a record of that run which arrives late after all can do nothing.
Task<> Agent::State::withdraw_move(ServiceId service, RunId id) {
    while (true) {
        auto* live = find(service);
        if (live == nullptr || live->primacy.run != id || live->primacy.moving_to.empty()) {
            co_return Result<>{};
        }
        auto wanted = live->primacy;
        wanted.epoch.value += 1;
        wanted.moving_to = SiteId();
        const auto revision =
            co_await commit_primacy(&deps.store, service, wanted, deps.clock.now() + kPatience);
        live = find(service);
        if (revision && live != nullptr) {
            wanted.revision = *revision;
            live->primacy = wanted;
            wake();
            continue;
        }
        CO_TRY_OK(co_await deps.clock.sleep_for(kRetryAfter));
    }
}

void Agent::State::note_run(const workflow::Run& run) {
    const auto progress = progress_of(run);
    auto& seen = run_seen[run.spec.id];
    const bool is_new = seen.empty();
    const bool has_status_change = is_new || !seen.starts_with(std::string(to_string(run.status)));
    if (seen == progress) {
        return;
    }
    seen = progress;
    if (has_status_change) {
        emit({.name = is_new ? "run.started" : "run." + std::string(to_string(run.status)),
              .severity = severity_of(run.status),
              .subject = run.spec.id.str(),
              .message = run.spec.cause.kind + " of " + run.spec.cause.service.str() +
                         (run.reason.empty() ? "" : ": " + run.reason),
              .data = {{"service", run.spec.cause.service.str()},
                       {"status", std::string(to_string(run.status))}}});
    }
    if (is_final(run.status)) {
        run_seen.erase(run.spec.id);
        needs_forecast = true;
    }
    if (moves_primacy(run)) {
        tasks.spawn(settle_primacy(run.spec.id));
    }
    wake();
}

// Brings the primacy record in line with its run: the new site from the moment that every promotion
// is done; the old one when the run ended before that. A run that has ended changes no more: what
// the store does not take now is tried until it does.
Task<> Agent::State::settle_primacy(RunId id) {
    while (true) {
        const auto settled = co_await settle_once(id);
        if (settled || settled.error().code() == Errc::kCancelled) {
            co_return settled;
        }
        CO_TRY_OK(co_await deps.clock.sleep_for(kRetryAfter));
    }
}

Task<> Agent::State::settle_once(RunId id) {
    const auto* run = runner.find(id);
    auto* live = run == nullptr ? nullptr : find(run->spec.cause.service);
    if (live == nullptr || live->primacy.run != id || live->primacy.moving_to.empty()) {
        co_return Result<>{};
    }
    const bool is_moved = is_over(*run, "fence") && is_over(*run, "promote");
    if (!is_moved && !is_final(run->status)) {
        co_return Result<>{};
    }
    const auto service = live->plan->id;
    auto wanted = live->primacy;
    if (is_moved) {
        wanted.left[wanted.site] = run->spec.cause.epoch;
        wanted.left.erase(wanted.moving_to);
        wanted.site = wanted.moving_to;
    }
    wanted.moving_to = SiteId();
    CO_TRY(wanted.revision,
           co_await commit_primacy(&deps.store, service, wanted, deps.clock.now() + kPatience));
    live = find(service);
    if (live == nullptr) {
        co_return Result<>{};
    }
    live->primacy = wanted;
    if (is_moved) {
        emit({.name = "primacy.changed",
              .severity = "info",
              .subject = service.str(),
              .message = "site " + wanted.site.str() + " serves it now",
              .data = {{"epoch", std::to_string(wanted.epoch.value)}}});
    }
    CO_TRY_OK(co_await switch_watches(live));
    wake();
    co_return Result<>{};
}

// At start: what the runs did while nobody looked, and records whose run never began.
Task<> Agent::State::settle_all() {
    for (const auto* run : runner.list()) {
        if (run->spec.cause.is_automatic && moves_primacy(*run)) {
            if (auto* live = find(run->spec.cause.service)) {
                const auto age = std::max(deps.clock.wall() - run->started, WallTime::duration(0));
                live->automatic_moves[run->spec.id] = deps.clock.now() - age;
            }
        }
    }
    std::vector<ServiceId> names;
    names.reserve(services.size());
    for (const auto& live : services) {
        names.push_back(live.plan->id);
    }
    for (const auto& name : names) {
        auto* live = find(name);
        if (live->primacy.moving_to.empty()) {
            continue;
        }
        if (runner.find(live->primacy.run) != nullptr) {
            CO_TRY_OK(co_await settle_once(live->primacy.run));
            continue;
        }
        auto wanted = live->primacy;
        wanted.moving_to = SiteId();
        CO_TRY(wanted.revision,
               co_await commit_primacy(&deps.store, name, wanted, deps.clock.now() + kPatience));
        live->primacy = wanted;
    }
    co_return Result<>{};
}

Task<> Agent::State::follow_loop() {
    state::Revision from{1};
    while (true) {
        CO_TRY(const auto seen, co_await changes_under(std::string(kServicesPrefix), from));
        for (const auto& change : seen.changes) {
            CO_TRY_OK(co_await follow(change.entry));
        }
        from = seen.next;
    }
}

Task<> Agent::State::follow(state::KeyValue entry) {
    const auto service = service_of_key(entry.key);
    auto* live = service ? find(*service) : nullptr;
    const auto primacy = decode_primacy(entry);
    if (live == nullptr || !primacy || primacy->revision <= live->primacy.revision) {
        co_return Result<>{};
    }
    const bool has_moved = primacy->site != live->primacy.site;
    live->primacy = *primacy;
    if (has_moved) {
        CO_TRY_OK(co_await switch_watches(live));
    }
    wake();
    co_return Result<>{};
}

}  // namespace muster::agent
