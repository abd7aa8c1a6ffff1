#include "backup/care/repair_snapshots.h"

#include <algorithm>
#include <utility>

#include "backup/codec/sha256.h"
#include "backup/format/zone_clock.h"

namespace muster::backup {

namespace {

constexpr std::string_view kRepairedTag = "repaired";

}  // namespace

Result<ObjectId> SnapshotRepair::save_tree(const std::string& text) {
    const ObjectId id = sha256(bytes_of(text));
    if (!settings_.is_dry_run) {
        TRY(const bool is_new, writer_->put(BlobType::kTree, id, bytes_of(text)));
        (void)is_new;
    }
    return id;
}

/// What stands in the tree for one entry; empty: it goes. False when it stays as it is.
Result<bool> SnapshotRepair::rewrite_entry(const Node& node, const std::string& path,
                                           std::string& text) {
    const auto tell = [&](const std::string& what) {
        observer_.on_change(*current_, path, what);
        return true;
    };
    if (node.is_directory() && node.subtree) {
        TRY(auto made, rewrite(*node.subtree, path));
        if (!made) {
            tell("the directory can't be read: it becomes empty");
            TRY(made, save_tree(TreeText().finish()));
        }
        if (*made == *node.subtree) {
            return false;
        }
        // Only these digits differ; fields that we do not know stay.
        const auto at = text.find(R"("subtree":")" + node.subtree->hex());
        if (at == std::string::npos) {
            return Error(Errc::kCorrupt, "the tree names " + path + " in an unknown way");
        }
        text.replace(at + std::string_view(R"("subtree":")").size(), ObjectId::kHexSize,
                     made->hex());
        return true;
    }
    if (node.type == NodeType::kIrregular || (node.is_directory() && !node.subtree)) {
        text.clear();
        return tell("has no valid type: it is left out");
    }
    if (!node.is_file()) {
        return false;
    }
    Node mended = node;
    mended.size = 0;
    mended.content.clear();
    for (const auto& id : node.content) {
        if (const auto place = repository_.index().find(BlobType::kData, id)) {
            mended.content.push_back(id);
            mended.size += place->blob.content_length();
        }
    }
    const bool is_cut = mended.content.size() != node.content.size();
    if (!is_cut && mended.size == node.size) {
        return false;
    }
    ZoneClock zone(repository_.host());
    text.clear();
    append_node(text, mended, zone);
    return tell(is_cut ? "the file loses pieces that are in no pack"
                       : "the file's size was not that of its pieces");
}

/// The tree without what is lost; nothing when it can't be read itself.
Result<std::optional<ObjectId>> SnapshotRepair::rewrite(const ObjectId& tree,
                                                        const std::string& path) {
    if (const auto known = done_.find(tree); known != done_.end()) {
        return known->second;
    }
    const auto json = repository_.load_blob(BlobType::kTree, tree);
    const auto nodes = json ? decode_tree(*json) : Result<std::vector<Node>>(json.error());
    const auto texts =
        json ? split_tree(json->text()) : Result<std::vector<std::string_view>>(json.error());
    if (!nodes || !texts || nodes->size() != texts->size()) {
        const auto code = json ? Errc::kCorrupt : json.error().code();
        if (code != Errc::kCorrupt && code != Errc::kNotFound) {
            return json.error();
        }
        done_.emplace(tree, std::nullopt);
        return std::optional<ObjectId>();
    }
    TreeText made;
    bool is_changed = false;
    for (std::size_t i = 0; i < nodes->size(); ++i) {
        const auto& node = (*nodes)[i];
        std::string text((*texts)[i]);
        TRY(const bool is_other, rewrite_entry(node, path + "/" + node.name, text));
        is_changed = is_changed || is_other;
        if (!text.empty()) {
            made.add(text);
        }
    }
    std::optional<ObjectId> id = tree;
    if (is_changed) {
        TRY(id, save_tree(made.finish()));
    }
    done_.emplace(tree, id);
    return id;
}

Result<> SnapshotRepair::rewrite_all(const std::vector<const Snapshot*>& chosen,
                                     BlobWriter& writer) {
    writer_ = &writer;
    for (const auto* const snapshot : chosen) {
        if (repository_.host().is_stopped() || lock_.is_lost()) {
            return Error(Errc::kCancelled, "told to stop; no snapshot was changed");
        }
        current_ = snapshot;
        TRY(const auto tree, rewrite(snapshot->tree, ""));
        if (!tree || *tree != snapshot->tree) {
            changes_.push_back({snapshot, tree});
        }
    }
    return {};
}

Result<> SnapshotRepair::replace(const Change& change) {
    const auto& old = *change.snapshot;
    std::optional<ObjectId> made;
    if (change.tree && !settings_.is_dry_run) {
        Snapshot mended = old;
        mended.tree = *change.tree;
        mended.original = old.id;
        if (!settings_.is_forgotten &&
            std::ranges::find(mended.tags, kRepairedTag) == mended.tags.end()) {
            mended.tags.emplace_back(kRepairedTag);
        }
        TRY_OK(lock_.verify());
        TRY(made,
            repository_.save_unpacked(FileKind::kSnapshot, bytes_of(encode_snapshot(mended))));
    }
    const bool is_removed = settings_.is_forgotten && !settings_.is_dry_run;
    if (is_removed) {
        TRY_OK(lock_.verify());
        auto gone = repository_.store().remove({FileKind::kSnapshot, old.id.hex()});
        if (!gone && gone.error().code() != Errc::kNotFound) {
            return std::move(gone).error().with("while removing snapshot " + old.id.brief());
        }
    }
    if (change.tree) {
        observer_.on_repaired(old, made);
    } else {
        observer_.on_hopeless(old, is_removed);
    }
    return {};
}

Result<std::size_t> SnapshotRepair::run(const std::vector<const Snapshot*>& chosen) {
    WriterSettings writing;
    writing.compute_threads = 1;
    BlobWriter writer(repository_, writing);
    TRY_OK(writer.run([&](unsigned) { return rewrite_all(chosen, writer); }));
    for (const auto& change : changes_) {
        TRY_OK(replace(change));
    }
    return changes_.size();
}

}  // namespace muster::backup
