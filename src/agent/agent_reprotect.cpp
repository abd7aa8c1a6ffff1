// The way back of a site that a move has left: a run of the kind rebuild, started without an
// operator, tried again with growing pauses, and given up in words.

#include <algorithm>

#include "agent/state.h"

namespace muster::agent {

namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
/// The primary has been good for so long before anything is rebuilt from it.
constexpr Duration kStable = std::chrono::seconds(3);

bool is_reprotection(const workflow::Run& run, const SiteId& site) {
    return run.spec.cause.is_automatic && run.spec.cause.kind == "rebuild" &&
           run.spec.cause.to == site;
}

// The failed step's own words; the run's reason where there is none.
std::string failure_of(const workflow::Run& run) {
    for (const auto& [id, step] : run.steps) {
        if (step.status == workflow::StepStatus::kFailed) {
            return "step " + id.str() + ": " + step.error;
        }
    }
    return run.reason.empty() ? "the run ended " + std::string(to_string(run.status)) : run.reason;
}

bool has_failed_step(const workflow::Run& run) {
    return std::ranges::any_of(run.steps, [](const auto& step) {
        return step.second.status == workflow::StepStatus::kFailed;
    });
}

std::string by_hand(const ServiceId& service, const SiteId& site) {
    return "muster rebuild " + service.str() + " --to " + site.str();
}

}  // namespace

Task<> Agent::State::load_reprotects(ServiceId service) {
    const auto* live = find(service);
    if (live == nullptr) {
        co_return Result<>{};
    }
    const auto epoch = live->primacy.epoch;
    if (auto& keeping = keepers[service]; !keeping.is_loaded || keeping.loaded_for != epoch) {
        CO_TRY(const auto entry,
               co_await deps.store.get(reprotect_key(service), deps.clock.now() + kPatience));
        if (entry) {
            // A record that can't be read says nothing; the attempts are counted anew.
            keeping.reprotects = decode_reprotects(entry->value).value_or(Reprotects{});
        }
        keeping.is_loaded = true;
        keeping.loaded_for = epoch;
    }
    begin_anew(service);
    co_return Result<>{};
}

// A site that another move has left since is another matter.
void Agent::State::begin_anew(const ServiceId& service) {
    const auto* live = find(service);
    if (live == nullptr) {
        return;
    }
    auto& keeping = keepers[service];
    for (const auto& [site, left] : live->primacy.left) {
        auto& one = keeping.reprotects[site];
        if (one.left != left) {
            one = Reprotect{.left = left};
            keeping.sites.erase(site);
        }
    }
}

Task<> Agent::State::save_reprotects(ServiceId service) {
    state::Transaction change;
    change.ops.push_back(
        state::Op::put(reprotect_key(service), encode(keepers[service].reprotects)));
    const auto saved = co_await deps.store.commit(std::move(change), deps.clock.now() + kPatience);
    if (!saved && saved.error().code() == Errc::kCancelled) {
        co_return saved.error();
    }
    co_return Result<>{};  // Not saved: at worst an attempt is made once more after a restart.
}

// A standby at work: every stateful part answers as one and hears of its primary.
bool Agent::State::is_protected(const LiveService& live, const SiteId& site) const {
    const auto reports = reports_of(look(), live);
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        if (!live.components[i]->is_stateful()) {
            continue;
        }
        for (const auto& report : reports[i]) {
            const bool is_standby = report.health == probe::Health::kUp &&
                                    report.role == "standby" && report.sees_primary.value_or(false);
            if (report.site == site && !is_standby) {
                return false;
            }
        }
    }
    return true;
}

bool Agent::State::is_primary_stable(const LiveService& live) const {
    const auto now = deps.clock.now();
    for (const auto& target : live.targets) {
        const auto* detector = scheduler.find(target);
        const bool is_good = detector != nullptr &&
                             detector->verdict().health == probe::Health::kUp &&
                             now - detector->verdict().since >= kStable;
        if (target.site == live.primacy.site && !is_good) {
            return false;
        }
    }
    return writers_of(live) == std::vector<SiteId>{live.primacy.site};
}

Task<> Agent::State::settle_reprotect(ServiceId service, SiteId site) {
    auto& one = keepers[service].reprotects[site];
    const auto* active = own_run(service);
    if (active != nullptr && is_reprotection(*active, site) && active->spec.id != one.run) {
        one.run = active->spec.id;  // Begun just before this node was restarted.
        one.state = Reprotect::State::kRunning;
    }
    if (one.state != Reprotect::State::kRunning) {
        co_return Result<>{};
    }
    const auto* run = runner.find(one.run);
    if (run != nullptr && !is_final(run->status)) {
        const bool is_stuck = run->status == workflow::RunStatus::kWaiting && has_failed_step(*run);
        if (is_stuck) {
            one.error = failure_of(*run);
            const auto ended =
                co_await runner.abort(one.run, "muster: it is tried again from the start");
            if (!ended && ended.error().code() == Errc::kCancelled) {
                co_return ended;
            }
        }
        co_return Result<>{};
    }
    if (run != nullptr && run->status == workflow::RunStatus::kDone) {
        one.state = Reprotect::State::kDone;
        one.attempts = 0;
        co_return co_await save_reprotects(service);
    }
    if (run != nullptr && was_set_aside(*run)) {
        put_off(&one);
        co_return co_await save_reprotects(service);
    }
    const auto error = !one.error.empty() ? one.error
                       : run == nullptr   ? std::string("the run has left no trace")
                                          : failure_of(*run);
    note_failure(&one, error, deps.clock.wall());
    announce_failure(service, site);
    co_return co_await save_reprotects(service);
}

void Agent::State::announce_failure(const ServiceId& service, const SiteId& site) {
    const auto& one = keepers[service].reprotects[site];
    const bool is_last = one.state == Reprotect::State::kGivenUp;
    emit({.name = "reprotect.failed",
          .severity = is_last ? "error" : "warn",
          .subject = service.str(),
          .message =
              "site " + site.str() + " is no standby yet: " + one.error + "; " +
              (is_last ? "muster has given up after " + std::to_string(one.attempts) + " attempts"
                       : "next attempt in " + format_duration(pause_after(one.attempts))) +
              "; by hand: " + by_hand(service, site),
          .data = {{"site", site.str()},
                   {"attempts", std::to_string(one.attempts)},
                   {"run", one.run.str()}}});
}

bool Agent::State::may_reprotect(const LiveService& live, const SiteId& site) const {
    const auto& keeping = keepers.at(live.plan->id);
    const auto& one = keeping.reprotects.at(site);
    const auto& left = keeping.sites.at(site);
    const bool is_wanted = live.plan->failover.is_reprotected && !live.plan->failover.is_frozen &&
                           one.state == Reprotect::State::kWaiting;
    const bool is_free =
        !live.is_starting_move && !active_run(live) && runner.active_on(live.plan->id) == nullptr;
    // A clock that was set back does not prolong the pause beyond the longest one.
    const auto now = deps.clock.wall();
    const bool is_due = now >= one.next || one.next - now > pause_after(Reprotect::kMostAttempts);
    return is_wanted && is_free && is_due && left.is_reachable &&
           left.fence == LeftSite::Fence::kDurable && is_primary_stable(live);
}

Task<> Agent::State::reprotect(ServiceId service, SiteId site) {
    auto* live = find(service);
    if (live == nullptr || !is_left(*live, site)) {
        co_return Result<>{};
    }
    auto& one = keepers[service].reprotects[site];
    if (one.state != Reprotect::State::kDone && one.state != Reprotect::State::kRunning &&
        is_protected(*live, site)) {
        one.state = Reprotect::State::kDone;
        co_return co_await save_reprotects(service);
    }
    if (!may_reprotect(*live, site)) {
        co_return Result<>{};
    }
    workflow::Cause cause;
    cause.is_automatic = true;
    cause.requested_by = "muster";
    cause.decided = deps.clock.wall();
    cause.summary = "re-protection: site " + live->primacy.site.str() + " serves since epoch " +
                    std::to_string(one.left.value) + ", site " + site.str() +
                    " becomes its standby";
    const component::Move move{component::Move::Kind::kRebuild, live->primacy.site, site};
    live->is_starting_move = true;
    const auto run = co_await start_move(service, move, std::move(cause), {});
    if (auto* again = find(service)) {
        again->is_starting_move = false;
    }
    if (!run && run.error().code() == Errc::kCancelled) {
        co_return run.error();
    }
    co_return co_await note_attempt(service, site, run);
}

Task<> Agent::State::note_attempt(ServiceId service, SiteId site, Result<RunId> run) {
    auto& one = keepers[service].reprotects[site];
    if (run) {
        one.state = Reprotect::State::kRunning;
        one.run = *run;
        one.error.clear();
        emit({.name = "reprotect.started",
              .severity = "info",
              .subject = service.str(),
              .message = "run " + run->str() + " makes site " + site.str() + " a standby again",
              .data = {{"site", site.str()}, {"run", run->str()}}});
    } else if (run.error().code() != Errc::kConflict) {  // A conflict: another run was first.
        note_failure(&one, run.error().message(), deps.clock.wall());
        announce_failure(service, site);
    }
    co_return co_await save_reprotects(service);
}

// What the keeper has to say in `muster status`.
std::vector<std::string> Agent::State::keeper_notices(const LiveService& live) const {
    std::vector<std::string> notices;
    const auto found = keepers.find(live.plan->id);
    if (found == keepers.end()) {
        return notices;
    }
    const auto& service = live.plan->id;
    for (const auto& [site, left] : found->second.sites) {
        if (left.fence == LeftSite::Fence::kPending && is_left(live, site)) {
            notices.push_back("fence not yet durable at " + site.str() + ": " + left.obstacle);
        }
    }
    for (const auto& [site, one] : found->second.reprotects) {
        if (!is_left(live, site) || one.state == Reprotect::State::kDone) {
            continue;
        }
        if (one.state == Reprotect::State::kGivenUp) {
            notices.push_back("re-protection of " + site.str() + " was given up: " + one.error +
                              "; by hand: " + by_hand(service, site));
        } else if (one.state == Reprotect::State::kWaiting && one.attempts > 0) {
            notices.push_back("re-protection of " + site.str() + " failed " +
                              std::to_string(one.attempts) + " times, next attempt at " +
                              format_wall(one.next) + ": " + one.error +
                              "; by hand: " + by_hand(service, site));
        } else if (!live.plan->failover.is_reprotected && !is_protected(live, site)) {
            notices.push_back(site.str() +
                              " waits to be made a standby again: " + by_hand(service, site));
        }
    }
    if (auto obstacle = obstacle_of(live); !obstacle.empty()) {
        notices.push_back(std::move(obstacle));
    }
    for (const auto& claim : found->second.claims) {
        notices.push_back("two sites take writes; " + claim);
    }
    if (!found->second.mend.empty()) {
        notices.push_back(found->second.mend);
    }
    return notices;
}

// `why` says what each writer has, and what would end it.
void Agent::State::add_claims(decide::Decision* decision) const {
    const auto found = keepers.find(decision->service);
    if (found == keepers.end() || found->second.claims.empty()) {
        return;
    }
    for (auto& stage : decision->stages) {
        if (stage.name != "writers" || stage.state != decide::Stage::State::kStopped) {
            continue;
        }
        for (const auto& claim : found->second.claims) {
            stage.reason += "; " + claim;
        }
        stage.would_change = found->second.mend;
    }
}

}  // namespace muster::agent
