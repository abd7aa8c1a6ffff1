#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workflow/condition.h"
#include "workflow/entry.h"
#include "workflow/graph.h"
#include "workflow/run.h"

namespace muster::workflow {

/// What the shell is to do, after the entries that came with it are journaled. Its end comes back
/// as a cause: kObserved, kApplied or kUndone of the same step and attempt.
struct Directive {
    enum class Kind { kObserve, kApply, kUndo };
    Kind kind = Kind::kApply;
    std::string action;
    Duration timeout{};
    Call call;
};

/// The run engine without the world: a pure state machine. `take` a cause and it says what follows,
/// `fold` entries and it is where they lead. The same causes give the same entries, always.
class Machine {
  public:
    struct Reaction {
        std::vector<Entry> entries;  ///< The cause first; empty: nothing to journal.
        std::vector<Directive> directives;
    };

    /// kInvalid for a graph that can't be run, see `check_graph`.
    static Result<Machine> make(RunSpec spec, StepTraits traits);
    Machine(Machine&&) = default;
    Machine& operator=(Machine&&) = default;

    /// What follows from a cause. kNotFound, kConflict or kDenied when it can't be taken as the run
    /// stands; nothing has changed then.
    Result<Reaction> take(Entry cause);
    /// Replays one entry of the journal. kCorrupt when it doesn't fit what came before.
    Result<> fold(const Entry& entry);

    [[nodiscard]] const Run& run() const { return run_; }
    [[nodiscard]] const StepTraits& traits() const { return traits_; }
    /// When the next kTimer is due, on the scale of `Entry::after`.
    [[nodiscard]] std::optional<Duration> next_timer() const;
    /// The newest entry's `after`.
    [[nodiscard]] Duration elapsed() const { return elapsed_; }

  private:
    // Where a step stands, finer than its StepStatus.
    enum class Phase {
        kIdle,       // Not begun, or to begin again.
        kCalling,    // Intent journaled, outcome not.
        kFellShort,  // The call ended with `error`: decide what now.
        kUnsure,     // The call may have happened: observe.
        kObserving,  // Asked.
        kSeen,       // Answered: decide what now.
        kResting,    // Until `until`.
        kAwaiting,   // An approval, until `until`.
        kEnded,      // Done, skipped, failed or undone.
    };
    enum class Mode { kForward, kRollback, kAbort };
    struct Slot {
        // Into spec, traits and steps, whose parts stay where they are when the machine moves.
        const plan::Step* step = nullptr;
        const Traits* traits = nullptr;
        StepState* state = nullptr;
        std::vector<const StepState*> needs;  // As `step->needs`.
        Condition when;
        Phase phase = Phase::kIdle;
        bool is_undo = false;       // It is on its way back.
        bool is_in_doubt = false;   // Its effect may be there although no outcome says so.
        bool was_in_doubt = false;  // Likewise, from attempts before this one.
        bool may_repeat = false;    // A person took the risk of a second effect.
        bool will_observe = false;  // What comes after the rest.
        bool has_undo_failed = false;
        int failures = 0;      // Since it began or was resumed.
        int observations = 0;  // Failed ones.
        int undo_attempts = 0;
        int completed = 0;  // The order in which steps were done.
        Observation::State seen = Observation::State::kUnknown;
        std::optional<Error> error;
        std::optional<Duration> until;
    };

    Machine(RunSpec spec, StepTraits traits);

    // machine.cpp
    [[nodiscard]] Result<> admit(const Entry& cause) const;
    [[nodiscard]] Result<> admit_approval(const Entry& cause) const;
    [[nodiscard]] Result<> admit_rollback() const;
    [[nodiscard]] bool fits(const Entry& entry) const;
    // machine_fold.cpp
    void apply(const Entry& entry);
    void apply_run(const Entry& entry);
    static void apply_intent(const Entry& entry, Slot& slot);
    void apply_outcome(const Entry& entry, Slot& slot);
    void apply_observed(const Entry& entry, Slot& slot);
    static void apply_halted(Slot& slot);
    void end_step(const Entry& entry, Slot& slot, StepStatus status);
    static void take_up(Slot& slot);
    void resume(Slot& slot);
    // machine_settle.cpp
    struct Settling;
    void settle(Settling& work);
    bool settle_slot(Slot& slot, Settling& work);
    bool settle_idle(Slot& slot, Settling& work);
    bool settle_fell_short(Slot& slot, Settling& work);
    bool settle_seen(Slot& slot, Settling& work);
    bool settle_due(Slot& slot, Settling& work);
    bool settle_rollback(Settling& work);
    void settle_status(Settling& work);
    void emit(Entry entry, Settling& work);
    void begin(Slot& slot, Settling& work);
    void begin_undo(Slot& slot, Settling& work);
    void again(Slot& slot, Settling& work);
    void begin_approval(Slot& slot, Settling& work);
    void observe(Slot& slot, Settling& work);
    void rest(Slot& slot, Settling& work);
    void fail(Slot& slot, Error error, Settling& work);
    void give(Directive::Kind kind, Slot& slot, Settling& work);
    [[nodiscard]] static bool is_ready(const Slot& slot);
    [[nodiscard]] static bool is_active(const Slot& slot);
    [[nodiscard]] bool is_stopping(const Slot& slot) const;
    [[nodiscard]] Slot* next_to_undo() const;
    [[nodiscard]] Duration backoff(const Slot& slot) const;
    [[nodiscard]] std::pair<RunStatus, std::string> standing() const;
    [[nodiscard]] std::string waiting_reason() const;
    [[nodiscard]] const plan::Step* passed_return() const;

    [[nodiscard]] static const Traits& traits(const Slot& slot) { return *slot.traits; }
    [[nodiscard]] static StepState& state(const Slot& slot) { return *slot.state; }

    Run run_;
    StepTraits traits_;
    std::map<StepId, Slot> slots_;
    std::vector<Slot*> order_;  // As declared; of slots_.
    Mode mode_ = Mode::kForward;
    bool has_started_ = false;
    std::string halted_;  // Why nothing new may begin; empty: it may.
    std::string stopped_by_;
    int completed_ = 0;
    Duration elapsed_{};
};

}  // namespace muster::workflow
