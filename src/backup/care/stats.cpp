#include "backup/care/stats.h"

#include <map>
#include <set>
#include <unordered_set>
#include <utility>

#include "backup/care/tree_walk.h"
#include "backup/codec/sha256.h"

// What is counted how is restic's (`restic help stats`), so that numbers can be compared.

namespace muster::backup {

namespace {

/// Counts files and directories, snapshot by snapshot.
class NodeCount {
  public:
    NodeCount(const Repository& repository, StatsMode mode)
        : repository_(repository), mode_(mode) {}

    Result<Stats> run(const std::vector<const Snapshot*>& chosen) {
        for (const auto* const snapshot : chosen) {
            inodes_.clear();
            trees_.clear();
            TRY_OK(walk(snapshot->tree, "").with("snapshot " + snapshot->id.brief()));
        }
        return stats_;
    }

  private:
    Result<> walk(const ObjectId& tree, const std::string& path) {
        // What a tree restores is written wherever it occurs; contents are counted once.
        if (mode_ != StatsMode::kRestoreSize && !trees_.insert(tree).second) {
            return {};
        }
        if (repository_.host().is_stopped()) {
            return Error(Errc::kCancelled, "told to stop");
        }
        TRY(const auto nodes, repository_.load_tree(tree));
        for (const auto& node : nodes) {
            const std::string below = path + "/" + node.name;
            if (mode_ == StatsMode::kRestoreSize) {
                count_restored(node);
            } else if (contents_.insert(hash_of(node.content)).second) {
                count_content(node, below);
            }
            if (node.subtree) {
                TRY_OK(walk(*node.subtree, below));
            }
        }
        return {};
    }

    void count_restored(const Node& node) {
        ++stats_.files;
        const bool is_alone = node.inode == 0 || node.is_directory() || node.links == 1;
        if (is_alone || inodes_.emplace(node.device_id, node.inode).second) {
            stats_.bytes += node.size;
        }
    }

    void count_content(const Node& node, const std::string& path) {
        if (mode_ == StatsMode::kFilesByContents) {
            ++stats_.files;
            stats_.bytes += node.size;
            return;
        }
        for (const auto& id : node.content) {
            auto [blobs, is_new] = files_.try_emplace(path);
            stats_.files += is_new ? 1 : 0;
            if (blobs->second.insert(id).second) {
                const auto place = repository_.index().find(BlobType::kData, id);
                stats_.bytes += place ? place->blob.content_length() : 0;
                ++stats_.blobs;
            }
        }
    }

    static ObjectId hash_of(const std::vector<ObjectId>& content) {
        Sha256 hasher;
        for (const auto& id : content) {
            hasher.update(id.bytes);
        }
        return hasher.finish();
    }

    const Repository& repository_;
    StatsMode mode_;
    Stats stats_;
    std::set<std::pair<std::uint64_t, std::uint64_t>> inodes_;
    std::unordered_set<ObjectId> trees_;
    std::unordered_set<ObjectId> contents_;
    std::map<std::string, std::set<ObjectId>> files_;
};

class FirstProblem final : public WalkObserver {
  public:
    void on_bad_tree(const ObjectId& /*tree*/, const Error& error) override { note(error); }
    void on_bad_node(const ObjectId& /*tree*/, const Node& /*node*/, const Error& error) override {
        note(error);
    }
    Result<> outcome;

  private:
    void note(const Error& error) {
        const std::scoped_lock lock(mutex_);
        outcome = error;
    }
    std::mutex mutex_;
};

Result<Stats> count_raw(const Repository& repository, const std::vector<const Snapshot*>& chosen) {
    const auto& index = repository.index();
    std::vector<ObjectId> roots;
    roots.reserve(chosen.size());
    for (const auto* const snapshot : chosen) {
        roots.push_back(snapshot->tree);
    }
    const std::size_t entries = index.size();
    EntrySet used(entries);
    FirstProblem watch;
    TRY_OK(mark_reachable(repository, roots, used, watch));
    TRY_OK(std::move(watch.outcome));
    Stats stats;
    for (std::uint32_t number = 0; number < entries; ++number) {
        if (!used.contains(number)) {
            continue;
        }
        const auto blob = index.at(number).blob;
        const auto plain = blob.content_length() + Sealer::kOverhead;
        ++stats.blobs;
        stats.bytes += blob.length;
        stats.plain_bytes += plain;
        stats.compressed_bytes += blob.is_compressed() ? blob.length : 0;
        stats.compressed_plain += blob.is_compressed() ? plain : 0;
    }
    return stats;
}

}  // namespace

Result<Stats> count_stats(const Repository& repository, const std::vector<const Snapshot*>& chosen,
                          StatsMode mode) {
    return mode == StatsMode::kRawData ? count_raw(repository, chosen)
                                       : NodeCount(repository, mode).run(chosen);
}

}  // namespace muster::backup
