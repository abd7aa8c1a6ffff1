#include "workflow/graph.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "workflow/condition.h"

namespace muster::workflow {
namespace {

using Before = std::map<StepId, std::set<StepId>>;  // All that has ended when a step starts.

std::string quoted(const StepId& step) {
    return "step \"" + step.str() + "\"";
}

Result<std::map<StepId, const plan::Step*>> index(const RunSpec& spec) {
    if (spec.steps.size() > kMaxSteps) {
        return Error{Errc::kInvalid, "the run has " + std::to_string(spec.steps.size()) +
                                         " steps; at most " + std::to_string(kMaxSteps) +
                                         " are allowed"};
    }
    std::map<StepId, const plan::Step*> out;
    for (const auto& step : spec.steps) {
        if (step.id.empty()) {
            return Error{Errc::kInvalid, "a step with action \"" + step.action + "\" has no id"};
        }
        if (!out.emplace(step.id, &step).second) {
            return Error{Errc::kInvalid, quoted(step.id) + " is there twice",
                         "give each step a name of its own"};
        }
    }
    for (const auto& step : spec.steps) {
        for (const auto& need : step.needs) {
            if (!out.contains(need)) {
                return Error{Errc::kInvalid,
                             quoted(step.id) + " needs " + quoted(need) + ", which is not there"};
            }
        }
    }
    return out;
}

// All that `step` needs, directly and through others; nothing while one of them is not settled.
std::optional<std::set<StepId>> all_before(const plan::Step& step, const Before& before) {
    std::set<StepId> all;
    for (const auto& need : step.needs) {
        const auto found = before.find(need);
        if (found == before.end()) {
            return std::nullopt;
        }
        all.insert(need);
        all.insert(found->second.begin(), found->second.end());
    }
    return all;
}

// Repeatedly settles the steps whose needs are settled; what is left over is a circle.
Result<Before> order(const RunSpec& spec) {
    Before before;
    bool has_moved = true;
    while (has_moved) {
        has_moved = false;
        for (const auto& step : spec.steps) {
            if (before.contains(step.id)) {
                continue;
            }
            if (auto all = all_before(step, before)) {
                before.emplace(step.id, std::move(*all));
                has_moved = true;
            }
        }
    }
    for (const auto& step : spec.steps) {
        if (!before.contains(step.id)) {
            return Error{Errc::kInvalid,
                         quoted(step.id) +
                             " waits for itself: its needs are a "
                             "circle",
                         "take one of the needs away"};
        }
    }
    return before;
}

Result<> check_step_name(const StepId& name, const plan::Step& step, const Before& before) {
    if (before.at(step.id).contains(name)) {
        return {};
    }
    if (!before.contains(name)) {
        return Error{Errc::kInvalid,
                     quoted(step.id) + " speaks of " + quoted(name) + ", which is not there"};
    }
    return Error{Errc::kInvalid,
                 quoted(step.id) + " speaks of " + quoted(name) + " but does not need it",
                 "add it to the needs, so that it has ended by then"};
}

Result<> check_references(const std::vector<Reference>& references, const plan::Step& step,
                          const Before& before, const RunSpec& spec) {
    for (const auto& reference : references) {
        if (reference.kind == Reference::Kind::kStep) {
            TRY_OK(check_step_name(reference.step, step, before));
        }
        if (reference.kind == Reference::Kind::kParameter && !reference.fallback &&
            !spec.parameters.contains(reference.name)) {
            return Error{Errc::kInvalid,
                         quoted(step.id) + " uses " + to_text(reference) +
                             ", but the run has no such parameter",
                         "give it, or a default: ${parameters." + reference.name + ":-text}"};
        }
    }
    return {};
}

Result<> check_approval(const plan::Step& step) {
    for (const auto& entry : step.with.entries) {
        if (entry.key == "expires" && entry.value.scalar.find("${") == std::string::npos) {
            TRY_OK(parse_duration(entry.value.scalar).with(quoted(step.id) + ", expires"));
        }
    }
    return {};
}

}  // namespace

Result<StepTraits> traits_of(const RunSpec& spec, const Actions& actions) {
    StepTraits out;
    for (const auto& step : spec.steps) {
        Traits traits;
        if (step.action != kApprove) {
            const auto* action = actions.find(step.action);
            if (action == nullptr) {
                return Error{Errc::kInvalid,
                             quoted(step.id) + " has the unknown action \"" + step.action + "\""};
            }
            traits = action->traits();
        }
        traits.timeout = step.timeout.value_or(traits.timeout);
        traits.attempts = std::max(1, step.attempts.value_or(traits.attempts));
        traits.backoff = step.backoff.value_or(traits.backoff);
        traits.is_point_of_no_return |= step.point_of_no_return;
        out[step.id] = traits;
    }
    return out;
}

Result<> check_graph(const RunSpec& spec) {
    TRY_OK(index(spec));
    TRY(const auto before, order(spec));
    for (const auto& step : spec.steps) {
        TRY(const auto condition, Condition::parse(step.when).with(quoted(step.id)));
        TRY_OK(check_references(condition.references(), step, before, spec));
        for (const auto& name : condition.steps()) {
            TRY_OK(check_step_name(name, step, before));
        }
        TRY(const auto references, references_in(step.with).with(quoted(step.id)));
        TRY_OK(check_references(references, step, before, spec));
        if (step.action == kApprove) {
            TRY_OK(check_approval(step));
        }
    }
    return {};
}

}  // namespace muster::workflow
