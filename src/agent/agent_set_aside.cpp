// A rebuild gives way to a failover: it may take hours, and the service is down now. It is ended
// before the failover begins, so that there is one run on the service at any time, and begun again
// against the new primary.

#include "agent/state.h"

namespace muster::agent {

namespace {

/// What is cancelled ends within seconds; what is let finish may take longer.
constexpr Duration kEndsWithin = std::chrono::seconds(10);
constexpr Duration kTick = std::chrono::milliseconds(250);
constexpr std::string_view kBy = "muster: set aside, a failover goes first";

bool is_rebuild(const workflow::Run& run) {
    return run.spec.cause.kind == "rebuild" && !workflow::is_final(run.status);
}

// The steps that it still waits for.
std::string steps_under_way(const workflow::Run& run) {
    std::string steps;
    for (const auto& [id, step] : run.steps) {
        if (step.status == workflow::StepStatus::kRunning) {
            steps += (steps.empty() ? "step " : ", ") + id.str();
        }
    }
    return steps.empty() ? run.reason : steps;
}

}  // namespace

bool was_set_aside(const workflow::Run& run) {
    return workflow::is_final(run.status) && run.reason.find(kBy) != std::string::npos;
}

// The site that the run under way makes a standby again, if it does nothing else.
std::optional<SiteId> Agent::State::rebuilding(const LiveService& live) const {
    const auto* run = own_run(live.plan->id);
    return run != nullptr && is_rebuild(*run) && live.primacy.moving_to.empty()
               ? std::optional(run->spec.cause.to)
               : std::nullopt;
}

bool Agent::State::gives_way(const LiveService& live, const std::optional<SiteId>& target) const {
    const auto site = rebuilding(live);
    return site && target && *site != *target;
}

// What a failover waits for, as long as it does.
std::string Agent::State::obstacle_of(const LiveService& live) const {
    const auto* run = own_run(live.plan->id);
    return run != nullptr && run->spec.id == live.set_aside ? live.obstacle : std::string();
}

// Only asks: where the store does not take it, whoever waits goes on waiting, and says so.
Task<> Agent::State::cut_rebuild(RunId id) {
    const auto cut = co_await runner.cut_short(id, std::string(kBy));
    if (!cut && cut.error().code() != Errc::kCancelled && cut.error().code() != Errc::kConflict) {
        deps.log.warn("rebuild.not_cut", {{"run", id}, {"error", cut.error().message()}});
    }
    co_return Result<>{};
}

// True when there was a rebuild to end: the world has changed since the decision, then.
Task<bool> Agent::State::make_way(ServiceId service, SiteId target) {
    const auto give_up_at = deps.clock.now() + kEndsWithin;
    RunId id;
    SiteId site;
    while (true) {
        auto* live = find(service);
        if (live == nullptr || !gives_way(*live, target)) {
            break;
        }
        const auto& run = *own_run(service);
        if (id != run.spec.id) {
            id = run.spec.id;
            site = run.spec.cause.to;
            announce_way(live, run, target);
            tasks.spawn(cut_rebuild(id));
        }
        if (deps.clock.now() >= give_up_at) {
            co_return announce_obstacle(live, run, target);
        }
        CO_TRY_OK(co_await wait_for(&changed, std::min(give_up_at, deps.clock.now() + kTick)));
    }
    if (id.empty()) {
        co_return false;
    }
    CO_TRY_OK(co_await begin_rebuild_again(service, site));
    co_return true;
}

void Agent::State::announce_way(LiveService* live, const workflow::Run& run, const SiteId& target) {
    if (live->set_aside == run.spec.id) {
        return;
    }
    live->set_aside = run.spec.id;
    live->obstacle.clear();
    const auto& site = run.spec.cause.to;
    const bool is_kept = live->plan->failover.is_reprotected && live->primacy.left.contains(site);
    emit({.name = "rebuild.set_aside",
          .severity = "warn",
          .subject = live->plan->id.str(),
          .message = "run " + run.spec.id.str() + ", which rebuilds " + site.str() +
                     ", is ended: the failover to " + target.str() + " goes first; " +
                     (is_kept ? "muster rebuilds " + site.str() + " afterwards"
                              : "afterwards: muster rebuild " + live->plan->id.str() + " --to " +
                                    site.str()),
          .data = {{"run", run.spec.id.str()}, {"site", site.str()}, {"target", target.str()}}});
}

// Two runs on one service are never safe: it is waited for, and said.
Error Agent::State::announce_obstacle(LiveService* live, const workflow::Run& run,
                                      const SiteId& target) {
    const auto message = "the failover to " + target.str() + " waits for the end of run " +
                         run.spec.id.str() + ", which rebuilds " + run.spec.cause.to.str() + ": " +
                         steps_under_way(run) + " can't be ended safely and has not ended";
    if (live->obstacle.empty()) {
        emit({.name = "rebuild.holds_failover",
              .severity = "error",
              .subject = live->plan->id.str(),
              .message = message,
              .data = {{"run", run.spec.id.str()}, {"site", run.spec.cause.to.str()}}});
    }
    live->obstacle = message;
    return {Errc::kConflict, message, "look at it: muster run show " + run.spec.id.str()};
}

// Also one that a person began: muster has ended it.
Task<> Agent::State::begin_rebuild_again(ServiceId service, SiteId site) {
    CO_TRY_OK(co_await load_reprotects(service));
    auto* live = find(service);
    if (live == nullptr) {
        co_return Result<>{};
    }
    live->obstacle.clear();
    if (live->primacy.left.contains(site)) {
        put_off(&keepers[service].reprotects[site]);
        CO_TRY_OK(co_await save_reprotects(service));
    }
    co_return Result<>{};
}

}  // namespace muster::agent
