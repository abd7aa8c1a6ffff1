#include "postgres/server_control.h"

#include <cctype>

namespace muster::postgres {

std::string Server::standby_name() const {
    std::string made = "muster_";
    for (const char c : (name.empty() ? site.str() : name).substr(0, 50)) {
        const auto byte = static_cast<unsigned char>(c);
        made += std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '_';
    }
    return made;
}

// FIRST 1 over one name: all that is acknowledged is there. Over several names it would be on any
// of them, and none could be promoted alone (PostgreSQL manual, synchronous_standby_names).
std::string sync_setting(std::string_view standby) {
    if (standby.empty()) {
        return {};
    }
    std::string quoted;
    for (const char c : standby) {
        quoted += c == '"' ? std::string(2, c) : std::string(1, c);
    }
    return "FIRST 1 (\"" + quoted + "\")";
}

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
