#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/random.h"
#include "workflow/settling.h"

namespace muster::workflow {
namespace {

constexpr Duration kMaxBackoff = std::chrono::minutes(1);
constexpr int kMaxDoublings = 16;

bool is_retryable(const Error& error) {
    return error.code() == Errc::kUnavailable || error.code() == Errc::kTimedOut ||
           error.code() == Errc::kOutcomeUnknown || error.code() == Errc::kCancelled;
}

bool is_ok(StepStatus status) {
    return status == StepStatus::kDone || status == StepStatus::kSkipped;
}

}  // namespace

void Machine::settle(Settling& work) {
    bool has_moved = true;
    while (has_moved) {
        has_moved = false;
        for (auto* slot : order_) {
            has_moved = settle_slot(*slot, work) || has_moved;
        }
        has_moved = has_moved || settle_rollback(work);
    }
    settle_status(work);
}

bool Machine::settle_slot(Slot& slot, Settling& work) {
    switch (slot.phase) {
        case Phase::kIdle:
            return settle_idle(slot, work);
        case Phase::kFellShort:
            return settle_fell_short(slot, work);
        case Phase::kUnsure:
            observe(slot, work);
            return true;
        case Phase::kSeen:
            return settle_seen(slot, work);
        case Phase::kResting:
        case Phase::kAwaiting:
            return settle_due(slot, work);
        default:
            return false;
    }
}

bool Machine::settle_idle(Slot& slot, Settling& work) {
    if (mode_ != Mode::kForward || !halted_.empty() || !is_ready(slot)) {
        return false;
    }
    if (!slot.when.holds(run_)) {
        Entry entry;
        entry.kind = Entry::Kind::kSkipped;
        entry.step = slot.step->id;
        emit(std::move(entry), work);
    } else if (slot.step->action == kApprove) {
        begin_approval(slot, work);
    } else {
        begin(slot, work);
    }
    return true;
}

bool Machine::is_ready(const Slot& slot) {
    for (std::size_t i = 0; i < slot.needs.size(); ++i) {
        const auto status = slot.needs[i]->status;
        const bool is_met = is_ok(status) || (status == StepStatus::kFailed &&
                                              slot.when.handles_failure_of(slot.step->needs[i]));
        if (!is_met) {
            return false;
        }
    }
    return true;
}

bool Machine::is_active(const Slot& slot) {
    return slot.phase != Phase::kIdle && slot.phase != Phase::kAwaiting &&
           slot.phase != Phase::kEnded;
}

// True when the step must not be tried again for now.
bool Machine::is_stopping(const Slot& slot) const {
    return mode_ == Mode::kAbort || (mode_ == Mode::kRollback && !slot.is_undo) || !halted_.empty();
}

bool Machine::settle_fell_short(Slot& slot, Settling& work) {
    CHECK(slot.error.has_value());
    if (is_retryable(*slot.error) && slot.failures < traits(slot).attempts && !is_stopping(slot)) {
        rest(slot, work);
    } else {
        fail(slot, *slot.error, work);
    }
    return true;
}

// It was asked whether the effect is there, after a crash or an unknown outcome.
bool Machine::settle_seen(Slot& slot, Settling& work) {
    const auto& named = slot.step->id.str();
    if (slot.will_observe && slot.observations < traits(slot).attempts && !is_stopping(slot)) {
        rest(slot, work);
        return true;
    }
    slot.will_observe = false;
    const bool can_tell = slot.seen != Observation::State::kUnknown;
    if (!can_tell && !traits(slot).is_idempotent && !slot.may_repeat) {
        fail(slot,
             Error{Errc::kOutcomeUnknown,
                   (slot.error ? slot.error->message() + "; " : std::string()) +
                       "it can't be told whether " + (slot.is_undo ? "undoing " : "") + "step \"" +
                       named + "\" took effect, and it must not happen twice",
                   "look at it, then resume to do it again, or roll back, or abort"},
             work);
        return true;
    }
    const bool may_try = slot.failures < traits(slot).attempts && !is_stopping(slot);
    if (may_try) {
        again(slot, work);
        return true;
    }
    fail(slot,
         slot.error.value_or(Error{Errc::kCancelled, "step \"" + named + "\" was stopped midway"}),
         work);
    return true;
}

void Machine::again(Slot& slot, Settling& work) {
    if (slot.failures > 0) {
        rest(slot, work);
    } else if (slot.is_undo) {
        begin_undo(slot, work);
    } else {
        begin(slot, work);
    }
}

bool Machine::settle_due(Slot& slot, Settling& work) {
    const bool is_due = slot.until && work.after >= *slot.until;
    if (slot.phase == Phase::kAwaiting) {
        if (mode_ != Mode::kForward) {
            fail(slot, {Errc::kCancelled, "the approval is no longer asked for"}, work);
        } else if (is_due) {
            fail(slot, {Errc::kTimedOut, "nobody approved it in time"}, work);
        }
        return is_due || mode_ != Mode::kForward;
    }
    if (is_stopping(slot)) {
        fail(slot,
             slot.error.value_or(Error{Errc::kCancelled, "it was stopped before another attempt"}),
             work);
        return true;
    }
    if (!is_due) {
        return false;
    }
    if (slot.will_observe) {
        observe(slot, work);
    } else if (slot.is_undo) {
        begin_undo(slot, work);
    } else {
        begin(slot, work);
    }
    return true;
}

// One step at a time goes back, the last one done first, and only when nothing is under way.
bool Machine::settle_rollback(Settling& work) {
    const auto is_busy = [](const Slot* slot) { return is_active(*slot) || slot->has_undo_failed; };
    if (mode_ != Mode::kRollback || !halted_.empty() || std::ranges::any_of(order_, is_busy)) {
        return false;
    }
    auto* slot = next_to_undo();
    if (slot == nullptr) {
        return false;
    }
    if (slot->is_in_doubt) {
        observe(*slot, work);
    } else {
        begin_undo(*slot, work);
    }
    return true;
}

Machine::Slot* Machine::next_to_undo() const {
    Slot* best = nullptr;
    const auto rank = [](const Slot& slot) {
        return slot.is_in_doubt ? std::numeric_limits<int>::max() : slot.completed;
    };
    for (auto* slot : order_) {
        const auto status = state(*slot).status;
        const bool has_effect =
            status == StepStatus::kDone || (status == StepStatus::kFailed && slot->is_undo);
        const bool counts = slot->is_in_doubt || (has_effect && traits(*slot).can_undo);
        if (counts && (best == nullptr || rank(*slot) > rank(*best))) {
            best = slot;
        }
    }
    return best;
}

void Machine::emit(Entry entry, Settling& work) {
    entry.at = work.at;
    entry.after = work.after;
    apply(entry);
    work.reaction.entries.push_back(std::move(entry));
}

void Machine::begin(Slot& slot, Settling& work) {
    const auto filled = fill(slot.step->with, run_);
    if (!filled) {
        fail(slot, filled.error(), work);
        return;
    }
    Entry entry;
    entry.kind = Entry::Kind::kApplying;
    entry.step = slot.step->id;
    entry.attempt = state(slot).attempts + 1;
    emit(std::move(entry), work);
    give(Directive::Kind::kApply, slot, work);
}

void Machine::begin_undo(Slot& slot, Settling& work) {
    Entry entry;
    entry.kind = Entry::Kind::kUndoing;
    entry.step = slot.step->id;
    entry.attempt = slot.undo_attempts + 1;
    emit(std::move(entry), work);
    give(Directive::Kind::kUndo, slot, work);
}

void Machine::begin_approval(Slot& slot, Settling& work) {
    const auto filled = fill(slot.step->with, run_);
    if (!filled) {
        fail(slot, filled.error(), work);
        return;
    }
    Entry entry;
    entry.kind = Entry::Kind::kAwaiting;
    entry.step = slot.step->id;
    entry.reason = filled->text("message");
    if (const auto text = filled->text("expires"); !text.empty()) {
        const auto expires = parse_duration(text);
        if (!expires) {
            fail(slot, expires.error(), work);
            return;
        }
        entry.until = work.after + *expires;
    }
    emit(std::move(entry), work);
}

void Machine::observe(Slot& slot, Settling& work) {
    Entry entry;
    entry.kind = Entry::Kind::kObserving;
    entry.step = slot.step->id;
    entry.attempt = state(slot).attempts;
    emit(std::move(entry), work);
    give(Directive::Kind::kObserve, slot, work);
}

void Machine::rest(Slot& slot, Settling& work) {
    Entry entry;
    entry.kind = Entry::Kind::kRetrying;
    entry.step = slot.step->id;
    entry.until = work.after + backoff(slot);
    emit(std::move(entry), work);
}

void Machine::fail(Slot& slot, Error error, Settling& work) {
    Entry entry;
    entry.kind = Entry::Kind::kFailed;
    entry.step = slot.step->id;
    entry.error = std::move(error);
    emit(std::move(entry), work);
}

void Machine::give(Directive::Kind kind, Slot& slot, Settling& work) {
    Directive out;
    out.kind = kind;
    out.action = slot.step->action;
    out.timeout = traits(slot).timeout;
    out.call.run = run_.spec.id;
    out.call.step = slot.step->id;
    out.call.attempt = kind == Directive::Kind::kUndo ? slot.undo_attempts : state(slot).attempts;
    out.call.epoch = run_.spec.cause.epoch;
    out.call.service = run_.spec.cause.service;
    out.call.with = fill(slot.step->with, run_).value_or(slot.step->with);
    if (slot.is_undo) {
        out.call.outputs = state(slot).outputs;
    }
    work.reaction.directives.push_back(std::move(out));
}

// Doubles with each failure; ± 20 % from a hash, so that it is spread out and yet pure.
Duration Machine::backoff(const Slot& slot) const {
    const auto count = slot.will_observe ? slot.observations : slot.failures;
    const auto base = traits(slot).backoff;
    const auto limit = std::max(base, kMaxBackoff);
    const auto doublings = std::clamp(count - 1, 0, kMaxDoublings);
    const auto full = base > limit / (1 << doublings) ? limit : base * (1 << doublings);
    const auto hash = stable_hash(run_.spec.id.str() + "/" + slot.step->id.str() + "/" +
                                  std::to_string(state(slot).attempts) + "/" +
                                  std::to_string(slot.undo_attempts) + "/" + std::to_string(count));
    const auto permille = static_cast<std::int64_t>(hash % 401) - 200;
    return full + full / 1000 * permille;
}

void Machine::settle_status(Settling& work) {
    auto [status, reason] = standing();
    if (status == run_.status && reason == run_.reason) {
        return;
    }
    Entry entry;
    entry.kind = Entry::Kind::kStatus;
    entry.status = status;
    entry.reason = std::move(reason);
    emit(std::move(entry), work);
}

std::pair<RunStatus, std::string> Machine::standing() const {
    if (std::ranges::any_of(order_, [](const Slot* slot) { return is_active(*slot); })) {
        return {mode_ == Mode::kRollback ? RunStatus::kRollingBack : RunStatus::kRunning,
                mode_ == Mode::kForward ? std::string{} : "asked for by " + stopped_by_};
    }
    const bool has_failed = std::ranges::any_of(
        order_, [](const Slot* slot) { return state(*slot).status == StepStatus::kFailed; });
    if (mode_ == Mode::kAbort) {
        const bool is_lost = has_failed && passed_return() != nullptr;
        return {is_lost ? RunStatus::kFailed : RunStatus::kAborted, "aborted by " + stopped_by_};
    }
    const bool is_stuck = !halted_.empty() || std::ranges::any_of(order_, [](const Slot* slot) {
        return slot->has_undo_failed;
    });
    if (mode_ == Mode::kRollback && !is_stuck) {
        return {RunStatus::kRolledBack, "asked for by " + stopped_by_};
    }
    const bool is_done =
        std::ranges::all_of(order_, [](const Slot* slot) { return is_ok(state(*slot).status); });
    if (is_done && mode_ == Mode::kForward) {
        return {RunStatus::kDone, {}};
    }
    return {RunStatus::kWaiting, waiting_reason()};
}

std::string Machine::waiting_reason() const {
    const auto& id = run_.spec.id.str();
    std::string out = halted_;
    bool is_asking_only = halted_.empty();
    const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
    for (const auto* slot : order_) {
        const auto& step = slot->step->id;
        const auto& now = state(*slot);
        if (now.status == StepStatus::kFailed &&
            (mode_ == Mode::kForward || slot->has_undo_failed)) {
            add("step \"" + step.str() + "\" failed" + (slot->is_undo ? " to be undone: " : ": ") +
                now.error);
            is_asking_only = false;
        } else if (now.status == StepStatus::kAwaiting) {
            add("approval of step \"" + step.str() + "\": " + now.outputs.at("message") +
                " (muster run approve " + id + " " + step.str() + ")");
        }
    }
    if (is_asking_only) {
        return out;
    }
    const bool can_go_back = mode_ == Mode::kForward && passed_return() == nullptr;
    add("go on with: muster run resume " + id +
        (can_go_back ? ", or undo with: muster run rollback " + id : "") +
        ", or end with: muster run abort " + id);
    return out;
}

}  // namespace muster::workflow
