#include "backup/archive/exclusions.h"

#include <algorithm>

namespace muster::backup {

Result<Exclusions> Exclusions::make(ExclusionRules rules) {
    TRY(auto filter, PathFilter::make(rules.patterns));
    return Exclusions(std::move(rules), std::move(filter));
}

bool Exclusions::excludes(const std::string& path, const Node& node, const Node* folder) const {
    if (!filter_.is_empty() && filter_.matches(path)) {
        return true;
    }
    if (rules_.larger_than && node.is_file() &&
        node.size > static_cast<std::uint64_t>(rules_.larger_than->bytes)) {
        return true;
    }
    if (rules_.devices.empty() || folder == nullptr || rules_.devices.contains(node.device_id)) {
        return false;
    }
    // What is mounted here has another device than the directory that it is mounted in.
    return !node.is_directory() || !rules_.devices.contains(folder->device_id);
}

std::string find_tag(const Exclusion* exclusion, SourceFolder* folder,
                     const std::vector<Node>& nodes) {
    if (exclusion == nullptr || folder == nullptr) {
        return {};
    }
    for (const auto& tag : exclusion->tags()) {
        const auto found = std::ranges::find(nodes, tag.name, &Node::name);
        if (found == nodes.end()) {
            continue;
        }
        Buffer head(tag.wanted());
        const auto file = folder->open_file(tag.name);
        const auto got = file ? (*file)->read(head.span()) : Result<std::size_t>(file.error());
        if (got && tag.is_marked_by(head.view().first(*got))) {
            return tag.name;
        }
    }
    return {};
}

}  // namespace muster::backup
