#include "workflow/check_procedures.h"

#include <algorithm>
#include <utility>

#include "plan/cycles.h"
#include "plan/findings.h"
#include "plan/nearest.h"
#include "workflow/condition.h"
#include "workflow/fill.h"
#include "workflow/graph.h"

namespace muster::workflow {
namespace {

using plan::Diagnostic;
using plan::Mark;

std::string quoted(const std::string& name) {
    return "\"" + name + "\"";
}

/// Checks the references of one procedure.
class Checker {
  public:
    Checker(const plan::Procedure& procedure, const ActionOutputs& outputs,
            std::vector<Diagnostic>* found)
        : procedure_(procedure), outputs_(outputs), found_(found) {
        for (const auto& step : procedure.steps) {
            auto& needed = needs_[step.id.str()];
            for (const auto& need : step.needs) {
                needed.push_back(need.str());
            }
        }
    }

    void check() {
        for (const auto& step : procedure_.steps) {
            step_ = &step;
            before_ = plan::all_needed(needs_, step.id.str());
            check_when();
            check_texts(step.with);
        }
    }

  private:
    void error(Mark mark, const std::string& message, std::string hint) {
        found_->push_back(
            {Diagnostic::Severity::kError, mark,
             "step " + quoted(step_->id.str()) + " of " + procedure_.name + " " + message,
             std::move(hint)});
    }

    void check_when() {
        const auto when = Condition::parse(step_->when);
        if (!when) {
            error(step_->mark, "has a `when` that can't be read: " + when.error().message(),
                  when.error().hint());
            return;
        }
        for (const auto& name : when->steps()) {
            check_step(name, step_->mark);
        }
        for (const auto& reference : when->references()) {
            check_reference(reference, step_->mark);
        }
    }

    void check_texts(const plan::Node& node) {
        for (const auto& item : node.items) {
            check_texts(item);
        }
        for (const auto& entry : node.entries) {
            check_texts(entry.value);
        }
        if (!node.is_scalar()) {
            return;
        }
        const auto references = references_in(node);
        if (!references) {
            error(node.mark, "says " + references.error().message(), references.error().hint());
            return;
        }
        for (const auto& reference : *references) {
            check_reference(reference, node.mark);
        }
    }

    void check_reference(const Reference& reference, Mark mark) {
        if (reference.kind == Reference::Kind::kParameter) {
            check_parameter(reference, mark);
        } else if (reference.kind == Reference::Kind::kStep && check_step(reference.step, mark)) {
            check_output(reference, mark);
        }
    }

    void check_parameter(const Reference& reference, Mark mark) {
        if (procedure_.parameters.contains(reference.name) || reference.fallback) {
            return;
        }
        std::vector<std::string> known;
        known.reserve(procedure_.parameters.size());
        for (const auto& [name, value] : procedure_.parameters) {
            known.push_back(name);
        }
        const auto hint = plan::suggest(reference.name, known);
        error(mark, "uses the unknown parameter " + quoted(reference.name),
              hint.empty() ? "declare it under `parameters:` of the procedure" : hint);
    }

    bool check_step(const StepId& name, Mark mark) {
        if (std::find(before_.begin(), before_.end(), name.str()) != before_.end()) {
            return true;
        }
        if (!needs_.contains(name.str())) {
            std::vector<std::string> known;
            for (const auto& [id, needed] : needs_) {
                known.push_back(id);
            }
            error(mark, "speaks of the unknown step " + quoted(name.str()),
                  plan::suggest(name.str(), known));
        } else {
            error(mark, "speaks of step " + quoted(name.str()) + ", but does not need it",
                  "add it to `needs`, so that it has ended by then");
        }
        return false;
    }

    void check_output(const Reference& reference, Mark mark) {
        const auto step =
            std::find_if(procedure_.steps.begin(), procedure_.steps.end(),
                         [&reference](const plan::Step& one) { return one.id == reference.step; });
        const auto known = outputs_.find(step->action);
        if (known == outputs_.end() || reference.fallback ||
            std::find(known->second.begin(), known->second.end(), reference.name) !=
                known->second.end()) {
            return;
        }
        const auto near = plan::nearest(reference.name, known->second);
        error(mark,
              "wants " + to_text(reference) + ", but step " + quoted(step->id.str()) + " (`" +
                  step->action + "`) puts out no " + quoted(reference.name) + ", only " +
                  plan::join(known->second),
              near.empty() ? "" : "did you mean " + quoted(near) + "?");
    }

    const plan::Procedure& procedure_;
    const ActionOutputs& outputs_;
    std::vector<Diagnostic>* found_;
    plan::Needs needs_;
    const plan::Step* step_ = nullptr;
    std::vector<std::string> before_;  ///< All that has ended when the step begins.
};

}  // namespace

std::vector<Diagnostic> check_procedures(const plan::Plan& plan, const ActionOutputs& outputs) {
    std::vector<Diagnostic> found;
    for (const auto& procedure : plan.procedures) {
        Checker(procedure, outputs, &found).check();
    }
    return found;
}

}  // namespace muster::workflow
