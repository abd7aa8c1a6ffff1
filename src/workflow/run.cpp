#include "workflow/run.h"

namespace muster::workflow {

std::string_view to_string(RunStatus status) {
    switch (status) {
        case RunStatus::kRunning:
            return "running";
        case RunStatus::kWaiting:
            return "waiting";
        case RunStatus::kRollingBack:
            return "rolling_back";
        case RunStatus::kDone:
            return "done";
        case RunStatus::kFailed:
            return "failed";
        case RunStatus::kAborted:
            return "aborted";
        case RunStatus::kRolledBack:
            break;
    }
    return "rolled_back";
}

std::string_view to_string(StepStatus status) {
    switch (status) {
        case StepStatus::kPending:
            return "pending";
        case StepStatus::kRunning:
            return "running";
        case StepStatus::kRetrying:
            return "retrying";
        case StepStatus::kAwaiting:
            return "awaiting";
        case StepStatus::kDone:
            return "done";
        case StepStatus::kSkipped:
            return "skipped";
        case StepStatus::kFailed:
            return "failed";
        case StepStatus::kUndoing:
            return "undoing";
        case StepStatus::kUndone:
            break;
    }
    return "undone";
}

bool is_final(RunStatus status) {
    return status == RunStatus::kDone || status == RunStatus::kFailed ||
           status == RunStatus::kAborted || status == RunStatus::kRolledBack;
}

}  // namespace muster::workflow
