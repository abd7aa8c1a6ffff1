#include <algorithm>

#include "agent/state.h"

namespace muster::agent {

namespace {
constexpr Duration kPatience = std::chrono::seconds(5);
}  // namespace

Result<std::vector<LiveService>> services_of(const plan::Plan& plan) {
    std::vector<LiveService> all;
    for (const auto& service : plan.services) {
        LiveService live;
        live.plan = &service;
        for (const auto& part : service.components) {
            TRY(auto made, component::make_component(service, part));
            live.components.push_back(std::move(made));
        }
        live.primacy.site = service.primary;
        live.decision.service = service.id;
        live.decision.summary = "nothing is known yet";
        all.push_back(std::move(live));
    }
    return all;
}

namespace {

// What the node remembers of a service stays with it, its primacy included: nothing may be decided
// or settled on the new plan's word for it.
void inherit(LiveService* live, LiveService* old) {
    if (old->primacy.revision > live->primacy.revision) {
        live->primacy = old->primacy;  // It changed since the store was asked.
    }
    live->automatic_moves = std::move(old->automatic_moves);
    live->waiting_approval = old->waiting_approval;
    live->steered = std::move(old->steered);
    live->rto_alarm = old->rto_alarm;
    live->is_starting_move = old->is_starting_move;
}

}  // namespace

// A run under way goes on as it began.
Result<> Agent::State::adopt(plan::Plan wanted, const Primacies& stored) {
    TRY(auto next, services_of(wanted));
    for (auto& live : next) {
        if (const auto found = stored.find(live.plan->id); found != stored.end()) {
            live.primacy = found->second;
        }
        if (auto* old = find(live.plan->id)) {
            inherit(&live, old);
        }
    }
    plan = std::move(wanted);  // Its services stay where they are: `next` points at them.
    services = std::move(next);
    recorder.adopted(plan.digest);
    needs_decision = true;
    needs_forecast = true;
    return {};
}

Result<> Agent::State::watch_service(LiveService* live) {
    live->targets.clear();
    recorder.watched({live->plan->id, live->primacy.site, live->primacy.epoch});
    for (const auto& part : live->components) {
        for (auto& settings : part->probes(live->primacy.site)) {
            settings.variables["node"] = options.node.str();
            settings.variables["epoch"] = std::to_string(live->primacy.epoch.value);
            live->targets.push_back(settings.target);
            seen_up.expect(settings.target, address_of(settings));
            record_known(settings.target, address_of(settings));
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

Task<Agent::State::Primacies> Agent::State::read_primacies(const plan::Plan* wanted) {
    Primacies out;
    for (const auto& service : wanted->services) {
        CO_TRY(const auto entry,
               co_await deps.store.get(primacy_key(service.id), deps.clock.now() + kPatience));
        if (!entry) {
            continue;
        }
        CO_TRY(auto primacy, decode_primacy(*entry));
        const bool is_known = std::ranges::any_of(service.components, [&primacy](const auto& part) {
            return part.at(primacy.site) != nullptr;
        });
        if (!is_known && !service.components.empty()) {
            co_return Error{Errc::kConflict,
                            "service " + service.id.str() + " is at site " + primacy.site.str() +
                                ", which the plan does not give it",
                            "put the site back into the plan, or switch over first"};
        }
        out.emplace(service.id, std::move(primacy));
    }
    co_return out;
}

Task<> Agent::State::load_seen_up() {
    CO_TRY(const auto entries, co_await deps.store.list({std::string(SeenUp::kPrefix), {}, 0},
                                                        deps.clock.now() + kPatience));
    seen_up.load(entries);
    co_return Result<>{};
}

// Losing one of these records costs a move by itself, never a wrong one: they are written behind.
Task<> Agent::State::remember_loop() {
    while (true) {
        auto change = seen_up.unkept(options.site);
        if (change.ops.empty()) {
            CO_TRY_OK(co_await seen_first.wait());
            continue;
        }
        const auto written = co_await deps.store.commit(change, deps.clock.now() + kPatience);
        if (written) {
            seen_up.kept(change);
            continue;
        }
        CO_TRY_OK(co_await deps.clock.sleep_for(std::chrono::seconds(1)));
    }
}

Task<> Agent::State::switch_watches(LiveService* live) {
    const auto service = live->plan->id;
    recorder.unwatched(service);
    CO_TRY_OK(co_await scheduler.remove(service));
    needs_forecast = true;
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

}  // namespace muster::agent
