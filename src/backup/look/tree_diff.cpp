#include "backup/look/tree_diff.h"

#include <algorithm>
#include <array>

namespace muster::backup {

namespace {

constexpr std::size_t kDeepest = 2'000;  // Each level is a few frames of the stack.

Error is_too_deep() {
    return {Errc::kCorrupt, "folders are nested more than " + std::to_string(kDeepest) + " deep"};
}

Error is_interrupted() {
    return {Errc::kCancelled, "interrupted"};
}

/// The path of a node in a directory whose path ends in "/".
std::string path_of(const std::string& prefix, const Node& node) {
    return prefix + node.name + (node.is_directory() ? "/" : "");
}

/// Whether nothing but the content is another: the disk may have changed it by itself.
bool is_like_but_for_content(Node before, Node after) {
    before.content.clear();
    after.content.clear();
    return before == after;
}

}  // namespace

Result<DiffTotals> TreeDiff::run(const ObjectId& before, const ObjectId& after,
                                 bool is_metadata_told) {
    is_metadata_told_ = is_metadata_told;
    before_.blobs.trees.insert(before);
    after_.blobs.trees.insert(after);
    if (before == after) {
        return totals_;
    }
    TRY_OK(compare({"/", before, after}, 0));
    TRY_OK(forget_common());
    count(before_, after_);
    count(after_, before_);
    return totals_;
}

TreeDiff::Nodes TreeDiff::take(const ObjectId& tree, const std::string& path) {
    auto nodes = reader_.take(tree);
    if (!nodes) {
        hooks_.on_problem(path, nodes.error());
        return {};
    }
    return std::move(*nodes);
}

Result<> TreeDiff::compare(const Pair& pair, std::size_t depth) {
    if (depth > kDeepest) {
        return is_too_deep();
    }
    if (repository_.host().is_stopped()) {
        return is_interrupted();
    }
    const std::array wanted{pair.before, pair.after};
    reader_.expect(wanted);
    const Nodes olds = take(pair.before, pair.prefix);
    const Nodes news = take(pair.after, pair.prefix);
    auto old = olds.begin();
    auto now = news.begin();
    while (old != olds.end() || now != news.end()) {
        const bool is_old = old != olds.end() && (now == news.end() || old->name <= now->name);
        const bool is_new = now != news.end() && (old == olds.end() || now->name <= old->name);
        if (is_old && is_new) {
            TRY_OK(compare(*old, *now, pair.prefix, depth));
        } else {
            TRY_OK(is_old ? list(*old, pair.prefix, before_, depth)
                          : list(*now, pair.prefix, after_, depth));
        }
        old += is_old ? 1 : 0;
        now += is_new ? 1 : 0;
    }
    return {};
}

Result<> TreeDiff::compare(const Node& before, const Node& after, const std::string& prefix,
                           std::size_t depth) {
    note(before, before_);
    note(after, after_);
    const std::string path = path_of(prefix, after);
    tell_changes(before, after, path);
    if (!before.subtree || !after.subtree) {
        return {};
    }
    if (*before.subtree == *after.subtree) {
        common_.insert(*before.subtree);
        return {};
    }
    return compare({path, *before.subtree, *after.subtree}, depth + 1);
}

void TreeDiff::tell_changes(const Node& before, const Node& after, const std::string& path) {
    std::string letters = before.type != after.type ? "T" : "";
    if (before.is_file() && after.is_file() && before.content != after.content) {
        ++totals_.changed_files;
        letters += is_like_but_for_content(before, after) ? "M?" : "M";
    } else if (is_metadata_told_ && before != after) {
        letters += "U";
    }
    if (!letters.empty()) {
        hooks_.on_change(path, letters);
    }
}

Result<> TreeDiff::list(const Node& node, const std::string& prefix, Side& side,
                        std::size_t depth) {
    if (depth > kDeepest) {
        return is_too_deep();
    }
    if (repository_.host().is_stopped()) {
        return is_interrupted();
    }
    const std::string path = path_of(prefix, node);
    hooks_.on_change(path, side.letter);
    note(node, side);
    (node.is_file()        ? side.counts->files
     : node.is_directory() ? side.counts->folders
                           : side.counts->others) += 1;
    if (!node.subtree) {
        return {};
    }
    const Nodes nodes = take(*node.subtree, path);
    reader_.expect(subtrees_of(nodes));
    for (const auto& below : nodes) {
        TRY_OK(list(below, path, side, depth + 1));
    }
    return {};
}

void TreeDiff::note(const Node& node, Side& side) {
    if (node.is_file()) {
        side.blobs.data.insert(node.content.begin(), node.content.end());
    } else if (node.subtree) {
        side.blobs.trees.insert(*node.subtree);
    }
}

/// What one side alone has, but what lies in a common directory as well, is not its own.
Result<> TreeDiff::forget_common() {
    std::vector<ObjectId> roots(common_.begin(), common_.end());
    while (!roots.empty()) {
        if (repository_.host().is_stopped()) {
            return is_interrupted();
        }
        const ObjectId tree = roots.back();
        roots.pop_back();
        const Nodes nodes = take(tree, "a directory that both have");
        std::vector<ObjectId> below;
        for (const auto& node : nodes) {
            for (const auto& id : node.content) {
                before_.blobs.data.erase(id);
                after_.blobs.data.erase(id);
            }
            if (node.subtree && common_.insert(*node.subtree).second) {
                below.push_back(*node.subtree);
            }
        }
        reader_.expect(below);
        roots.insert(roots.end(), below.rbegin(), below.rend());
    }
    return {};
}

void TreeDiff::count(const Side& side, const Side& other) {
    const auto add = [&](BlobType type, const Ids& own, const Ids& others, std::uint64_t& number) {
        for (const auto& id : own) {
            const bool is_shared =
                others.contains(id) || (type == BlobType::kTree && common_.contains(id));
            const auto place = repository_.index().find(type, id);
            number += is_shared ? 0 : 1;
            side.counts->bytes += is_shared || !place ? 0 : place->blob.content_length();
        }
    };
    add(BlobType::kData, side.blobs.data, other.blobs.data, side.counts->data_blobs);
    add(BlobType::kTree, side.blobs.trees, other.blobs.trees, side.counts->tree_blobs);
}

}  // namespace muster::backup
