#include <algorithm>
#include <utility>

#include "workflow/live.h"

namespace muster::workflow {
namespace {

// How long an action may go past its deadline before it is cancelled from outside.
constexpr Duration kGrace = std::chrono::seconds(5);
// How long a run that is cut short asks what became of a step.
constexpr Duration kLastLook = std::chrono::seconds(3);

Entry ended(const Directive& directive) {
    Entry out;
    out.kind = directive.kind == Directive::Kind::kApply  ? Entry::Kind::kApplied
               : directive.kind == Directive::Kind::kUndo ? Entry::Kind::kUndone
                                                          : Entry::Kind::kObserved;
    out.step = directive.call.step;
    out.attempt = directive.call.attempt;
    return out;
}

// A fence is let finish: half of one proves nothing, and it ends soon.
bool may_be_cut(const Live& live, const Directive& directive) {
    if (directive.kind == Directive::Kind::kObserve) {
        return true;
    }
    const auto& steps = live.view.spec.steps;
    const auto step = std::ranges::find(steps, directive.call.step, &plan::Step::id);
    return directive.kind == Directive::Kind::kApply && step != steps.end() &&
           step->phase != "fence" && live.machine->traits().at(step->id).is_idempotent;
}

Error cut_error(const Directive& directive) {
    return Error{Errc::kCancelled,
                 "step \"" + directive.call.step.str() + "\" was cut short with its run"};
}

}  // namespace

Task<> Runner::State::cut_short(RunId run, std::string by) {
    Entry cause;
    cause.kind = Entry::Kind::kAborting;
    cause.by = std::move(by);
    // First the word that the run ends, so that no cancelled step is tried again.
    const auto aborted = co_await request(run, std::move(cause));
    if (!aborted && aborted.error().code() != Errc::kConflict) {
        co_return aborted;
    }
    const auto live = find(run);
    if (live == nullptr || !live->is_driven) {
        co_return aborted;
    }
    live->is_cut = true;
    for (const auto& [step, outcome] : live->calls) {
        outcome->is_cut = outcome->may_be_cut;
        outcome->changed.notify();
    }
    co_return Result<>{};
}

std::shared_ptr<Outcome> Runner::State::open_call(const Executor& executor, Live& live,
                                                  const Directive& directive) {
    auto outcome = std::make_shared<Outcome>(executor);
    outcome->may_be_cut = may_be_cut(live, directive);
    // Told to begin just before its run was cut short.
    outcome->is_cut =
        live.is_cut && outcome->may_be_cut && directive.kind == Directive::Kind::kApply;
    live.calls[directive.call.step] = outcome;
    return outcome;
}

Task<> Runner::State::perform(LivePtr live, Directive directive) {
    auto cause = ended(directive);
    const auto& call_of = directive.call;
    const bool has_effect = directive.kind != Directive::Kind::kObserve;
    if (has_effect && deps.may_act && !deps.may_act(call_of.service, call_of.epoch)) {
        cause.kind = Entry::Kind::kHalted;
        cause.reason = "this node may no longer act for service \"" + call_of.service.str() +
                       "\" at epoch " + std::to_string(call_of.epoch.value) +
                       "; nothing was done in step \"" + call_of.step.str() + "\"";
        push(*live, {std::move(cause), nullptr});
        co_return Result<>{};
    }
    const bool is_last_look = live->is_cut && !has_effect;
    const auto timeout = is_last_look ? std::min(directive.timeout, kLastLook) : directive.timeout;
    const auto deadline = deps.clock.now() + timeout;
    const auto outcome = open_call(deps.executor, *live, directive);
    TaskGroup calls(deps.executor);
    calls.spawn(call(directive, deadline, outcome));
    calls.spawn(expire(is_last_look ? deadline : deadline + kGrace, outcome));
    bool is_cancelled = false;
    while (!outcome->cause && !outcome->is_late && !outcome->is_cut && !is_cancelled) {
        is_cancelled = !(co_await outcome->changed.wait()).has_value();
    }
    bool has_ended = outcome->cause.has_value();
    const auto stopped = co_await calls.stop();
    static_cast<void>(stopped);
    live->calls.erase(call_of.step);
    if (is_stopping || is_cancelled) {
        // The journal has the intent only: the next process observes first.
        co_return Result<>{};
    }
    if (outcome->is_cut && !has_ended) {
        // It may have ended well while it was told to stop.
        has_ended = outcome->cause && !outcome->cause->error;
        cause.error = cut_error(directive);
    } else if (!has_ended) {
        cause.error = Error{Errc::kOutcomeUnknown, "action \"" + directive.action +
                                                       "\" did not end by its deadline of " +
                                                       human_duration(timeout)};
    }
    push(*live, {has_ended ? *std::move(outcome->cause) : std::move(cause), nullptr});
    co_return Result<>{};
}

Task<> Runner::State::expire(Instant when, std::shared_ptr<Outcome> outcome) {
    CO_TRY_OK(co_await deps.clock.sleep_until(when));
    outcome->is_late = true;
    outcome->changed.notify();
    co_return Result<>{};
}

Task<> Runner::State::call(Directive directive, Instant deadline,
                           std::shared_ptr<Outcome> outcome) {
    auto cause = ended(directive);
    auto* action = deps.actions.find(directive.action);
    if (action == nullptr) {
        cause.error =
            Error{Errc::kInvalid, "this muster has no action \"" + directive.action + "\"",
                  "start the muster that this run began with"};
    } else if (directive.kind == Directive::Kind::kObserve) {
        auto seen = co_await action->observe(directive.call, deadline);
        if (seen) {
            cause.seen = seen->state;
            cause.outputs = std::move(seen->outputs);
        } else {
            cause.error = std::move(seen).error();
        }
    } else if (directive.kind == Directive::Kind::kApply) {
        auto outputs = co_await action->apply(directive.call, deadline);
        if (outputs) {
            cause.outputs = *std::move(outputs);
        } else {
            cause.error = std::move(outputs).error();
        }
    } else {
        auto undone = co_await action->undo(directive.call, deadline);
        if (!undone) {
            cause.error = std::move(undone).error();
        }
    }
    outcome->cause = std::move(cause);
    outcome->changed.notify();
    co_return Result<>{};
}

}  // namespace muster::workflow
