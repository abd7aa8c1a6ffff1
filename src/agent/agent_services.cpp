#include <algorithm>

#include "agent/state.h"

namespace muster::agent {

namespace {
constexpr Duration kPatience = std::chrono::seconds(5);
}  // namespace

Result<> Agent::State::adopt(plan::Plan wanted) {
    std::vector<LiveService> next;
    plan = std::move(wanted);
    for (const auto& service : plan.services) {
        LiveService live;
        live.plan = &service;
        for (const auto& part : service.components) {
            TRY(auto made, component::make_component(service, part));
            live.components.push_back(std::move(made));
        }
        live.primacy.site = service.primary;
        for (auto& old : services) {
            if (old.decision.service == service.id) {
                live.automatic_moves = std::move(old.automatic_moves);
                live.waiting_approval = old.waiting_approval;
                live.steered = std::move(old.steered);
            }
        }
        live.decision.service = service.id;
        live.decision.summary = "nothing is known yet";
        next.push_back(std::move(live));
    }
    services = std::move(next);
    needs_decision = true;
    return {};
}

Result<> Agent::State::watch_service(LiveService* live) {
    live->targets.clear();
    for (const auto& part : live->components) {
        for (auto& settings : part->probes(live->primacy.site)) {
            settings.variables["node"] = options.node.str();
            settings.variables["epoch"] = std::to_string(live->primacy.epoch.value);
            live->targets.push_back(settings.target);
            TRY_OK(scheduler.add(settings, deps.probes));
        }
    }
    return {};
}

// The vantage's own reference targets: proof that it sees anything at all.
Result<> Agent::State::watch_references() {
    const auto* own = plan.find(options.site);
    if (own == nullptr) {
        return {};
    }
    for (const auto& address : own->reference) {
        probe::Settings settings;
        settings.target = {ServiceId(), ComponentId("reference"), options.site, address};
        settings.plan.type = "tcp";
        settings.plan.settings.kind = plan::Node::Kind::kMap;
        plan::Node target;
        target.kind = plan::Node::Kind::kScalar;
        target.scalar = address;
        settings.plan.settings.entries.push_back({"tcp", {}, std::move(target)});
        TRY_OK(scheduler.add(settings, deps.probes));
    }
    return {};
}

Task<> Agent::State::load_primacies() {
    for (auto& live : services) {
        CO_TRY(const auto entry,
               co_await deps.store.get(primacy_key(live.plan->id), deps.clock.now() + kPatience));
        if (!entry) {
            continue;
        }
        CO_TRY(auto primacy, decode_primacy(*entry));
        const bool is_known = std::ranges::any_of(
            live.plan->components,
            [&primacy](const auto& part) { return part.at(primacy.site) != nullptr; });
        if (!is_known && !live.plan->components.empty()) {
            co_return Error{Errc::kConflict,
                            "service " + live.plan->id.str() + " is at site " + primacy.site.str() +
                                ", which the plan does not give it",
                            "put the site back into the plan, or switch over first"};
        }
        live.primacy = std::move(primacy);
    }
    co_return Result<>{};
}

Task<> Agent::State::switch_watches(LiveService* live) {
    const auto service = live->plan->id;
    CO_TRY_OK(co_await scheduler.remove(service));
    auto* again = find(service);
    if (again != nullptr) {
        CO_TRY_OK(watch_service(again));
    }
    co_return Result<>{};
}

LiveService* Agent::State::find(const ServiceId& service) {
    for (auto& live : services) {
        if (live.plan->id == service) {
            return &live;
        }
    }
    return nullptr;
}

component::Verdicts Agent::State::verdicts_of(const LiveService& live) const {
    component::Verdicts verdicts;
    for (const auto& target : live.targets) {
        if (const auto* detector = scheduler.find(target)) {
            verdicts[target] = detector->verdict();
        }
    }
    return verdicts;
}

std::vector<component::SiteReport> Agent::State::reports_of(const LiveService& live,
                                                            std::size_t index) const {
    std::vector<component::SiteReport> reports;
    const auto verdicts = verdicts_of(live);
    std::vector<SiteId> sites{live.plan->primary};
    sites.insert(sites.end(), live.plan->standby.begin(), live.plan->standby.end());
    for (const auto& site : sites) {
        const auto& part = live.plan->components[index];
        const bool is_there = std::ranges::any_of(live.targets, [&](const auto& target) {
            return target.component == part.id && target.site == site;
        });
        if (is_there) {
            reports.push_back(live.components[index]->assess(site, live.primacy.site, verdicts,
                                                             deps.clock.now()));
        }
    }
    return reports;
}

}  // namespace muster::agent
