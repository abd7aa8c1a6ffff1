#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/task.h"
#include "base/time.h"
#include "plan/node.h"
#include "plan/schema.h"

namespace muster::workflow {

/// One request to an action. Repeating it with the same run and step changes nothing; an epoch
/// lower than one the resource has seen is refused with kConflict.
struct Call {
    RunId run;
    StepId step;
    int attempt = 1;
    Epoch epoch;
    ServiceId service;
    plan::Node with;  ///< The step's parameters, `${…}` filled in.
    Fields outputs;   ///< On undo: what apply had put out.
};

/// Whether a step's effect is already there.
struct Observation {
    enum class State {
        kDone,     ///< It is so: do not apply again. `outputs` as apply would have given.
        kNotDone,  ///< It is not: apply.
        kUnknown,  ///< It can't be told: apply again only if the action is idempotent.
    };
    State state = State::kUnknown;
    Fields outputs;
};

struct Traits {
    Duration timeout = std::chrono::seconds(30);
    int attempts = 3;
    Duration backoff = std::chrono::milliseconds(200);
    bool is_idempotent = false;  ///< Applying twice is as good as once.
    bool can_undo = false;
    bool is_point_of_no_return = false;
};

/// What a step does. Calls may fail with any Errc; kUnavailable and kTimedOut promise that nothing
/// happened, kOutcomeUnknown makes the engine observe first.
class Action {
  public:
    virtual ~Action() = default;
    [[nodiscard]] virtual Traits traits() const = 0;
    /// The names of all that `apply` may put out; empty: it depends on the call.
    [[nodiscard]] virtual std::vector<std::string> outputs() const { return {}; }
    /// Is it already so? Asked before every repetition after a crash or an unknown outcome.
    virtual Task<Observation> observe(Call call, Instant deadline) = 0;
    /// Do it; the outputs are there for later steps as `${steps.ID.NAME}`.
    virtual Task<Fields> apply(Call call, Instant deadline) = 0;
    /// Put it back, for rollback. kInvalid when traits().can_undo is false.
    virtual Task<> undo(Call call, Instant deadline) = 0;
};

/// The actions of this process, by type name. Built explicitly in the daemon's wiring from
/// `adapters/action/all_actions.cpp` and the component kinds.
class Actions {
  public:
    void add(std::string type, plan::Type parameters, std::unique_ptr<Action> action);
    /// nullptr when there is none.
    [[nodiscard]] Action* find(std::string_view type) const;
    [[nodiscard]] std::map<std::string, plan::Type> parameter_types() const;
    /// Of the actions that can tell.
    [[nodiscard]] std::map<std::string, std::vector<std::string>> output_names() const;

  private:
    struct Entry {
        plan::Type parameters;
        std::unique_ptr<Action> action;
    };
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace muster::workflow
