#pragma once

#include <string>
#include <vector>

#include "plan/model.h"

namespace muster::plan {

// What both drawings of a plan (graph.h) are made from.

/// The primary site, then the standby sites.
std::vector<SiteId> places_of(const Service& service);
/// Whether a component is drawn at a site: it names the site, or it names none at all.
bool is_at(const Component& component, const SiteId& site);
/// Indices of the components that component number `index` needs.
std::vector<std::size_t> needs_of(const Service& service, std::size_t index);
/// The components in layers: each below all that need it. Ends on cycles too.
std::vector<std::vector<std::size_t>> layers_of(const Service& service);
/// "shop · tier 1 · warm-standby · RPO 30s · RTO 2m".
std::string headline(const Service& service);

}  // namespace muster::plan
