#pragma once

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "backup/look/tree_reader.h"

namespace muster::backup {

/// Looks through one snapshot after the other. What had no hit in an earlier one is not gone
/// through again where the same tree stands at the same path: most of a snapshot is as it was.
class TreeSearch final : public WalkVisitor {
  public:
    struct Hooks {
        /// Whether an entry is a hit; tells of it as well.
        std::function<bool(const WalkEntry&)> check;
        /// Whether looking into a directory is worthwhile.
        std::function<bool(const WalkEntry&)> is_worthwhile;
        /// A directory that can't be read; the search goes on.
        std::function<void(const std::string& path, const Error&)> on_problem;
    };
    explicit TreeSearch(Hooks hooks) : hooks_(std::move(hooks)) {}

    Result<WalkStep> enter(const WalkEntry& entry) override;
    Result<> leave(const WalkEntry& entry) override;
    Result<> on_unreadable(const std::string& path, const Error& error) override;

  private:
    /// A tree at a path, by the path's hash.
    struct Place {
        ObjectId tree;
        std::size_t path = 0;
        bool operator==(const Place&) const = default;
    };
    struct PlaceHash {
        std::size_t operator()(const Place& place) const noexcept {
            return std::hash<ObjectId>()(place.tree) ^ place.path;
        }
    };
    static constexpr std::size_t kRemembered = 2'000'000;  // About 150 MB.

    void note_hit();

    Hooks hooks_;
    std::unordered_set<Place, PlaceHash> barren_;
    std::vector<bool> has_hit_;  // For each directory that the walk is in.
};

/// Ids by how they begin.
class IdPrefixes {
  public:
    /// kInvalid for what is no beginning of an id.
    Result<> add(const std::string& prefix);
    void add(const ObjectId& id) { whole_.insert(id); }
    [[nodiscard]] bool is_empty() const { return whole_.empty() && prefixes_.empty(); }
    [[nodiscard]] bool matches(const ObjectId& id) const;

  private:
    std::unordered_set<ObjectId> whole_;
    std::vector<std::string> prefixes_;
};

}  // namespace muster::backup
