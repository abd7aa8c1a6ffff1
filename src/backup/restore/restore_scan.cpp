#include "backup/restore/restore_scan.h"

#include <utility>

namespace muster::backup {

namespace {

/// A directory that is still to be looked into, and how paths within begin.
using Folder = std::pair<ObjectId, std::string>;

void look_into(const Repository& repository, const Folder& folder,
               const RestoreSelection* selection, ScanCounts& counts,
               std::vector<Folder>& pending) {
    const auto nodes = repository.load_tree(folder.first);
    if (!nodes) {
        return;
    }
    for (const auto& node : *nodes) {
        const std::string path = folder.second + node.name;
        const auto answer =
            selection != nullptr ? selection->select(path) : RestoreSelection::Answer();
        if (answer.is_selected) {
            ++counts.entries;
            counts.bytes += node.is_file() ? node.size : 0;
        }
        const bool is_gone_into = answer.is_selected || answer.children_may_be;
        if (node.is_directory() && node.subtree && is_gone_into) {
            pending.emplace_back(*node.subtree, path + "/");
        }
    }
}

}  // namespace

bool scan_tree(const Repository& repository, const ObjectId& tree,
               const RestoreSelection* selection, ScanCounts& counts, const std::stop_token& stop) {
    std::vector<Folder> pending{{tree, "/"}};
    while (!pending.empty() && !stop.stop_requested()) {
        const Folder folder = std::move(pending.back());
        pending.pop_back();
        look_into(repository, folder, selection, counts, pending);
    }
    return pending.empty();
}

}  // namespace muster::backup
