#include <utility>

#include "workflow/live.h"

namespace muster::workflow {
namespace {

// How long an action may go past its deadline before it is cancelled from outside.
constexpr Duration kGrace = std::chrono::seconds(5);

Entry ended(const Directive& directive) {
    Entry out;
    out.kind = directive.kind == Directive::Kind::kApply  ? Entry::Kind::kApplied
               : directive.kind == Directive::Kind::kUndo ? Entry::Kind::kUndone
                                                          : Entry::Kind::kObserved;
    out.step = directive.call.step;
    out.attempt = directive.call.attempt;
    return out;
}

}  // namespace

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
    const auto deadline = deps.clock.now() + directive.timeout;
    const auto outcome = std::make_shared<Outcome>(deps.executor);
    TaskGroup calls(deps.executor);
    calls.spawn(call(directive, deadline, outcome));
    calls.spawn(expire(deadline + kGrace, outcome));
    bool is_cancelled = false;
    while (!outcome->cause && !outcome->is_late && !is_cancelled) {
        is_cancelled = !(co_await outcome->changed.wait()).has_value();
    }
    const bool has_ended = outcome->cause.has_value();
    const auto stopped = co_await calls.stop();
    static_cast<void>(stopped);
    if (is_stopping || is_cancelled) {
        // The journal has the intent only: the next process observes first.
        co_return Result<>{};
    }
    if (!has_ended) {
        cause.error = Error{Errc::kOutcomeUnknown, "action \"" + directive.action +
                                                       "\" did not end by its deadline of " +
                                                       human_duration(directive.timeout)};
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
