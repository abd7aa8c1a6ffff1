#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "backup/repository.h"

namespace muster::backup {

/// Reads trees for a walk that one thread makes, and those that the walk will want soon beside it:
/// a store far away then costs its delay once for many trees, not for each.
class TreeReader {
  public:
    /// At most `kAhead` trees wait or are read ahead at once.
    static constexpr std::size_t kAhead = 64;

    explicit TreeReader(const Repository& repository) : repository_(repository) {}

    /// Runs `walk` with the threads that read ahead beside it.
    Result<> run(const std::function<Result<>()>& walk);
    /// `take` will be called for these soon, in this order; more than there is room for is passed
    /// over.
    void expect(std::span<const ObjectId> trees);
    /// It will not be called for this one after all.
    void forget(const ObjectId& id);
    /// The tree. kNotFound, kCorrupt.
    Result<std::vector<Node>> take(const ObjectId& id);

  private:
    using Tree = Result<std::vector<Node>>;
    struct Slot {
        bool is_begun = false;
        std::unique_ptr<Tree> tree;  // When it has been read.
    };
    void read_ahead();

    const Repository& repository_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<ObjectId, Slot> slots_;
    std::deque<ObjectId> queue_;
    bool is_over_ = true;
};

/// The trees of the directories among these.
std::vector<ObjectId> subtrees_of(const std::vector<Node>& nodes);

/// An entry that a walk has come to.
struct WalkEntry {
    const std::string& path;  ///< From the root of the walk, "/a/b".
    const Node& node;
    const ObjectId& tree;  ///< In which it stands.
};

/// What a walk does with an entry.
enum class WalkStep : std::uint8_t { kInto, kOver, kEnd };

/// Hears of what a walk meets. Called on one thread.
class WalkVisitor {
  public:
    virtual ~WalkVisitor() = default;
    /// A directory comes before what is in it, entries by the bytes of their names. `kOver`: not
    /// into it, if it is a directory.
    virtual Result<WalkStep> enter(const WalkEntry& entry) = 0;
    /// All below a directory has been seen.
    virtual Result<> leave(const WalkEntry& entry) {
        (void)entry;
        return {};
    }
    /// A directory's tree can't be read; an error returned from here ends the walk.
    virtual Result<> on_unreadable(const std::string& path, const Error& error) {
        (void)path;
        return error;
    }
};

/// Goes through the tree `root`, depth first; called within `reader.run`. kCancelled when the
/// process was asked to end; kCorrupt when folders lie deeper than any system allows.
Result<> walk_tree(TreeReader& reader, Host& host, const ObjectId& root, WalkVisitor& visitor);

}  // namespace muster::backup
