#include "workflow/entry.h"

namespace muster::workflow {

std::string_view to_string(Entry::Kind kind) {
    switch (kind) {
        case Entry::Kind::kStarted:
            return "started";
        case Entry::Kind::kTakenUp:
            return "taken_up";
        case Entry::Kind::kApplied:
            return "applied";
        case Entry::Kind::kUndone:
            return "undone";
        case Entry::Kind::kObserved:
            return "observed";
        case Entry::Kind::kTimer:
            return "timer";
        case Entry::Kind::kApproved:
            return "approved";
        case Entry::Kind::kResumed:
            return "resumed";
        case Entry::Kind::kAborting:
            return "aborting";
        case Entry::Kind::kRollingBack:
            return "rolling_back";
        case Entry::Kind::kHalted:
            return "halted";
        case Entry::Kind::kApplying:
            return "applying";
        case Entry::Kind::kUndoing:
            return "undoing";
        case Entry::Kind::kObserving:
            return "observing";
        case Entry::Kind::kRetrying:
            return "retrying";
        case Entry::Kind::kAwaiting:
            return "awaiting";
        case Entry::Kind::kSkipped:
            return "skipped";
        case Entry::Kind::kFailed:
            return "failed";
        case Entry::Kind::kStatus:
            break;
    }
    return "status";
}

bool is_cause(Entry::Kind kind) {
    return kind <= Entry::Kind::kHalted;
}

}  // namespace muster::workflow
