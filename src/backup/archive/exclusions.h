#pragma once

#include <set>

#include "backup/archive/archiver.h"
#include "backup/path_filter.h"

namespace muster::backup {

/// What restic's --exclude… options leave out.
struct ExclusionRules {
    Patterns patterns;
    std::vector<TagFile> tags;
    std::optional<ByteCount> larger_than;
    /// Devices that are not left; empty: any. A mount point is kept, as an empty directory.
    std::set<std::uint64_t> devices;
};

class Exclusions final : public Exclusion {
  public:
    /// kInvalid for a bad pattern.
    static Result<Exclusions> make(ExclusionRules rules);
    [[nodiscard]] bool excludes(const std::string& path, const Node& node,
                                const Node* folder) const override;
    [[nodiscard]] const std::vector<TagFile>& tags() const override { return rules_.tags; }

  private:
    Exclusions(ExclusionRules rules, PathFilter filter)
        : rules_(std::move(rules)), filter_(std::move(filter)) {}

    ExclusionRules rules_;
    PathFilter filter_;
};

/// The tag file among a directory's entries, which says that all others are left out; empty: none.
/// `exclusion` and `folder` may be nothing: then there is none.
std::string find_tag(const Exclusion* exclusion, SourceFolder* folder,
                     const std::vector<Node>& nodes);

}  // namespace muster::backup
