#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backup/snapshot.h"
#include "backup/snapshot_filter.h"

namespace muster::backup {

/// Under which paths snapshots shall be seen. In a path %i and %I stand for the short and the whole
/// id, %h for the host, %u for the user, %t for each tag, %T for the time by `time`. Where a path
/// ends in %T, its folder also has a link `latest`.
struct FolderTemplates {
    std::vector<std::string> paths{"ids/%i", "snapshots/%T", "hosts/%h/%T", "tags/%t/%T"};
    std::string time = "2006-01-02T15:04:05Z07:00";
};

/// A folder that only exists to find snapshots in. An entry is a folder, a snapshot or a link.
struct SnapshotFolder {
    struct Entry {
        std::shared_ptr<SnapshotFolder> folder;    // Shared with those who still list it.
        std::shared_ptr<const Snapshot> snapshot;  // The same under several paths.
        std::string link_target;                   ///< Else.
    };
    std::map<std::string, Entry> entries;
    GoTime newest;  ///< Of the snapshots in it.
};

/// The top folder. Snapshots whose paths would be the same get "-1", "-2" … behind it, the older
/// ones first. kInvalid when templates would put a folder where a snapshot is.
Result<std::shared_ptr<SnapshotFolder>> arrange_snapshots(Chosen newest_first,
                                                          const FolderTemplates& templates);

}  // namespace muster::backup
