#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "workflow/action.h"
#include "workflow/run.h"

namespace muster::workflow {

/// One fact of a run. Causes come from outside; consequences are what the machine made of them. A
/// run is the fold of its entries: see docs/design/journal.md.
struct Entry {
    enum class Kind {
        // Causes.
        kStarted,
        kTakenUp,      ///< A process reads the run from its journal and goes on.
        kApplied,      ///< An apply of `attempt` ended: `outputs`, or `error`.
        kUndone,       ///< An undo of `attempt` ended: well, or with `error`.
        kObserved,     ///< An observation ended: `seen` and `outputs`, or `error`.
        kTimer,        ///< Time went by; kept only when something came of it.
        kApproved,     ///< Of an awaiting step, `by` somebody.
        kResumed,      ///< `by` somebody.
        kAborting,     ///< `by` somebody.
        kRollingBack,  ///< `by` somebody.
        kHalted,       ///< The intent of `step` was not carried out: this node may no longer act.
        // Consequences.
        kApplying,   ///< The intent to apply; journaled before the action is called.
        kUndoing,    ///< The intent to undo.
        kObserving,  ///< The wish to observe.
        kRetrying,   ///< The step rests until `until`.
        kAwaiting,   ///< For a person, until `until` if there.
        kSkipped,
        kFailed,  ///< The step, for good, with `error`.
        kStatus,  ///< The run's `status` and `reason`.
    };
    Kind kind = Kind::kTimer;
    WallTime at{};
    Duration after{};  ///< Since the run began.
    StepId step;
    int attempt = 0;
    Fields outputs;
    std::optional<Observation::State> seen;
    std::optional<Error> error;
    std::optional<Duration> until;  ///< On the scale of `after`.
    RunStatus status = RunStatus::kRunning;
    std::string by;
    std::string reason;
};

std::string_view to_string(Entry::Kind kind);
bool is_cause(Entry::Kind kind);

}  // namespace muster::workflow
