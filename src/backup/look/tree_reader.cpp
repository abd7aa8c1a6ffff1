#include "backup/look/tree_reader.h"

#include <algorithm>

#include "backup/path_filter.h"

namespace muster::backup {

namespace {

// Linux takes no path of more than 4,096 bytes at once, but folders may lie deeper; each level of
// a walk holds a decoded tree, and a hostile repository could nest without end.
constexpr std::size_t kDeepest = 10'000;
constexpr unsigned kMostReaders = 8;

/// A directory that a walk is in.
struct Level {
    ObjectId tree;
    std::vector<Node> nodes;
    std::size_t next = 0;
    std::size_t path_size = 0;  // Of the directory's own path.
};

Error too_deep(const std::string& path) {
    return {Errc::kCorrupt, "folders are nested more than " + std::to_string(kDeepest) +
                                " deep at " + path.substr(0, 200) + "…"};
}

class Walk {
  public:
    Walk(TreeReader& reader, Host& host, WalkVisitor& visitor)
        : reader_(reader), host_(host), visitor_(visitor) {}

    Result<> run(const ObjectId& root) {
        TRY_OK(descend(root));
        while (!levels_.empty() && !is_ended_) {
            auto& level = levels_.back();
            if (level.next == level.nodes.size()) {
                TRY_OK(ascend());
            } else {
                TRY_OK(visit(level));
            }
        }
        return {};
    }

  private:
    Result<> descend(const ObjectId& tree) {
        if (host_.is_stopped()) {
            return Error(Errc::kCancelled, "interrupted");
        }
        if (levels_.size() == kDeepest) {
            return too_deep(path_);
        }
        auto nodes = reader_.take(tree);
        if (!nodes) {
            TRY_OK(visitor_.on_unreadable(path_.empty() ? "/" : path_, nodes.error()));
            nodes.emplace();
        }
        reader_.expect(subtrees_of(*nodes));
        levels_.push_back({tree, std::move(*nodes), 0, path_.size()});
        return {};
    }

    Result<> ascend() {
        levels_.pop_back();
        if (levels_.empty()) {
            return {};
        }
        const auto& above = levels_.back();
        TRY_OK(visitor_.leave({path_, above.nodes[above.next - 1], above.tree}));
        path_.resize(above.path_size);
        return {};
    }

    Result<> visit(Level& level) {
        const Node& node = level.nodes[level.next++];
        path_ += '/';
        path_ += node.name;
        TRY(const auto step, visitor_.enter({path_, node, level.tree}));
        is_ended_ = step == WalkStep::kEnd;
        if (step == WalkStep::kInto && node.is_directory() && node.subtree) {
            const ObjectId subtree = *node.subtree;  // `level` moves.
            return descend(subtree);
        }
        if (node.subtree) {
            reader_.forget(*node.subtree);
        }
        path_.resize(level.path_size);
        return {};
    }

    TreeReader& reader_;
    Host& host_;
    WalkVisitor& visitor_;
    std::vector<Level> levels_;
    std::string path_;
    bool is_ended_ = false;
};

}  // namespace

Result<> TreeReader::run(const std::function<Result<>()>& walk) {
    is_over_ = false;
    const unsigned readers = std::clamp(repository_.store().traits().connections, 1U, kMostReaders);
    Result<> outcome;
    repository_.host().run_parallel(readers + 1, [&](unsigned number) {
        if (number != 0) {
            read_ahead();
            return;
        }
        outcome = walk();
        const std::scoped_lock lock(mutex_);
        is_over_ = true;
        queue_.clear();
        slots_.clear();
        changed_.notify_all();
    });
    return outcome;
}

void TreeReader::read_ahead() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return is_over_ || !queue_.empty(); });
        if (is_over_) {
            return;
        }
        const ObjectId id = queue_.front();
        queue_.pop_front();
        const auto slot = slots_.find(id);
        if (slot == slots_.end() || slot->second.is_begun) {
            continue;
        }
        slot->second.is_begun = true;
        lock.unlock();
        auto tree = std::make_unique<Tree>(repository_.load_tree(id));
        lock.lock();
        if (const auto again = slots_.find(id); again != slots_.end()) {
            again->second.tree = std::move(tree);
            changed_.notify_all();
        }
    }
}

void TreeReader::expect(std::span<const ObjectId> trees) {
    const std::scoped_lock lock(mutex_);
    std::vector<ObjectId> wanted;
    for (const auto& id : trees) {
        if (slots_.size() >= kAhead) {
            break;
        }
        if (slots_.try_emplace(id).second) {
            wanted.push_back(id);
        }
    }
    // In front of what is waiting: a walk goes down first.
    queue_.insert(queue_.begin(), wanted.begin(), wanted.end());
    if (!wanted.empty()) {
        changed_.notify_all();
    }
}

void TreeReader::forget(const ObjectId& id) {
    const std::scoped_lock lock(mutex_);
    slots_.erase(id);
}

Result<std::vector<Node>> TreeReader::take(const ObjectId& id) {
    std::unique_lock lock(mutex_);
    auto slot = slots_.find(id);
    if (slot == slots_.end() || !slot->second.is_begun) {
        if (slot != slots_.end()) {
            slots_.erase(slot);
        }
        lock.unlock();
        return repository_.load_tree(id);
    }
    changed_.wait(lock, [&] { return slot->second.tree != nullptr; });
    auto tree = std::move(*slot->second.tree);
    slots_.erase(slot);
    return tree;
}

std::vector<ObjectId> subtrees_of(const std::vector<Node>& nodes) {
    std::vector<ObjectId> trees;
    for (const auto& node : nodes) {
        if (node.subtree) {
            trees.push_back(*node.subtree);
        }
    }
    return trees;
}

Result<> walk_tree(TreeReader& reader, Host& host, const ObjectId& root, WalkVisitor& visitor) {
    return Walk(reader, host, visitor).run(root);
}

}  // namespace muster::backup
