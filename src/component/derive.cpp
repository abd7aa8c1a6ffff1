#include "component/derive.h"

#include <algorithm>
#include <utility>

#include "component/order.h"

namespace muster::component {
namespace {

Result<> check_sites(const plan::Service& service, const Move& move) {
    const auto belongs = [&service](const SiteId& site) {
        return site == service.primary ||
               std::ranges::find(service.standby, site) != service.standby.end();
    };
    for (const auto& site : {move.from, move.to}) {
        if (!belongs(site)) {
            return Error(Errc::kInvalid,
                         "service " + service.id.str() + " is not at site `" + site.str() + "`",
                         "use its primary or one of its standby sites");
        }
    }
    if (move.from == move.to) {
        return Error(Errc::kInvalid,
                     "service " + service.id.str() + " is already at " + move.to.str(),
                     "name another site with --to");
    }
    return {};
}

bool has_phase(const std::vector<PhaseStep>& steps, Phase phase) {
    return std::ranges::any_of(steps, [phase](const auto& step) { return step.phase == phase; });
}

/// A component with data that can't be fenced and promoted can't be moved safely at all.
Result<> check_complete(const plan::Component& component, const std::vector<PhaseStep>& steps,
                        const Move& move) {
    const std::string name = component.id.str();
    for (const auto& site : {move.from, move.to}) {
        if (component.at(site) == nullptr) {
            return Error(Errc::kInvalid, name + " is not declared at site " + site.str(),
                         "add " + site.str() + " under its `sites`");
        }
    }
    if (move.kind == Move::Kind::kRebuild) {
        if (!has_phase(steps, Phase::kRebuild)) {
            return Error(Errc::kInvalid,
                         name + " has no way to become a standby again at " + move.to.str(),
                         "postgres needs `data` there; custom needs a `rebuild` command");
        }
        return {};
    }
    for (const auto phase : {Phase::kFence, Phase::kPromote}) {
        if (!has_phase(steps, phase)) {
            return Error(Errc::kInvalid,
                         name + " has no " + std::string(to_string(phase)) + " step for a " +
                             std::string(to_string(move.kind)),
                         "postgres needs `data` at both sites for a planned move; custom needs "
                         "`fence` and `promote` commands");
        }
    }
    return {};
}

bool is_promotion(const plan::Step& step) {
    return step.action == "postgres.promote" ||
           (step.action == "custom.run" && step.with.text("hook") == "promote");
}

/// A written procedure replaces the derived one, but not its first rule.
Result<> check_override(const plan::Procedure& procedure) {
    for (const auto& step : procedure.steps) {
        if (is_promotion(step) && step.with.text("proof").empty()) {
            return Error(Errc::kInvalid,
                         "procedure " + procedure.name + " promotes in step " + step.id.str() +
                             " without the proof of a fence",
                         "add `proof: ${steps.NAME.proof}` of the step that fences the old site");
        }
    }
    return {};
}

Result<ComponentSteps> steps_of(const plan::Service& service, const plan::Component& declared,
                                const Move& move) {
    TRY(const auto component, make_component(service, declared));
    ComponentSteps one;
    one.component = declared.id;
    one.needs = declared.needs;
    one.waits_for_promotion = service.strategy == plan::Strategy::kPilotLight;
    one.steps = component->steps(move);
    if (component->is_stateful()) {
        TRY_OK(check_complete(declared, one.steps, move));
    }
    return one;
}

const plan::Procedure* find_override(const plan::Plan& plan, const plan::Service& service,
                                     Move::Kind kind) {
    const auto found = std::ranges::find_if(plan.procedures, [&](const plan::Procedure& one) {
        return one.on == to_string(kind) && one.service == service.id;
    });
    return found == plan.procedures.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<plan::Step>> derive(const plan::Plan& plan, const plan::Service& service,
                                       const Move& move) {
    TRY_OK(check_sites(service, move));
    if (const plan::Procedure* procedure = find_override(plan, service, move.kind)) {
        TRY_OK(check_override(*procedure));
        return procedure->steps;
    }
    if (service.strategy == plan::Strategy::kBackupRestore) {
        return Error(Errc::kInvalid,
                     "service " + service.id.str() +
                         " uses backup-restore, which is not supported yet: it needs repositories",
                     "use warm-standby or pilot-light, or write a procedure with `on: " +
                         std::string(to_string(move.kind)) + "`");
    }
    std::vector<ComponentSteps> all;
    for (const auto& declared : service.components) {
        TRY(auto one, steps_of(service, declared, move));
        all.push_back(std::move(one));
    }
    auto steps = order(all);
    if (steps.empty()) {
        return Error(Errc::kInvalid,
                     "nothing in service " + service.id.str() + " needs a " +
                         std::string(to_string(move.kind)) + " to " + move.to.str(),
                     "its components bring no steps for it: a custom one has those of its "
                     "commands, such as promote");
    }
    return steps;
}

}  // namespace muster::component
