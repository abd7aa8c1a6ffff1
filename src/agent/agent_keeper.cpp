// The keeper: looks after the sites that a move has left. It makes sure that the fence is durable
// there, puts a former primary that comes back out of service before it does harm, and starts the
// run that makes it a standby again (agent_reprotect.cpp). The rule is ADR 0017: it acts on a site
// only when the primacy record names the move that left it; whether the server there may be
// touched is judged by the component's own step, from the marks on both sides.

#include <algorithm>

#include "agent/state.h"

namespace muster::agent {

namespace {

constexpr Duration kTick = std::chrono::milliseconds(200);
constexpr Duration kPokeSilent = std::chrono::seconds(2);
constexpr Duration kLook = std::chrono::seconds(2);
constexpr Duration kLookAgain = std::chrono::seconds(10);
/// Of a site whose return is over, or that waits for a person: a suspicion is followed at once.
constexpr Duration kLookSettled = std::chrono::seconds(30);
constexpr Duration kRefuseWithin = std::chrono::seconds(15);
/// A writer that the keeper may stop is gone by then; the others are for people.
constexpr Duration kExamineAfter = std::chrono::seconds(1);
constexpr Duration kExamineEvery = std::chrono::seconds(3);

std::string value_in(const Fields& fields, const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
}

bool is_wrong_there(const probe::Sample& sample) {
    if (value_in(sample.facts, "writable") == "true") {
        return true;
    }
    // It runs, but does not say what it is: it starts, or it is frozen.
    const auto process = value_in(sample.facts, "process");
    return (process == "running" || process == "frozen") && !sample.facts.contains("role");
}

std::vector<SiteId> sites_in(const std::map<SiteId, Epoch>& left) {
    std::vector<SiteId> sites;
    sites.reserve(left.size());
    for (const auto& [site, epoch] : left) {
        sites.push_back(site);
    }
    return sites;
}

}  // namespace

// Called with every sample: this is what makes the keeper fast.
void Agent::State::suspect(const probe::TargetId& target, const probe::Sample& sample) {
    const auto* live = find(target.service);
    if (live == nullptr || !is_left(*live, target.site) || !is_wrong_there(sample)) {
        return;
    }
    auto& left = keepers[target.service].sites[target.site];
    if (!left.is_suspect) {
        left.is_suspect = true;
        left.suspected = deps.clock.now();
        keeper_woken.notify();
    }
}

// While a move is under way its own steps fence.
bool Agent::State::is_left(const LiveService& live, const SiteId& site) const {
    return site != live.primacy.site && live.primacy.moving_to.empty() &&
           live.primacy.left.contains(site);
}

bool Agent::State::has_keeper_work(const LiveService& live) const {
    const auto found = keepers.find(live.plan->id);
    const bool has_claims = found != keepers.end() && found->second.writers_since != Instant{};
    return !live.primacy.left.empty() || has_claims || live.decision.kind == decide::Kind::kHalt;
}

Task<> Agent::State::keep_loop() {
    while (true) {
        for (const auto& live : services) {
            auto& keeping = keepers[live.plan->id];
            if (!keeping.is_busy && has_keeper_work(live)) {
                keeping.is_busy = true;
                tasks.spawn(keep_service(live.plan->id));
            }
        }
        CO_TRY_OK(co_await wait_for(&keeper_woken, deps.clock.now() + kTick));
    }
}

Task<> Agent::State::keep_service(ServiceId service) {
    const auto kept = co_await keep_sites(service);
    keepers[service].is_busy = false;
    if (!kept && kept.error().code() != Errc::kCancelled) {
        deps.log.warn("keeper.failed", {{"service", service}, {"error", kept.error().message()}});
    }
    co_return Result<>{};
}

Task<> Agent::State::keep_sites(ServiceId service) {
    const auto* live = find(service);
    if (live == nullptr) {
        co_return Result<>{};
    }
    const bool is_mine =
        is_executor_for(live->primacy.site) && live->plan->failover.mode != plan::Mode::kObserve;
    for (const auto& site : is_mine ? sites_in(live->primacy.left) : std::vector<SiteId>()) {
        CO_TRY_OK(co_await load_reprotects(service));
        CO_TRY_OK(co_await keep_site(service, site));
    }
    co_return co_await examine_writers(service);
}

Task<> Agent::State::keep_site(ServiceId service, SiteId site) {
    auto* live = find(service);
    if (live == nullptr || !is_left(*live, site)) {
        co_return Result<>{};
    }
    auto& left = keepers[service].sites[site];
    CO_TRY_OK(co_await settle_reprotect(service, site));
    live = find(service);
    if (live == nullptr || !is_left(*live, site)) {
        co_return Result<>{};
    }
    const bool is_watched = !is_protected(*live, site);
    if (is_watched) {
        watch_closely(*live, site);
    }
    if (left.is_suspect || (is_watched && deps.clock.now() >= left.next_look)) {
        CO_TRY_OK(co_await refuse(service, site));
    }
    co_return co_await reprotect(service, site);
}

// A server that comes back is seen within a tick. A silent host is not asked that often: a check
// that waits for its timeout would follow another.
void Agent::State::watch_closely(const LiveService& live, const SiteId& site) {
    auto& left = keepers[live.plan->id].sites[site];
    const auto now = deps.clock.now();
    if (now < left.next_poke) {
        return;
    }
    left.next_poke = now;
    for (const auto& target : live.targets) {
        const auto part =
            std::ranges::find(live.plan->components, target.component, &plan::Component::id) -
            live.plan->components.begin();
        if (target.site != site || !live.components[part]->is_stateful()) {
            continue;
        }
        const auto* detector = scheduler.find(target);
        if (detector != nullptr && detector->verdict().evidence == probe::Evidence::kSilence) {
            left.next_poke = now + kPokeSilent;
        }
        scheduler.poke(target);
    }
}

Task<> Agent::State::refuse(ServiceId service, SiteId site) {
    const auto* live = find(service);
    const auto primacy = live->primacy;
    std::vector<plan::Step> steps;
    for (const auto& part : live->components) {
        if (auto step = part->refuse(site, primacy.site, primacy.left.at(site))) {
            steps.push_back(std::move(*step));
        }
    }
    auto& left = keepers[service].sites[site];
    left.is_suspect = false;
    const bool is_settled = keepers[service].reprotects[site].state == Reprotect::State::kDone ||
                            keepers[service].reprotects[site].state == Reprotect::State::kGivenUp;
    left.next_look = deps.clock.now() + (is_settled ? kLookSettled : kLook);
    left.fence = steps.empty() ? LeftSite::Fence::kUnknown : LeftSite::Fence::kDurable;
    left.is_reachable = true;
    left.obstacle.clear();
    for (auto& step : steps) {
        auto* action = deps.actions.find(step.action);
        if (action == nullptr) {
            continue;
        }
        workflow::Call call{primacy.run, step.id, 1, primacy.epoch, service, step.with, {}};
        const auto done = co_await action->apply(std::move(call), deps.clock.now() + kRefuseWithin);
        if (!done && done.error().code() == Errc::kCancelled) {
            co_return done.error();
        }
        note_refusal(service, site, done);
    }
    co_return Result<>{};
}

void Agent::State::note_refusal(const ServiceId& service, const SiteId& site,
                                const Result<Fields>& done) {
    auto& left = keepers[service].sites[site];
    const auto now = deps.clock.now();
    if (!done) {
        left.is_reachable = false;
        left.fence = LeftSite::Fence::kPending;
        left.obstacle = done.error().message();
        left.next_look = now + (done.error().code() == Errc::kDenied ? kLook : kLookAgain);
        wake();
        return;
    }
    const auto found = value_in(*done, "found");
    if (found == "fenced") {
        const auto took = left.suspected == Instant{} ? Duration{} : now - left.suspected;
        emit({.name = "primary.refused",
              .severity = "error",
              .subject = service.str(),
              .message = "site " + site.str() + " came back as a primary: " +
                         value_in(*done, "why") + "; it was fenced " + human_duration(took) +
                         " after it was seen, with " + value_in(*done, "sessions") +
                         " client sessions; what it took is kept before it is made a standby",
              .data = {{"site", site.str()}, {"proof", value_in(*done, "proof")}}});
        auto& back = keepers[service].reprotects[site];
        back.state =
            back.state == Reprotect::State::kRunning ? back.state : Reprotect::State::kWaiting;
        back.next = {};
        scheduler_poke(service, site);
    } else if (found == "sealed") {
        emit({.name = "fence.sealed",
              .severity = "info",
              .subject = service.str(),
              .message = "the fence is durable at site " + site.str() +
                         " now: whatever starts there is a standby",
              .data = {{"site", site.str()}}});
    }
    left.suspected = {};
}

void Agent::State::scheduler_poke(const ServiceId& service, const SiteId& site) {
    if (const auto* live = find(service)) {
        for (const auto& target : live->targets) {
            if (target.site == site) {
                scheduler.poke(target);
            }
        }
    }
}

std::vector<SiteId> Agent::State::writers_of(const LiveService& live) const {
    std::vector<SiteId> writers;
    const auto reports = reports_of(look(), live);
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        for (const auto& report : reports[i]) {
            const bool is_known = std::ranges::find(writers, report.site) != writers.end();
            if (report.is_writable && live.components[i]->is_stateful() && !is_known) {
                writers.push_back(report.site);
            }
        }
    }
    return writers;
}

// Two writers and no right to stop one: say what each has, and what a person would type.
Task<> Agent::State::examine_writers(ServiceId service) {
    const auto* live = find(service);
    auto& keeping = keepers[service];
    const auto now = deps.clock.now();
    const auto writers = live == nullptr ? std::vector<SiteId>() : writers_of(*live);
    if (writers.size() < 2) {
        keeping.writers_since = {};
        keeping.claims.clear();
        keeping.mend.clear();
        co_return Result<>{};
    }
    if (keeping.writers_since == Instant{}) {
        keeping.writers_since = now;
        keeping.next_examination = now + kExamineAfter;
    }
    if (now < keeping.next_examination) {
        co_return Result<>{};
    }
    keeping.next_examination = now + kExamineEvery;
    std::vector<std::string> claims;
    std::string mend;
    for (const auto& site : writers) {
        CO_TRY_OK(co_await examine(service, site, &claims, &mend));
    }
    const bool is_new = keeping.claims.empty() && !claims.empty();
    keeping.claims = std::move(claims);
    keeping.mend = std::move(mend);
    if (is_new) {
        std::string message = "two sites take writes, and nothing proves which is the former one";
        for (const auto& claim : keeping.claims) {
            message += "; " + claim;
        }
        emit({.name = "writers.conflict",
              .severity = "error",
              .subject = service.str(),
              .message = message + "; " + keeping.mend});
    }
    wake();
    co_return Result<>{};
}

Task<> Agent::State::examine(ServiceId service, SiteId site, std::vector<std::string>* claims,
                             std::string* mend) {
    const auto* live = find(service);
    if (live == nullptr) {
        co_return Result<>{};
    }
    const auto primacy = live->primacy;
    std::vector<plan::Step> steps;
    for (const auto& part : live->components) {
        if (auto step = part->examine(site)) {
            steps.push_back(std::move(*step));
        }
    }
    for (auto& step : steps) {
        auto* action = deps.actions.find(step.action);
        workflow::Call call{primacy.run, step.id, 1, primacy.epoch, service, step.with, {}};
        const auto seen =
            co_await action->apply(std::move(call), deps.clock.now() + std::chrono::seconds(3));
        if (!seen && seen.error().code() == Errc::kCancelled) {
            co_return seen.error();
        }
        claims->push_back(site.str() + (site == primacy.site ? " (the primary)" : "") + ": " +
                          (seen ? value_in(*seen, "summary") : seen.error().message()));
        if (!seen || site == primacy.site) {
            continue;
        }
        *mend += (mend->empty() ? "" : "; ") + std::string("if ") + primacy.site.str() +
                 " is right: " + value_in(*seen, "mend") + ", then muster rebuild " +
                 service.str() + " --to " + site.str() + "; if " + site.str() +
                 " is right: stop the one at " + primacy.site.str() + ", then muster failover " +
                 service.str() + " --to " + site.str() + " --force";
    }
    co_return Result<>{};
}

}  // namespace muster::agent
