#pragma once

#include <string>
#include <vector>

#include "plan/model.h"

namespace muster::component {

/// What a person would type, or do, instead of a step: for the runbook.
struct Manual {
    std::string purpose;                     ///< One sentence: what the step is for.
    std::string where;                       ///< The host or site to stand on.
    std::vector<std::string> commands = {};  ///< Shell lines, quoted.
    std::string verify = {};                 ///< How to see that it worked.
    std::string warning = {};                ///< What must not be done; may be empty.
};
Manual manual_for(const plan::Step& step);

}  // namespace muster::component
