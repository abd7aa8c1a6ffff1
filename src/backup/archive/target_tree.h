#pragma once

#include <map>
#include <string>
#include <vector>

#include "backup/source.h"

namespace muster::backup {

/// The targets as a tree of names: its leaves are archived whole, what stands above them is there
/// for the way alone. As in restic, an absolute path stands in the snapshot with all its parents, a
/// relative one with those that were named.
struct TargetTree {
    std::map<std::string, TargetTree> children;  ///< Empty: a leaf.
    std::string path;  ///< Where it lies; absolute, so that patterns of whole paths match.

    [[nodiscard]] bool is_leaf() const { return children.empty(); }
};

/// kInvalid when there is no target. A target within another one adds nothing.
Result<TargetTree> make_target_tree(Source& source, const std::vector<std::string>& targets);

}  // namespace muster::backup
