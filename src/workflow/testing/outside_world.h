#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "workflow/action.h"
#include "workflow/testing/fault_store.h"

namespace muster::workflow::testing {

/// What the steps change; it survives every death of the process.
struct OutsideWorld {
    struct Thing {
        bool is_there = false;
        int applied = 0;  ///< Effects, not calls.
        int undone = 0;
        int calls = 0;
    };
    std::map<StepId, Thing> things;
    std::vector<std::string> violations;
};

/// How an action of the tests behaves.
struct Behaviour {
    Traits traits;
    bool can_tell = true;  ///< `observe` knows.
    int refusals = 0;      ///< So many calls fail first, without an effect, with `refusal`.
    Errc refusal = Errc::kUnavailable;
    int silent = 0;         ///< So many calls take effect but answer kOutcomeUnknown.
    int undo_refusals = 0;  ///< Likewise for undo, with kUnavailable.
    Duration takes = std::chrono::seconds(1);
};

/// Writes its step's mark into the outside world; dies at each boundary it passes.
class RecordingAction final : public Action {
  public:
    struct Deps {
        Clock& clock;
        OutsideWorld& world;
        Mortality& mortality;
        FaultStore& store;
    };
    RecordingAction(Behaviour behaviour, Deps deps) : behaviour_(behaviour), deps_(deps) {}

    [[nodiscard]] Traits traits() const override { return behaviour_.traits; }

    Task<Observation> observe(Call call, Instant /*deadline*/) override {
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        CO_TRY_OK(co_await deps_.clock.sleep_for(std::chrono::milliseconds(250)));
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        if (!behaviour_.can_tell) {
            co_return Observation{};
        }
        const bool is_there = deps_.world.things[call.step].is_there;
        co_return Observation{is_there ? Observation::State::kDone : Observation::State::kNotDone,
                              is_there ? outputs(call) : Fields{}};
    }

    Task<Fields> apply(Call call, Instant /*deadline*/) override {
        check_intent("applying", call);
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        CO_TRY_OK(co_await deps_.clock.sleep_for(behaviour_.takes));
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        auto& thing = deps_.world.things[call.step];
        ++thing.calls;
        if (thing.calls <= behaviour_.refusals) {
            co_return Error{behaviour_.refusal, "refused"};
        }
        thing.is_there = true;
        ++thing.applied;
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        CO_TRY_OK(co_await deps_.clock.sleep_for(behaviour_.takes));
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        if (thing.calls <= behaviour_.silent) {
            co_return Error{Errc::kOutcomeUnknown, "no answer"};
        }
        co_return outputs(call);
    }

    Task<> undo(Call call, Instant /*deadline*/) override {
        check_intent("undoing", call);
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        CO_TRY_OK(co_await deps_.clock.sleep_for(behaviour_.takes));
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        auto& thing = deps_.world.things[call.step];
        if (thing.undone == 0 && call.attempt <= behaviour_.undo_refusals) {
            co_return Error{Errc::kUnavailable, "refused"};
        }
        if (call.outputs != outputs(call)) {
            deps_.world.violations.push_back("undo of " + call.step.str() + " lacks the outputs");
        }
        thing.is_there = false;
        ++thing.undone;
        if (deps_.mortality.dies_here()) {
            co_return dead();
        }
        co_return Result<>{};
    }

  private:
    static Error dead() { return {Errc::kCancelled, "the process is dead"}; }
    // Depends on the filled-in parameters, so that wrong ones show in the final state.
    static Fields outputs(const Call& call) {
        std::string with;
        for (const auto& entry : call.with.entries) {
            with += entry.value.scalar;
        }
        return {{"mark", call.step.str() + "(" + with + ")"}};
    }
    void check_intent(const std::string& kind, const Call& call) {
        const auto intent = kind + " " + call.step.str() + " " + std::to_string(call.attempt);
        if (!deps_.mortality.is_dead() && !deps_.store.intents.contains(intent)) {
            deps_.world.violations.push_back("no durable intent: " + intent);
        }
    }

    Behaviour behaviour_;
    Deps deps_;
};

}  // namespace muster::workflow::testing
