#include "plan/layout.h"

#include <algorithm>
#include <map>

#include "base/time.h"

namespace muster::plan {

std::vector<SiteId> places_of(const Service& service) {
    std::vector<SiteId> out = service.standby;
    out.insert(out.begin(), service.primary);
    return out;
}

bool is_at(const Component& component, const SiteId& site) {
    return component.sites.empty() || component.at(site) != nullptr;
}

std::vector<std::size_t> needs_of(const Service& service, std::size_t index) {
    std::vector<std::size_t> out;
    for (const auto& needed : service.components[index].needs) {
        const auto found = std::ranges::find(service.components, needed, &Component::id);
        if (found != service.components.end()) {
            out.push_back(static_cast<std::size_t>(found - service.components.begin()));
        }
    }
    return out;
}

std::vector<std::vector<std::size_t>> layers_of(const Service& service) {
    const std::size_t count = service.components.size();
    std::vector<std::vector<std::size_t>> needs;
    needs.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        needs.push_back(needs_of(service, i));
    }
    std::vector<std::size_t> depth(count, 0);
    bool has_moved = true;
    // A path has at most `count` steps; what still moves after so many rounds is a cycle.
    for (std::size_t round = 0; round < count && has_moved; ++round) {
        has_moved = false;
        for (std::size_t i = 0; i < count; ++i) {
            for (const auto needed : needs[i]) {
                const bool is_deeper = depth[needed] <= depth[i] && depth[i] + 1 < count;
                has_moved = has_moved || is_deeper;
                depth[needed] = is_deeper ? depth[i] + 1 : depth[needed];
            }
        }
    }
    std::map<std::size_t, std::vector<std::size_t>> layers;
    for (std::size_t i = 0; i < count; ++i) {
        layers[depth[i]].push_back(i);
    }
    std::vector<std::vector<std::size_t>> out;
    out.reserve(layers.size());
    for (auto& [level, members] : layers) {
        out.push_back(std::move(members));
    }
    return out;
}

std::string headline(const Service& service) {
    return service.id.str() + " · tier " + std::to_string(service.impact.tier) + " · " +
           std::string(to_string(service.strategy)) + " · RPO " +
           format_duration(service.objectives.rpo) + " · RTO " +
           format_duration(service.objectives.rto);
}

}  // namespace muster::plan
