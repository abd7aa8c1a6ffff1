#include "component/component.h"

#include <array>

namespace muster::component {

std::string_view to_string(Move::Kind kind) {
    switch (kind) {
        case Move::Kind::kFailover:
            return "failover";
        case Move::Kind::kSwitchover:
            return "switchover";
        case Move::Kind::kRebuild:
            return "rebuild";
    }
    return "unknown";
}

std::string_view to_string(Phase phase) {
    constexpr std::array<std::string_view, 8> kNames = {"prepare", "fence",  "promote", "scale",
                                                        "steer",   "verify", "release", "rebuild"};
    return kNames.at(static_cast<std::size_t>(phase));
}

}  // namespace muster::component
