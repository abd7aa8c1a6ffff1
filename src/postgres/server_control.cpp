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
