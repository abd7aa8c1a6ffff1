#pragma once

#include <string>

#include "plan/model.h"

namespace muster::plan {

/// The plan as a Mermaid flowchart: a frame per service, an arrow from each component to what it
/// needs, the sites as nodes that hold them.
std::string to_mermaid(const Plan& plan);

/// The plan as one self-contained SVG image: services as bands, sites as columns, a box for each
/// component at each of its sites, arrows for `needs`. At most kMaxDrawn boxes; past that a line
/// says how many are left out.
std::string to_svg(const Plan& plan);

inline constexpr std::size_t kMaxDrawn = 2000;

}  // namespace muster::plan
