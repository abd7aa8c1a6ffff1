#include "backup/archive/scan.h"

#include <utility>

#include "backup/archive/exclusions.h"
#include "backup/archive/target_tree.h"

namespace muster::backup {

namespace {

/// A directory that is still to be looked into: by its path, since an open one would be taken from
/// those that the archive may have open. Below the longest path there is, nothing is counted.
struct Folder {
    std::string path;
    Node node;
    const TargetTree* targets = nullptr;  // Only these; nothing: all that the system lists.
};

class Scan {
  public:
    Scan(Source& source, const ArchiveSettings& settings, ScanCounts& counts)
        : source_(source), settings_(settings), counts_(counts) {}

    bool run(const std::stop_token& stop) {
        const auto targets = make_target_tree(source_, settings_.targets);
        if (!targets || settings_.are_devices_read) {
            return false;
        }
        pending_.push_back({targets->path, {}, targets->is_leaf() ? nullptr : &*targets});
        while (!pending_.empty() && !stop.stop_requested()) {
            const Folder folder = std::move(pending_.back());
            pending_.pop_back();
            if (folder.targets != nullptr) {
                look_at_targets(*folder.targets);
            } else {
                look_into(folder);
            }
        }
        return pending_.empty();
    }

  private:
    void look_at_targets(const TargetTree& targets) {
        for (const auto& [name, target] : targets.children) {
            const bool is_leaf = target.is_leaf();
            auto node = source_.status(is_leaf ? target.path : target.path + "/.");
            if (node) {
                node->name = name;
                add(target.path, std::move(*node), nullptr, is_leaf ? nullptr : &target);
            }
        }
    }

    void look_into(const Folder& folder) {
        const auto open = source_.open_folder(folder.path);
        auto nodes = open ? (*open)->list() : Result<std::vector<Node>>(open.error());
        if (!nodes) {
            return;
        }
        const std::string tag = find_tag(settings_.exclusion, open->get(), *nodes);
        const std::string start = folder.path.ends_with('/') ? folder.path : folder.path + "/";
        for (auto& node : *nodes) {
            if (tag.empty() || node.name == tag) {
                const std::string path = start + node.name;
                add(path, std::move(node), &folder.node, nullptr);
            }
        }
    }

    void add(const std::string& path, Node node, const Node* folder, const TargetTree* targets) {
        const bool is_excluded =
            settings_.exclusion != nullptr && settings_.exclusion->excludes(path, node, folder);
        if (!node.error.empty() || is_excluded) {
            return;
        }
        if (node.is_directory()) {
            pending_.push_back({path, std::move(node), targets});
            return;
        }
        ++counts_.entries;
        counts_.bytes += node.is_file() ? node.size : 0;
    }

    Source& source_;
    const ArchiveSettings& settings_;
    ScanCounts& counts_;
    std::vector<Folder> pending_;
};

}  // namespace

bool scan_targets(Source& source, const ArchiveSettings& settings, ScanCounts& counts,
                  const std::stop_token& stop) {
    return Scan(source, settings, counts).run(stop);
}

}  // namespace muster::backup
