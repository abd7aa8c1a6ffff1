#include <algorithm>

#include "workflow/machine.h"

namespace muster::workflow {
namespace {

bool is_unsure(const Error& error) {
    return error.code() == Errc::kOutcomeUnknown || error.code() == Errc::kCancelled;
}

std::string text_of(const Error& error) {
    return error.hint().empty() ? error.message() : error.message() + "; " + error.hint();
}

}  // namespace

void Machine::apply(const Entry& entry) {
    elapsed_ = std::max(elapsed_, entry.after);
    const auto found = slots_.find(entry.step);
    if (found == slots_.end()) {
        apply_run(entry);
        return;
    }
    auto& slot = found->second;
    switch (entry.kind) {
        case Entry::Kind::kApplying:
        case Entry::Kind::kUndoing:
        case Entry::Kind::kObserving:
        case Entry::Kind::kRetrying:
        case Entry::Kind::kAwaiting:
            apply_intent(entry, slot);
            break;
        case Entry::Kind::kApplied:
        case Entry::Kind::kUndone:
            apply_outcome(entry, slot);
            break;
        case Entry::Kind::kObserved:
            apply_observed(entry, slot);
            break;
        case Entry::Kind::kApproved:
            state(slot).outputs["approved_by"] = entry.by;
            end_step(entry, slot, StepStatus::kDone);
            break;
        case Entry::Kind::kHalted:
            halted_ = entry.reason;
            apply_halted(slot);
            break;
        case Entry::Kind::kSkipped:
            end_step(entry, slot, StepStatus::kSkipped);
            break;
        case Entry::Kind::kFailed:
            slot.error = entry.error;
            state(slot).error = text_of(*entry.error);
            slot.has_undo_failed = slot.is_undo;
            end_step(entry, slot, StepStatus::kFailed);
            break;
        default:
            break;
    }
}

void Machine::apply_run(const Entry& entry) {
    switch (entry.kind) {
        case Entry::Kind::kStarted:
            has_started_ = true;
            run_.started = entry.at;
            break;
        case Entry::Kind::kTakenUp:
            ++run_.restarts;
            for (auto& [id, slot] : slots_) {
                take_up(slot);
            }
            break;
        case Entry::Kind::kResumed:
            halted_.clear();
            for (auto& [id, slot] : slots_) {
                resume(slot);
            }
            break;
        case Entry::Kind::kAborting:
            mode_ = Mode::kAbort;
            stopped_by_ = entry.by;
            break;
        case Entry::Kind::kRollingBack:
            mode_ = Mode::kRollback;
            halted_.clear();
            stopped_by_ = entry.by;
            break;
        case Entry::Kind::kStatus:
            run_.status = entry.status;
            run_.reason = entry.reason;
            if (is_final(entry.status)) {
                run_.ended = entry.at;
            }
            break;
        default:
            break;
    }
    run_.took = elapsed_;
}

void Machine::apply_intent(const Entry& entry, Slot& slot) {
    auto& step = state(slot);
    if (!step.started) {
        step.started = entry.at;
        step.began_after = entry.after;
    }
    if (entry.kind == Entry::Kind::kApplying) {
        slot.phase = Phase::kCalling;
        slot.was_in_doubt = slot.is_in_doubt;
        slot.is_in_doubt = true;
        slot.may_repeat = false;
        step.attempts = entry.attempt;
        step.status = StepStatus::kRunning;
    } else if (entry.kind == Entry::Kind::kUndoing) {
        slot.phase = Phase::kCalling;
        slot.failures = slot.is_undo ? slot.failures : 0;
        slot.is_undo = true;
        slot.is_in_doubt = false;
        slot.may_repeat = false;
        slot.undo_attempts = entry.attempt;
        step.status = StepStatus::kUndoing;
    } else if (entry.kind == Entry::Kind::kObserving) {
        // An ended step is only asked about on the way back.
        if (slot.phase == Phase::kEnded && !slot.is_undo) {
            slot.is_undo = true;
            slot.failures = 0;
            slot.observations = 0;
            slot.error.reset();
        }
        slot.phase = Phase::kObserving;
        step.status = slot.is_undo ? StepStatus::kUndoing : StepStatus::kRunning;
    } else if (entry.kind == Entry::Kind::kRetrying) {
        slot.phase = Phase::kResting;
        slot.until = entry.until;
        step.status = slot.is_undo ? StepStatus::kUndoing : StepStatus::kRetrying;
    } else {
        slot.phase = Phase::kAwaiting;
        slot.until = entry.until;
        step.outputs["message"] = entry.reason;
        step.status = StepStatus::kAwaiting;
    }
}

void Machine::apply_outcome(const Entry& entry, Slot& slot) {
    if (entry.error) {
        slot.error = entry.error;
        state(slot).error = text_of(*entry.error);
        ++slot.failures;
        slot.observations = 0;
        slot.will_observe = false;
        slot.phase = is_unsure(*entry.error) ? Phase::kUnsure : Phase::kFellShort;
        if (slot.phase == Phase::kFellShort && !slot.is_undo) {
            slot.is_in_doubt = slot.was_in_doubt;
        }
        return;
    }
    if (entry.kind == Entry::Kind::kUndone) {
        end_step(entry, slot, StepStatus::kUndone);
        return;
    }
    state(slot).outputs = entry.outputs;
    end_step(entry, slot, StepStatus::kDone);
}

void Machine::apply_observed(const Entry& entry, Slot& slot) {
    slot.will_observe = entry.error.has_value();
    slot.observations += entry.error ? 1 : 0;
    slot.seen = entry.error ? Observation::State::kUnknown : *entry.seen;
    slot.phase = Phase::kSeen;
    if (slot.seen == Observation::State::kNotDone) {
        slot.is_in_doubt = false;
        if (slot.is_undo) {
            end_step(entry, slot, StepStatus::kUndone);
        }
        return;
    }
    if (slot.seen != Observation::State::kDone) {
        return;
    }
    // On the way back, what apply put out is known already unless it was never heard of.
    if (!slot.is_undo || state(slot).outputs.empty()) {
        state(slot).outputs = entry.outputs;
    }
    if (!slot.is_undo || !traits(slot).can_undo) {
        end_step(entry, slot, StepStatus::kDone);
    }
}

void Machine::apply_halted(Slot& slot) {
    if (slot.is_undo) {
        slot.phase = Phase::kEnded;
        state(slot).status = StepStatus::kDone;
        return;
    }
    slot.phase = Phase::kIdle;
    slot.is_in_doubt = slot.was_in_doubt;
    state(slot).status = StepStatus::kPending;
}

// A failed step may still be in doubt; one that is done, skipped or undone is not.
void Machine::end_step(const Entry& entry, Slot& slot, StepStatus status) {
    auto& step = state(slot);
    slot.phase = Phase::kEnded;
    slot.until.reset();
    step.status = status;
    step.started = step.started ? step.started : entry.at;
    step.ended = entry.at;
    step.took = entry.after - step.began_after;
    if (status == StepStatus::kFailed) {
        return;
    }
    slot.is_in_doubt = false;
    slot.may_repeat = false;
    step.error.clear();
    if (status == StepStatus::kDone && slot.completed == 0) {
        slot.completed = ++completed_;
    }
    if (status == StepStatus::kSkipped) {
        step.began_after = entry.after;
        step.took = {};
    }
}

void Machine::take_up(Slot& slot) {
    if (slot.phase == Phase::kCalling || slot.phase == Phase::kObserving) {
        slot.phase = Phase::kUnsure;
        slot.observations = 0;
    }
}

void Machine::resume(Slot& slot) {
    if (state(slot).status != StepStatus::kFailed || slot.phase != Phase::kEnded) {
        return;
    }
    slot.failures = 0;
    slot.observations = 0;
    state(slot).was_resumed = true;
    if (mode_ == Mode::kForward) {
        slot.may_repeat = slot.is_in_doubt;
        slot.phase = slot.is_in_doubt ? Phase::kUnsure : Phase::kIdle;
        state(slot).status = StepStatus::kPending;
        state(slot).ended.reset();
    } else if (slot.has_undo_failed) {
        slot.has_undo_failed = false;
        slot.may_repeat = true;
        slot.is_in_doubt = slot.is_in_doubt && traits(slot).can_undo;
    }
}

}  // namespace muster::workflow
