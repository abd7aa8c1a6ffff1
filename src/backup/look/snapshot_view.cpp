#include "backup/look/snapshot_view.h"

#include <algorithm>

namespace muster::backup {

namespace {

constexpr std::uint32_t kFolderMode = 0x80000000U | 0555U;  // Go's bit of a directory.
constexpr std::uint32_t kLinkMode = 0x08000000U | 0777U;    // Go's bit of a symbolic link.
constexpr std::size_t kMostReported = 10'000;

/// FNV-1a: short, and the same at any time and on any machine.
constexpr std::uint64_t kHashStart = 0xcbf29ce484222325U;
std::uint64_t hash_of(std::uint64_t hash, ByteView bytes) {
    for (const auto byte : bytes) {
        hash = (hash ^ byte) * 0x100000001b3U;
    }
    return hash;
}
std::uint64_t hash_of(std::uint64_t hash, std::uint64_t number) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
        hash = (hash ^ ((number >> shift) & 0xffU)) * 0x100000001b3U;
    }
    return hash;
}
std::uint64_t hash_below(std::uint64_t hash, std::string_view name) {
    return hash_of(hash_of(hash, bytes_of("/")), bytes_of(name));
}

std::size_t cost_of(const Tree& tree) {
    std::size_t cost = sizeof(Tree);
    for (const auto& node : tree) {
        cost += sizeof(Node) + node.name.size() + node.link_target.size() +
                node.content.size() * sizeof(ObjectId);
        for (const auto& attribute : node.attributes) {
            cost += sizeof attribute + attribute.name.size() + attribute.value.size();
        }
    }
    return cost;
}

Node folder_node(std::string name, const GoTime& time) {
    Node node;
    node.name = std::move(name);
    node.type = NodeType::kDirectory;
    node.mode = kFolderMode;
    node.mtime = {time.seconds, time.nanoseconds};
    node.atime = node.mtime;
    node.ctime = node.mtime;
    return node;
}

Node node_of(const std::string& name, const SnapshotFolder::Entry& entry, const GoTime& newest) {
    if (entry.folder) {
        return folder_node(name, entry.folder->newest);
    }
    if (entry.snapshot) {
        Node node = folder_node(name, entry.snapshot->time);
        node.subtree = entry.snapshot->tree;
        return node;
    }
    Node node = folder_node(name, newest);
    node.type = NodeType::kSymlink;
    node.mode = kLinkMode;
    node.link_target = entry.link_target;
    node.size = entry.link_target.size();
    return node;
}

Error is_missing(std::string_view path) {
    return {Errc::kNotFound, "there is no " + std::string(path)};
}

}  // namespace

std::uint64_t ViewPlace::inode() const {
    std::uint64_t hash = path;
    if (snapshot != 0 && node->links > 1 && !node->is_directory() && node->inode != 0) {
        hash = hash_of(hash_of(snapshot, node->device_id), node->inode);
    }
    return hash < 2 ? hash + 2 : hash;  // 0 is none, 1 is the top.
}

SnapshotView::SnapshotView(Repository& repository, ViewSettings settings, ViewHooks hooks)
    : repository_(repository),
      settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      blobs_(settings_.most_blob_bytes),
      trees_(settings_.most_tree_bytes) {
}

Result<> SnapshotView::refresh() {
    const std::scoped_lock refreshing(refreshing_);
    refreshed_ = repository_.host().now();
    TRY(auto listed, repository_.store().list(FileKind::kSnapshot));
    std::ranges::sort(listed);
    if (listed == listed_) {
        return {};
    }
    // The snapshots first: whatever they refer to is in the index by then.
    TRY(const auto snapshots, hooks_.load_snapshots());
    TRY_OK(repository_.load_index());
    TRY(auto arranged, arrange_snapshots(choose(snapshots, settings_.filter), settings_.templates));
    listed_ = std::move(listed);
    const std::scoped_lock lock(mutex_);
    top_ = std::move(arranged);
    return {};
}

void SnapshotView::refresh_if_due() {
    {
        const std::scoped_lock refreshing(refreshing_);
        if (repository_.host().now() - refreshed_ < settings_.refresh_every) {
            return;
        }
    }
    if (const auto refreshed = refresh(); !refreshed) {
        report("/", refreshed.error());
    }
}

std::shared_ptr<const SnapshotFolder> SnapshotView::top() {
    const std::scoped_lock lock(mutex_);
    return top_;
}

Result<std::shared_ptr<const Tree>> SnapshotView::tree(const ObjectId& id) {
    return trees_.get(id, [&]() -> Result<SharedCache<ObjectId, Tree>::Loaded> {
        TRY(auto nodes, repository_.load_tree(id));
        std::ranges::sort(nodes, {}, &Node::name);
        const std::size_t cost = cost_of(nodes);
        return SharedCache<ObjectId, Tree>::Loaded{std::make_shared<const Tree>(std::move(nodes)),
                                                   cost};
    });
}

std::optional<ViewPlace> SnapshotView::place_of(const SnapshotFolder& folder,
                                                std::string_view name) {
    const auto found = folder.entries.find(std::string(name));
    if (found == folder.entries.end()) {
        return std::nullopt;
    }
    const auto& entry = found->second;
    ViewPlace place;
    place.node = std::make_shared<const Node>(node_of(found->first, entry, folder.newest));
    place.folder = entry.folder;
    if (entry.snapshot) {
        place.snapshot = hash_of(kHashStart, ByteView(entry.snapshot->id.bytes));
        place.path = place.snapshot;
    }
    return place;
}

Result<ViewPlace> SnapshotView::find(std::string_view path) {
    auto place = look(path);
    if (!place && says_nothing_there(place.error(), path)) {
        refresh_if_due();
        return look(path);
    }
    return place;
}

bool SnapshotView::says_nothing_there(const Error& error, std::string_view path) {
    return error.code() == Errc::kNotFound && error.message() == is_missing(path).message();
}

Result<ViewPlace> SnapshotView::find_to_list(std::string_view path) {
    TRY(auto place, find(path));
    if (!place.folder) {
        return place;
    }
    refresh_if_due();
    return look(path);
}

Result<ViewPlace> SnapshotView::look(std::string_view path) {
    ViewPlace place;
    place.folder = top();
    place.node = std::make_shared<const Node>(folder_node("", place.folder->newest));
    place.path = kHashStart;
    return find_in(std::move(place), path);
}

Result<ViewPlace> SnapshotView::find_in(ViewPlace place, std::string_view rest) {
    const std::string_view path = rest;
    while (!rest.empty()) {
        const auto slash = std::min(rest.find('/'), rest.size());
        const auto name = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (name.empty()) {
            continue;
        }
        const std::uint64_t hash = hash_below(place.path, name);
        if (place.folder) {
            auto next = place_of(*place.folder, name);
            if (!next) {
                return is_missing(path);
            }
            place = std::move(*next);
            place.path = place.snapshot != 0 ? place.path : hash;
            continue;
        }
        if (!place.node->subtree) {
            return is_missing(path);
        }
        TRY(auto nodes, tree(*place.node->subtree));
        const auto found = std::ranges::lower_bound(*nodes, name, {}, &Node::name);
        if (found == nodes->end() || found->name != name) {
            return is_missing(path);
        }
        place = child(place, nodes, static_cast<std::size_t>(found - nodes->begin()));
    }
    return place;
}

Result<std::shared_ptr<const Tree>> SnapshotView::list(const ViewPlace& place) {
    if (!place.folder) {
        return place.node->subtree ? tree(*place.node->subtree) : std::make_shared<const Tree>();
    }
    Tree nodes;
    for (const auto& [name, entry] : place.folder->entries) {
        nodes.push_back(node_of(name, entry, place.folder->newest));
    }
    return std::make_shared<const Tree>(std::move(nodes));
}

ViewPlace SnapshotView::child(const ViewPlace& parent, std::shared_ptr<const Tree> tree,
                              std::size_t number) {
    const Node* node = &(*tree)[number];
    if (parent.folder) {
        auto place = place_of(*parent.folder, node->name).value_or(ViewPlace());
        place.path = place.snapshot != 0 ? place.path : hash_below(parent.path, node->name);
        return place;
    }
    return {std::shared_ptr<const Node>(std::move(tree), node), nullptr, parent.snapshot,
            hash_below(parent.path, node->name)};
}

void SnapshotView::report(std::string_view path, const Error& error) {
    {
        const std::scoped_lock lock(mutex_);
        if (reported_.size() >= kMostReported || !reported_.emplace(path).second) {
            return;
        }
    }
    hooks_.on_problem(std::string(path), error);
}

}  // namespace muster::backup
