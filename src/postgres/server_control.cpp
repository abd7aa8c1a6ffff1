#include "postgres/server_control.h"

namespace muster::postgres {

std::string_view to_string(Process process) {
    switch (process) {
        case Process::kRunning:
            return "running";
        case Process::kFrozen:
            return "frozen";
        case Process::kStopped:
            return "stopped";
        case Process::kUnknown:
            break;
    }
    return "unknown";
}

std::string_view to_string(Role role) {
    switch (role) {
        case Role::kPrimary:
            return "primary";
        case Role::kStandby:
            return "standby";
        case Role::kUnknown:
            break;
    }
    return "unknown";
}

}  // namespace muster::postgres
