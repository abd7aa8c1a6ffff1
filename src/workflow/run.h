#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "plan/model.h"
#include "workflow/step_list.h"

namespace muster::workflow {

/// Why a run exists, kept with it for good: it is the first page of its report.
struct Cause {
    std::string kind;  ///< "failover", "switchover", "rebuild", or the procedure's name.
    bool is_automatic = false;
    std::string requested_by;  ///< A person or "muster".
    ServiceId service;
    SiteId from;
    SiteId to;
    Epoch epoch;
    std::string summary;                   ///< The decision's one line.
    std::string decision;                  ///< Its explanation: stages and votes.
    std::optional<WallTime> outage_began;  ///< First bad sample.
    std::optional<WallTime> detected;      ///< Verdict down.
    std::optional<WallTime> decided;
    Duration rpo{};  ///< The objectives at the time.
    Duration rto{};
};

/// What is executed: fixed when the run starts; a plan that changes later does not touch it.
struct RunSpec {
    RunId id;
    Cause cause;
    std::string plan_digest;
    Fields parameters;
    StepList steps;  ///< A graph by `needs`; checked to have no cycle.
};

enum class RunStatus {
    kRunning,
    kWaiting,  ///< For a person: an approval, or a failed step that needs resume or rollback.
    kRollingBack,
    kDone,
    kFailed,  ///< Ended by a step that failed for good after the point of no return was abandoned.
    kAborted,
    kRolledBack,
};
enum class StepStatus {
    kPending,
    kRunning,
    kRetrying,  ///< Waits for its backoff.
    kAwaiting,  ///< For an approval.
    kDone,
    kSkipped,  ///< Its `when` was false.
    kFailed,
    kUndoing,
    kUndone,
};
std::string_view to_string(RunStatus status);
std::string_view to_string(StepStatus status);
bool is_final(RunStatus status);

struct StepState {
    StepStatus status = StepStatus::kPending;
    int attempts = 0;
    Fields outputs;
    std::string error;  ///< Of the newest failure, with its hint.
    std::optional<WallTime> started;
    std::optional<WallTime> ended;
    Duration began_after{};  ///< Since the run began, monotonic within one process life.
    Duration took{};
    bool was_resumed = false;  ///< A person let it be tried again: `took` has their time in it.
};

/// A run as it stands: the fold of its journal.
struct Run {
    RunSpec spec;
    RunStatus status = RunStatus::kRunning;
    std::string reason;  ///< Why it waits, failed or was aborted.
    std::map<StepId, StepState> steps;
    WallTime started{};
    std::optional<WallTime> ended;
    Duration took{};
    int restarts = 0;  ///< How often a process took it up again.
};

}  // namespace muster::workflow
