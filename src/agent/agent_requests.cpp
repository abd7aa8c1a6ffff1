#include <algorithm>

#include "agent/state.h"
#include "component/derive.h"

namespace muster::agent {

namespace {

using component::Move;

Error no_service(const ServiceId& service) {
    return {Errc::kNotFound, "the plan has no service \"" + service.str() + "\"",
            "muster status lists the services"};
}

std::optional<Duration> loss_of(const decide::Candidate& candidate) {
    return candidate.is_in_sync ? std::optional(Duration(0)) : candidate.loss;
}

bool is_better(const decide::Candidate& one, const decide::Candidate& other) {
    if (one.is_up != other.is_up) {
        return one.is_up;
    }
    if (one.is_in_sync != other.is_in_sync) {
        return one.is_in_sync;
    }
    return loss_of(one).value_or(Duration::max()) < loss_of(other).value_or(Duration::max());
}

// Where the move goes when the request does not say: the only other site, or the least loss.
SiteId choose_target(const MoveRequest& request, const decide::ServiceView& view) {
    if (!request.to.empty()) {
        return request.to;
    }
    const decide::Candidate* best = nullptr;
    for (const auto& candidate : view.candidates) {
        const bool is_rebuilt =
            request.kind == Move::Kind::kFailover && candidate.site == view.rebuilding;
        if (is_rebuilt && view.candidates.size() > 1) {
            continue;
        }
        if (best == nullptr || is_better(candidate, *best)) {
            best = &candidate;
        }
    }
    return best == nullptr ? SiteId() : best->site;
}

decide::Stage gate(std::string name, bool is_passed, std::string reason, std::string remedy) {
    return {std::move(name),
            is_passed ? decide::Stage::State::kPassed : decide::Stage::State::kStopped,
            std::move(reason), is_passed ? std::string() : std::move(remedy)};
}

std::string loss_text(const decide::Candidate& candidate) {
    const auto loss = loss_of(candidate);
    if (!loss) {
        return "the loss is unknown: no heartbeat has arrived there";
    }
    return "at most " + human_duration(*loss) + " of data is not there";
}

// A failover does not wait for a rebuild of another site; all else waits for every run.
decide::Stage guard_run(const MoveRequest& request, const decide::ServiceView& view,
                        const SiteId& to) {
    if (!view.active_run) {
        return gate("run", true, "no other run is active", "");
    }
    const auto run = "run " + view.active_run->str();
    if (request.kind != Move::Kind::kFailover || !view.rebuilding) {
        return gate("run", false, run + " is active", "wait for it, or end it: muster run abort");
    }
    if (*view.rebuilding == to) {
        return gate("run", false, run + " rebuilds " + to.str() + ": it can't take over before",
                    "wait for it, or name another site with --to");
    }
    return gate("run", true, run + " rebuilds " + view.rebuilding->str() + " and is set aside", "");
}

// The guards of a move that a person asks for. Those named in kHardGates can't be overridden.
std::vector<decide::Stage> guards_of(const MoveRequest& request, const decide::ServiceView& view,
                                     const SiteId& to, const plan::Service& service) {
    std::vector<decide::Stage> gates;
    gates.push_back(guard_run(request, view, to));
    gates.push_back(gate("primaries", view.writable_primaries < 2,
                         std::to_string(view.writable_primaries) + " sites accept writes",
                         "stop one of them by hand first"));
    if (request.kind == Move::Kind::kRebuild) {
        gates.push_back(gate("target", to != view.primary, "site " + to.str() + " is rebuilt",
                             "name a site that is not the primary"));
        return gates;
    }
    const auto candidate = std::ranges::find(view.candidates, to, &decide::Candidate::site);
    const bool is_candidate = candidate != view.candidates.end();
    gates.push_back(gate("target", is_candidate,
                         is_candidate ? "site " + to.str() + " is a standby of the service"
                                      : "site \"" + to.str() + "\" is no standby of the service",
                         "name one of the service's standby sites with --to"));
    if (!is_candidate) {
        return gates;
    }
    gates.push_back(gate("readiness", candidate->is_up && candidate->has_capacity,
                         candidate->is_up ? "it answers as a standby should" : candidate->why_not,
                         "mend the standby, or go on with --force"));
    const auto bound = request.kind == Move::Kind::kSwitchover
                           ? std::max(service.objectives.rpo, Duration(std::chrono::seconds(10)))
                           : service.failover.max_loss.value_or(service.objectives.rpo);
    const auto loss = loss_of(*candidate);
    gates.push_back(gate("loss", loss && *loss <= bound,
                         loss_text(*candidate) + ", the bound is " + human_duration(bound),
                         "wait until it has caught up, or go on with --force"));
    return gates;
}

// Home is the plan's primary; going there is a switchover that nobody can force.
Result<> aim_home(MoveRequest* request, const plan::Service& service, const SiteId& now) {
    if (request->is_forced) {
        return Error{Errc::kInvalid, "a failback is never forced: it must lose nothing",
                     "mend what stops it, or use muster switchover --force"};
    }
    if (now == service.primary) {
        return Error{
            Errc::kDenied,
            "service " + service.id.str() + " is at home: site " + now.str() + " serves it",
            "muster switchover " + service.id.str() + " --to SITE moves it away"};
    }
    if (!request->to.empty() && request->to != service.primary) {
        return Error{Errc::kInvalid,
                     "home of service " + service.id.str() + " is site " + service.primary.str() +
                         ", not " + request->to.str(),
                     "leave --to out, or use muster switchover"};
    }
    request->kind = Move::Kind::kSwitchover;
    request->to = service.primary;
    return {};
}

bool is_hard(const decide::Stage& stage) {
    return stage.name == "run" || stage.name == "primaries" || stage.name == "target";
}

}  // namespace

Task<MovePreview> Agent::preview(MoveRequest request) {
    auto& state = *state_;
    auto* live = state.find(request.service);
    if (live == nullptr) {
        co_return no_service(request.service);
    }
    if (request.is_failback) {
        CO_TRY_OK(aim_home(&request, *live->plan, live->primacy.site));
    }
    const auto view = state.view_of(*live);
    MovePreview preview;
    preview.move.kind = request.kind;
    preview.move.from = live->primacy.site;
    preview.move.to = choose_target(request, view);
    if (preview.move.to.empty()) {
        co_return Error{Errc::kInvalid, "service " + request.service.str() + " has no other site",
                        "give it a standby in the plan"};
    }
    preview.guards = guards_of(request, view, preview.move.to, *live->plan);
    preview.is_allowed = std::ranges::all_of(preview.guards, [&request](const auto& stage) {
        return stage.state == decide::Stage::State::kPassed ||
               (request.is_forced && !is_hard(stage));
    });
    CO_TRY(preview.steps, component::derive(state.plan, *live->plan, preview.move));
    preview.forecast = state.forecast_of(*live, preview.move, preview.steps);
    co_return preview;
}

Task<MovePreview> Agent::permitted(MoveRequest request) {
    CO_TRY(auto preview, co_await this->preview(request));
    if (!preview.is_allowed) {
        const auto stopped =
            std::ranges::find_if(preview.guards, [&request](const decide::Stage& stage) {
                return stage.state == decide::Stage::State::kStopped &&
                       (!request.is_forced || is_hard(stage));
            });
        co_return Error{stopped->name == "run" ? Errc::kConflict : Errc::kDenied,
                        "guard \"" + stopped->name + "\" stops it: " + stopped->reason,
                        stopped->would_change};
    }
    co_return preview;
}

Task<RunId> Agent::move(MoveRequest request) {
    CO_TRY(const auto preview, co_await permitted(request));
    auto* live = state_->find(request.service);
    if (live->is_starting_move && !live->is_resting) {
        const auto obstacle = state_->obstacle_of(*live);
        co_return Error{Errc::kConflict,
                        obstacle.empty()
                            ? "a run on service " + request.service.str() + " is about to begin"
                            : obstacle,
                        "muster run list shows what is under way"};
    }
    live->is_resting = false;
    live->is_starting_move = true;
    auto run = co_await begin(request, preview.move.to);
    if (auto* again = state_->find(request.service)) {
        again->is_starting_move = false;
    }
    co_return run;
}

Task<RunId> Agent::begin(MoveRequest request, SiteId to) {
    auto& state = *state_;
    if (request.kind == Move::Kind::kFailover) {
        CO_TRY_OK(co_await state.make_way(request.service, to));
        request.to = to;
    }
    CO_TRY(const auto preview, co_await permitted(request));
    auto* live = state.find(request.service);
    workflow::Cause cause;
    const bool is_answer = live->decision.outage_began.has_value();
    if (is_answer) {
        cause = state.cause_of(*live, live->decision);
    }
    cause.is_automatic = false;
    cause.requested_by = request.by.empty() ? "operator" : request.by;
    cause.decided = state.deps.clock.wall();
    const std::string verb =
        request.is_failback ? "failback" : std::string(component::to_string(request.kind));
    cause.summary =
        verb + " asked for by " + cause.requested_by + (request.is_forced ? ", forced" : "");
    Fields parameters;
    if (request.is_fence_vouched) {
        parameters["fence_vouched_by"] = cause.requested_by;
        cause.summary += ", who vouches for the fence";
    }
    live->waiting_approval.reset();
    co_return co_await state.start_move(request.service, preview.move, std::move(cause),
                                        std::move(parameters));
}

Task<RunId> Agent::approve_decision(ServiceId service, std::string by) {
    auto& state = *state_;
    auto* live = state.find(service);
    if (live == nullptr) {
        co_return no_service(service);
    }
    if (!live->waiting_approval || !live->decision.target) {
        co_return Error{Errc::kNotFound, "nothing waits for an approval on " + service.str(),
                        "muster why " + service.str() + " says what stopped it"};
    }
    MoveRequest request;
    request.service = service;
    request.kind = Move::Kind::kFailover;
    request.to = *live->decision.target;
    request.by = std::move(by);
    request.is_forced = true;
    co_return co_await move(std::move(request));
}

Task<RunId> Agent::run_procedure(std::string name, Fields parameters, std::string by) {
    auto& state = *state_;
    const auto* procedure = state.plan.find_procedure(name);
    if (procedure == nullptr) {
        co_return Error{Errc::kNotFound, "the plan has no procedure \"" + name + "\"",
                        "procedures: in the plan lists them"};
    }
    workflow::RunSpec spec;
    spec.id = workflow::make_run_id(state.deps.clock.wall(), state.deps.random);
    spec.plan_digest = state.plan.digest;
    spec.steps = procedure->steps;
    spec.parameters = procedure->parameters;
    const std::string lacks = "procedure " + name + " has no parameter \"";
    for (auto& [key, value] : parameters) {
        if (!procedure->parameters.contains(key)) {
            co_return Error{Errc::kInvalid, std::string(lacks).append(key).append("\""),
                            "its parameters are declared under parameters: in the plan"};
        }
        spec.parameters[key] = std::move(value);
    }
    spec.cause.kind = name;
    spec.cause.requested_by = by.empty() ? "operator" : std::move(by);
    spec.cause.summary = "procedure " + name + " started by " + spec.cause.requested_by;
    if (procedure->service) {
        spec.cause.service = *procedure->service;
        if (const auto* live = state.find(*procedure->service)) {
            spec.cause.epoch = live->primacy.epoch;
        }
    }
    co_return co_await state.runner.start(std::move(spec));
}

}  // namespace muster::agent
