#include "agent/agent.h"

#include <algorithm>

#include "agent/state.h"
#include "component/derive.h"

namespace muster::agent {

namespace {

probe::Deps probe_deps(const Deps& deps) {
    return {deps.executor, deps.clock, deps.random, deps.log, {}};
}

}  // namespace

Agent::State::State(Options o, Deps d)
    : options(std::move(o)),
      deps(std::move(d)),
      seen_first(deps.executor),
      events(options.site, deps.executor, deps.clock, deps.log, deps.store),
      recorder({options.node, options.site, options.vantages}, deps.clock, deps.observations),
      scheduler({.vantage = options.site}, probe_deps(deps),
                [this](const probe::TargetId& target, const probe::Sample& sample,
                       const probe::Verdict& verdict,
                       bool is_changed) { note_sample(target, sample, verdict, is_changed); }),
      runner({deps.executor, deps.clock, deps.random, deps.log, deps.store, deps.actions,
              [this](const ServiceId& service, Epoch epoch) { return may_act(service, epoch); },
              [this](const workflow::Run& run) { return is_own(run); }},
             [this](const workflow::Run& run) { note_run(run); }),
      tasks(deps.executor),
      woken(deps.executor),
      keeper_woken(deps.executor),
      changed(deps.executor) {
    make_protector();
}

Agent::Agent(Options options, Deps deps)
    : state_(std::make_unique<State>(std::move(options), std::move(deps))) {
}

Agent::~Agent() = default;

Task<> Agent::start(plan::Plan plan) {
    auto& state = *state_;
    state.started = state.deps.clock.now();
    state.last_look = state.started;
    CO_TRY_OK(co_await state.events.open());
    CO_TRY(const auto primacies, co_await state.read_primacies(&plan));
    CO_TRY_OK(state.adopt(std::move(plan), primacies));
    CO_TRY_OK(co_await state.load_seen_up());
    CO_TRY_OK(state.watch_references());
    for (auto& live : state.services) {
        CO_TRY_OK(state.watch_service(&live));
    }
    CO_TRY_OK(co_await state.runner.recover());
    CO_TRY_OK(co_await state.settle_all());
    if (state.protector != nullptr) {
        CO_TRY_OK(co_await state.protector->open());
        state.tasks.spawn(state.protector->run());
    }
    state.tasks.spawn(state.events.write_behind());
    state.tasks.spawn(state.remember_loop());
    if (state.recorder.is_on()) {
        state.tasks.spawn(state.record_loop());
    }
    state.tasks.spawn(state.decide_loop());
    state.tasks.spawn(state.steer_loop());
    state.tasks.spawn(state.keep_loop());
    state.tasks.spawn(state.replication_loop());
    if (state.options.vantages.size() > 1) {
        state.tasks.spawn(state.publish_loop());
        state.tasks.spawn(state.listen_loop());
        state.tasks.spawn(state.follow_loop());
    }
    state.emit(
        {.name = "node.started",
         .severity = "info",
         .subject = state.options.node.str(),
         .message = "watching plan " + state.plan.name + " from " + state.options.site.str()});
    co_return Result<>{};
}

Task<> Agent::stop() {
    auto& state = *state_;
    CO_TRY_OK(co_await state.scheduler.stop());
    CO_TRY_OK(co_await state.runner.stop());
    if (state.protector != nullptr) {
        CO_TRY_OK(co_await state.protector->stop());
    }
    const auto stopped = co_await state.tasks.stop();
    state.recorder.flush();
    co_return stopped;
}

Task<> Agent::reload(plan::Plan plan) {
    auto& state = *state_;
    for (const auto& live : state.services) {
        const auto* kept = plan.find(live.plan->id);
        if (kept == nullptr && state.active_run(live)) {
            co_return Error{Errc::kConflict,
                            "the new plan has no service " + live.plan->id.str() +
                                ", and a run is active on it",
                            "wait for the run, or end it: muster run abort"};
        }
    }
    // Refused before anything has changed: the old plan then goes on as it was.
    CO_TRY(const auto primacies, co_await state.read_primacies(&plan));
    CO_TRY_OK(co_await state.scheduler.stop());
    const auto adopted = state.adopt(std::move(plan), primacies);
    CO_TRY_OK(state.watch_references());
    for (auto& live : state.services) {
        CO_TRY_OK(state.watch_service(&live));
    }
    CO_TRY_OK(adopted);
    state.emit({.name = "plan.reloaded",
                .severity = "info",
                .subject = state.plan.name,
                .message = "plan " + state.plan.digest + " is in force"});
    state.wake();
    co_return Result<>{};
}

NodeStatus Agent::status() const {
    const auto& state = *state_;
    NodeStatus status;
    status.node = state.options.node;
    status.site = state.options.site;
    status.plan = state.plan.name;
    status.plan_digest = state.plan.digest;
    status.now = state.deps.clock.wall();
    status.uptime = state.deps.clock.now() - state.started;
    status.has_full_picture = state.scheduler.has_full_picture();
    status.is_eligible = state.eligibility.is_eligible;
    status.why_not_eligible = state.eligibility.why_not;
    for (const auto& live : state.services) {
        status.services.push_back(state.status_of(live));
    }
    state.add_backups(&status.services);
    for (const auto& [target, detector] : state.scheduler.detectors()) {
        status.targets.push_back({target, detector->verdict(), detector->history()});
    }
    return status;
}

const plan::Plan& Agent::plan() const {
    return state_->plan;
}

Result<decide::Decision> Agent::why(const ServiceId& service) const {
    const auto* live = state_->find(service);
    if (live == nullptr) {
        return Error{Errc::kNotFound, "the plan has no service \"" + service.str() + "\"",
                     "muster status lists the services"};
    }
    return live->decision;
}

workflow::Runner& Agent::runner() {
    return state_->runner;
}

Task<std::vector<Event>> Agent::events(std::int64_t after, std::size_t limit) {
    return state_->events.read(after, limit);
}

Task<> Agent::changed(Instant deadline) {
    return state_->wait_for(&state_->changed, deadline);
}

}  // namespace muster::agent
