#include "workflow/machine.h"

#include <algorithm>

#include "base/check.h"
#include "workflow/settling.h"

// The machine in three files: here what may come in, machine_fold.cpp what an entry changes, and
// machine_settle.cpp what follows from where the run stands. Consequences are entries too, applied
// by the same fold, so that a replay needs no decision to be taken again.

namespace muster::workflow {
namespace {

Error conflict(std::string message, std::string hint) {
    return {Errc::kConflict, std::move(message), std::move(hint)};
}

}  // namespace

Machine::Machine(RunSpec spec, StepTraits traits) : traits_(std::move(traits)) {
    run_.spec = std::move(spec);
}

Result<Machine> Machine::make(RunSpec spec, StepTraits traits) {
    TRY_OK(check_graph(spec));
    Machine machine(std::move(spec), std::move(traits));
    for (const auto& step : machine.run_.spec.steps) {
        if (!machine.traits_.contains(step.id)) {
            return Error{Errc::kInvalid, "step \"" + step.id.str() + "\" has no traits"};
        }
        auto& slot = machine.slots_[step.id];
        slot.step = &step;
        slot.traits = &machine.traits_.at(step.id);
        slot.state = &machine.run_.steps[step.id];
        TRY(slot.when, Condition::parse(step.when));
        machine.order_.push_back(&slot);
    }
    for (auto* slot : machine.order_) {
        for (const auto& need : slot->step->needs) {
            slot->needs.push_back(&machine.run_.steps.at(need));
        }
    }
    return machine;
}

Result<Machine::Reaction> Machine::take(Entry cause) {
    CHECK(is_cause(cause.kind));
    TRY_OK(admit(cause));
    cause.after = std::max(cause.after, elapsed_);
    Settling work{cause.at, cause.after, {}};
    const bool is_timer = cause.kind == Entry::Kind::kTimer;
    apply(cause);
    work.reaction.entries.push_back(std::move(cause));
    settle(work);
    if (is_timer && work.reaction.entries.size() == 1) {
        work.reaction.entries.clear();
    }
    return std::move(work.reaction);
}

Result<> Machine::fold(const Entry& entry) {
    if (!fits(entry)) {
        return Error{Errc::kCorrupt,
                     "the entry \"" + std::string(to_string(entry.kind)) + "\"" +
                         (entry.step.empty() ? "" : " of step " + entry.step.str()) +
                         " does not fit what came before it"};
    }
    apply(entry);
    return {};
}

bool Machine::fits(const Entry& entry) const {
    if (entry.kind == Entry::Kind::kStarted) {
        return !has_started_;
    }
    if (!has_started_ || is_final(run_.status)) {
        return false;
    }
    const auto found = slots_.find(entry.step);
    if (found == slots_.end()) {
        return entry.step.empty();
    }
    const auto& slot = found->second;
    switch (entry.kind) {
        case Entry::Kind::kApplied:
            return slot.phase == Phase::kCalling && !slot.is_undo &&
                   state(slot).attempts == entry.attempt;
        case Entry::Kind::kUndone:
            return slot.phase == Phase::kCalling && slot.is_undo &&
                   slot.undo_attempts == entry.attempt;
        case Entry::Kind::kHalted:
            return slot.phase == Phase::kCalling;
        case Entry::Kind::kObserved:
            return slot.phase == Phase::kObserving && (entry.seen || entry.error);
        case Entry::Kind::kApproved:
            return slot.phase == Phase::kAwaiting;
        case Entry::Kind::kFailed:
            return entry.error.has_value();
        case Entry::Kind::kRetrying:
            return entry.until.has_value();
        default:
            return true;
    }
}

Result<> Machine::admit(const Entry& cause) const {
    const auto& id = run_.spec.id.str();
    if (has_started_ && is_final(run_.status)) {
        return conflict("run " + id + " has ended: " + std::string(to_string(run_.status)),
                        "see it with: muster run show " + id);
    }
    switch (cause.kind) {
        case Entry::Kind::kApproved:
            return admit_approval(cause);
        case Entry::Kind::kRollingBack:
            return admit_rollback();
        case Entry::Kind::kResumed:
            if (run_.status != RunStatus::kWaiting) {
                return conflict(
                    "run " + id + " does not wait: " + std::string(to_string(run_.status)),
                    "see it with: muster run watch " + id);
            }
            if (halted_.empty() && std::ranges::none_of(run_.steps, [](const auto& entry) {
                    return entry.second.status == StepStatus::kFailed;
                })) {
                return conflict("run " + id + " waits for an approval, not for a failed step",
                                "approve it with: muster run approve " + id);
            }
            return {};
        case Entry::Kind::kAborting:
            if (mode_ == Mode::kAbort) {
                return conflict("run " + id + " is being aborted already", "");
            }
            return {};
        default:
            break;
    }
    if (!fits(cause)) {
        return conflict("nothing waits for \"" + std::string(to_string(cause.kind)) +
                            "\" of step " + cause.step.str(),
                        "");
    }
    return {};
}

Result<> Machine::admit_approval(const Entry& cause) const {
    const auto found = slots_.find(cause.step);
    const auto named = "step \"" + cause.step.str() + "\" of run " + run_.spec.id.str();
    if (found == slots_.end() || found->second.step->action != kApprove) {
        return Error{Errc::kNotFound, named + " is no approval"};
    }
    const auto& slot = found->second;
    if (slot.phase != Phase::kAwaiting) {
        return conflict(named + " does not wait for an approval: it is " +
                            std::string(to_string(state(slot).status)),
                        "");
    }
    if (slot.until && cause.after >= *slot.until) {
        return conflict("the approval of " + named + " has expired",
                        "ask again with: muster run resume " + run_.spec.id.str());
    }
    return {};
}

Result<> Machine::admit_rollback() const {
    const auto& id = run_.spec.id.str();
    if (mode_ != Mode::kForward) {
        return conflict("run " + id + " is being " +
                            (mode_ == Mode::kAbort ? "aborted" : "rolled back") + " already",
                        "see it with: muster run watch " + id);
    }
    if (const auto* step = passed_return(); step != nullptr) {
        return Error{
            Errc::kDenied,
            "run " + id + " can't be rolled back: step \"" + step->id.str() +
                "\" is a point of no return and has happened, or may have",
            "go on with: muster run resume " + id + ", or end it with: muster run abort " + id};
    }
    return {};
}

const plan::Step* Machine::passed_return() const {
    for (const auto* slot : order_) {
        const bool has_passed = slot->is_in_doubt || state(*slot).status == StepStatus::kDone;
        if (traits(*slot).is_point_of_no_return && has_passed) {
            return slot->step;
        }
    }
    return nullptr;
}

std::optional<Duration> Machine::next_timer() const {
    std::optional<Duration> out;
    for (const auto* slot : order_) {
        const bool counts = slot->phase == Phase::kResting || slot->phase == Phase::kAwaiting;
        if (counts && slot->until && (!out || *slot->until < *out)) {
            out = slot->until;
        }
    }
    return out;
}

}  // namespace muster::workflow
