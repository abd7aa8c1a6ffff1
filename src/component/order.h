#pragma once

#include <vector>

#include "component/component.h"

namespace muster::component {

/// The steps of one component of a service, as its kind gave them.
struct ComponentSteps {
    ComponentId component;
    std::vector<ComponentId> needs;    ///< As the plan declares them.
    bool waits_for_promotion = false;  ///< Its scaling comes after what it needs is promoted.
    std::vector<PhaseStep> steps;
};

/// Puts the steps of all components into one graph: ids become "COMPONENT.STEP", `needs` are as few
/// as give the order, and the list is one in which everything stands after what it needs. Pure and
/// deterministic. `components` are in the plan's order.
std::vector<plan::Step> order(const std::vector<ComponentSteps>& components);

}  // namespace muster::component
