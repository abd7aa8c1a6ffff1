#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backup/snapshot.h"
#include "base/result.h"

namespace muster::backup {

using TagList = std::vector<std::string>;     ///< All of these.
using Snapshots = std::span<const Snapshot>;  ///< In any order.
using Chosen = std::vector<const Snapshot*>;  ///< Of a list that outlives it.

/// "a, b" as --tag and --keep-tag take it. An empty tag stands for "has no tag".
TagList parse_tag_list(std::string_view text);
bool has_tags(const Snapshot& snapshot, const TagList& tags);

/// Which snapshots a command is about; what is empty allows all.
struct SnapshotFilter {
    std::vector<std::string> hosts;  ///< One of these.
    std::vector<TagList> tags;       ///< All tags of one of these lists.
    std::vector<std::string> paths;  ///< All of these, absolute and clean, and perhaps more.

    [[nodiscard]] bool is_empty() const { return hosts.empty() && tags.empty() && paths.empty(); }
    [[nodiscard]] bool matches(const Snapshot& snapshot) const;
};

/// The snapshots that match, the newest first.
Chosen choose(Snapshots all, const SnapshotFilter& filter);

/// A snapshot as a person names it.
struct SnapshotName {
    std::string prefix;          ///< Of the id; empty: the latest.
    std::size_t steps_back = 0;  ///< 1: the one before the latest.
    std::string subfolder;       ///< Behind the colon; empty: all of it.
    auto operator<=>(const SnapshotName&) const = default;
};

/// Reads "4f6d", "latest", "latest~2" (two before the latest), each also with ":/a/folder" behind
/// it. kInvalid otherwise.
Result<SnapshotName> parse_snapshot_name(std::string_view text);

/// The one snapshot of that name. "latest" is meant among those that match the filter, an id among
/// all. kNotFound; kConflict when more than one id begins so.
Result<const Snapshot*> find_snapshot(Snapshots all, const SnapshotName& name,
                                      const SnapshotFilter& filter);

/// By what snapshots are held to belong together.
struct GroupBy {
    bool is_by_host = false;
    bool is_by_paths = false;
    bool is_by_tags = false;
    auto operator<=>(const GroupBy&) const = default;
};

/// Reads "host,paths,tags" or some of them; "" does not group. kInvalid otherwise.
Result<GroupBy> parse_group_by(std::string_view text);

/// What the snapshots of a group have in common; sorted, and empty by what it is not grouped.
struct GroupKey {
    std::string hostname;
    std::vector<std::string> paths;
    std::vector<std::string> tags;
    auto operator<=>(const GroupKey&) const = default;
    /// "host db1, paths /srv, /etc", for people; "all snapshots" when nothing is grouped.
    [[nodiscard]] std::string str() const;
};

struct SnapshotGroup {
    GroupKey key;
    Chosen snapshots;  ///< The newest first.
};

/// The groups, sorted by key.
std::vector<SnapshotGroup> group_snapshots(const Chosen& snapshots, const GroupBy& by);

/// For which backup a parent is looked for.
struct ParentQuery {
    GroupBy by{.is_by_host = true, .is_by_paths = true};
    std::string hostname;
    std::vector<std::string> paths;
    TagList tags;
    GoTime not_after;
};

/// The newest snapshot that a backup may compare its files with, as restic chooses it: of the same
/// host, and with all the paths (perhaps more); nullptr when there is none.
const Snapshot* find_parent(Snapshots all, const ParentQuery& query);

}  // namespace muster::backup
