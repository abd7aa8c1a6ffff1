#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>

#include "backup/look/tree_reader.h"

namespace muster::backup {

/// What one side of a comparison has more than the other.
struct DiffCounts {
    std::uint64_t files = 0;
    std::uint64_t folders = 0;
    std::uint64_t others = 0;
    std::uint64_t data_blobs = 0;
    std::uint64_t tree_blobs = 0;
    std::uint64_t bytes = 0;  ///< Content of these blobs.
    auto operator<=>(const DiffCounts&) const = default;
};

struct DiffTotals {
    std::uint64_t changed_files = 0;
    DiffCounts added;
    DiffCounts removed;
};

/// What a comparison tells. Called on one thread.
struct DiffHooks {
    /// A path (a directory's ends in "/") and what became of it, in restic's letters: "+" added,
    /// "-" removed, "M" another content, "U" other metadata, "T" another type, "M?" another content
    /// though nothing else changed: perhaps a disk that forgot.
    std::function<void(const std::string& path, const std::string& letters)> on_change;
    /// A directory that can't be read is passed over.
    std::function<void(const std::string& path, const Error&)> on_problem;
};

/// Compares two trees. Directories that are the same by their ids are not compared; they are gone
/// through once in the end, since a blob in one of them is neither added nor removed.
class TreeDiff {
  public:
    TreeDiff(const Repository& repository, TreeReader& reader, DiffHooks hooks)
        : repository_(repository), reader_(reader), hooks_(std::move(hooks)) {}
    TreeDiff(const TreeDiff&) = delete;
    TreeDiff& operator=(const TreeDiff&) = delete;

    /// Changes of metadata alone are told when `is_metadata_told`. Called within `reader.run`.
    Result<DiffTotals> run(const ObjectId& before, const ObjectId& after, bool is_metadata_told);

  private:
    using Nodes = std::vector<Node>;
    using Ids = std::unordered_set<ObjectId>;
    struct Blobs {
        Ids data;
        Ids trees;
    };
    /// All that one side of the comparison gathers.
    struct Side {
        Blobs blobs;
        DiffCounts* counts;
        const char* letter;
    };
    struct Pair {
        std::string prefix;
        ObjectId before;
        ObjectId after;
    };

    Nodes take(const ObjectId& tree, const std::string& path);
    Result<> compare(const Pair& pair, std::size_t depth);
    Result<> compare(const Node& before, const Node& after, const std::string& prefix,
                     std::size_t depth);
    void tell_changes(const Node& before, const Node& after, const std::string& path);
    Result<> list(const Node& node, const std::string& prefix, Side& side, std::size_t depth);
    static void note(const Node& node, Side& side);
    Result<> forget_common();
    void count(const Side& side, const Side& other);

    const Repository& repository_;
    TreeReader& reader_;
    DiffHooks hooks_;
    bool is_metadata_told_ = false;
    DiffTotals totals_;
    Side before_{{}, &totals_.removed, "-"};
    Side after_{{}, &totals_.added, "+"};
    Ids common_;  // Trees that both have at the same path.
};

}  // namespace muster::backup
