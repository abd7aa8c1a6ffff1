#include "backup/care/tree_walk.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace muster::backup {

namespace {

/// Trees to be read, as a stack that several threads work on until nothing is left.
class TreeStack {
  public:
    void push(std::span<const ObjectId> trees) {
        const std::scoped_lock lock(mutex_);
        trees_.insert(trees_.end(), trees.rbegin(), trees.rend());
        changed_.notify_all();
    }
    /// The next one. The one before it is done.
    std::optional<ObjectId> next(bool had_one) {
        std::unique_lock lock(mutex_);
        busy_ -= had_one ? 1 : 0;
        if (busy_ == 0 && trees_.empty()) {
            changed_.notify_all();
        }
        changed_.wait(lock, [&] { return is_stopped_ || !trees_.empty() || busy_ == 0; });
        if (is_stopped_ || trees_.empty()) {
            return std::nullopt;
        }
        const ObjectId tree = trees_.back();
        trees_.pop_back();
        ++busy_;
        return tree;
    }
    void stop(Error error) {
        const std::scoped_lock lock(mutex_);
        is_stopped_ = true;
        if (!error_) {
            error_ = std::move(error);
        }
        changed_.notify_all();
    }
    [[nodiscard]] Result<> outcome() {
        return error_ ? Result<>(*std::exchange(error_, std::nullopt)) : Result<>{};
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<ObjectId> trees_;
    unsigned busy_ = 0;
    bool is_stopped_ = false;
    std::optional<Error> error_;
};

class Walk {
  public:
    Walk(const Repository& repository, EntrySet& reached, WalkObserver& observer)
        : repository_(repository), reached_(reached), observer_(observer) {}

    Result<> run(std::span<const ObjectId> roots) {
        std::vector<ObjectId> fresh;
        for (const auto& root : roots) {
            note_tree(root, fresh);
        }
        stack_.push(fresh);
        const auto threads =
            std::max(repository_.host().cores(), repository_.store().traits().connections);
        repository_.host().run_parallel(threads, [this](unsigned) { work(); });
        return stack_.outcome();
    }

  private:
    void work() {
        bool had_one = false;
        while (const auto tree = stack_.next(had_one)) {
            had_one = true;
            if (repository_.host().is_stopped()) {
                stack_.stop(Error(Errc::kCancelled, "told to stop"));
                return;
            }
            read(*tree);
        }
    }

    void read(const ObjectId& id) {
        auto nodes = repository_.load_tree(id);
        if (!nodes) {
            // kNotFound is a pack that is not there; anything else may be better another time.
            const auto code = nodes.error().code();
            if (code == Errc::kCorrupt || code == Errc::kNotFound) {
                observer_.on_bad_tree(id, nodes.error());
            } else {
                stack_.stop(std::move(nodes).error().with("while reading tree " + id.brief()));
            }
            return;
        }
        std::vector<ObjectId> fresh;
        for (const auto& node : *nodes) {
            note_node(id, node, fresh);
        }
        stack_.push(fresh);
    }

    void note_node(const ObjectId& tree, const Node& node, std::vector<ObjectId>& fresh) {
        if (node.subtree) {
            note_tree(*node.subtree, fresh);
        } else if (node.is_directory()) {
            observer_.on_bad_node(tree, node, Error(Errc::kCorrupt, "a directory without a tree"));
        }
        for (const auto& blob : node.content) {
            if (const auto number = repository_.index().number_of(BlobType::kData, blob)) {
                reached_.insert(*number);
            } else {
                observer_.on_bad_node(
                    tree, node,
                    Error(Errc::kNotFound, "data blob " + blob.brief() + " is in no pack"));
            }
        }
    }

    void note_tree(const ObjectId& tree, std::vector<ObjectId>& fresh) {
        const auto number = repository_.index().number_of(BlobType::kTree, tree);
        if (number && reached_.insert(*number)) {
            fresh.push_back(tree);
        } else if (!number) {
            observer_.on_bad_tree(
                tree, Error(Errc::kNotFound, "tree " + tree.brief() + " is in no pack"));
        }
    }

    const Repository& repository_;
    EntrySet& reached_;
    WalkObserver& observer_;
    TreeStack stack_;
};

}  // namespace

Result<> mark_reachable(const Repository& repository, std::span<const ObjectId> roots,
                        EntrySet& reached, WalkObserver& observer) {
    return Walk(repository, reached, observer).run(roots);
}

}  // namespace muster::backup
