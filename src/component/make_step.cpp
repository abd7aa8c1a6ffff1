#include "component/make_step.h"

namespace muster::component {

PhaseStep make_step(Phase phase, std::string_view name, std::string_view action,
                    std::optional<Duration> timeout) {
    PhaseStep made;
    made.phase = phase;
    made.step.id = StepId(std::string(name));
    made.step.action = std::string(action);
    made.step.timeout = timeout;
    return made;
}

}  // namespace muster::component
