#pragma once

#include <optional>
#include <string_view>

#include "component/component.h"

namespace muster::component {

/// A step of a move without its parameters yet. Without a timeout the action's own holds.
PhaseStep make_step(Phase phase, std::string_view name, std::string_view action,
                    std::optional<Duration> timeout = std::nullopt);

}  // namespace muster::component
