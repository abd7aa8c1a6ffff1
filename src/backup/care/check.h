#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "backup/care/data_subset.h"
#include "backup/care/entry_set.h"
#include "backup/care/index_files.h"
#include "backup/care/tree_walk.h"
#include "backup/snapshot.h"

namespace muster::backup {

/// Who is told by a check. Called by many threads, but never by two at once.
class CheckObserver {
  public:
    virtual ~CheckObserver() = default;
    /// A new part of the work begins: "check all packs".
    virtual void on_step(const std::string& what) = 0;
    /// Something is damaged.
    virtual void on_error(const Error& error) = 0;
    /// Something is not as it should be, but nothing is lost.
    virtual void on_note(const std::string& note) = 0;
    /// A file or directory that can't be restored whole.
    virtual void on_lost(const Snapshot& snapshot, const std::string& path) = 0;
    virtual void on_progress(std::uint64_t done_packs, std::uint64_t all_packs) = 0;
};

struct CheckSettings {
    DataSubset data;
    bool is_unused_checked = false;  ///< Name the blobs that no snapshot uses.
};

/// What a check found.
struct CheckReport {
    std::uint64_t errors = 0;
    std::vector<ObjectId> broken_packs;   ///< Sorted; those that are missing too.
    std::vector<ObjectId> damaged_packs;  ///< Of these those that are there: `repair packs`.
    std::uint64_t lost_paths = 0;  ///< Paths that `on_lost` told, and those beyond the limit.
    std::vector<ObjectId> bad_snapshots;
    bool is_index_bad = false;     ///< `repair index` would mend something.
    bool has_damage = false;       ///< Blobs are lost that snapshots need.
    bool is_prune_useful = false;  ///< There are packs that nothing refers to.
};

/// Looks for whatever keeps a repository from giving back what was put into it. The caller holds an
/// exclusive lock, or has been told to do without.
class Check {
  public:
    static constexpr std::uint64_t kMostNamed = 1000;  ///< Lost paths and unused blobs named.

    Check(Repository& repository, CheckSettings settings, CheckObserver& observer)
        : repository_(repository), settings_(settings), observer_(observer) {}

    /// An error is what kept the check from being done; damage is in the report.
    Result<CheckReport> run();

  private:
    class Watch;

    void complain(const Error& error);
    Result<> check_index();
    Result<> check_packs();
    void compare(const ObjectId& id, std::uint32_t pack, const Listed* listed);
    Result<> load_snapshots();
    Result<> check_trees();
    void name_unused() const;
    Result<> read_data();
    void note_findings(const ObjectId& pack, const std::vector<std::string>& problems,
                       const std::vector<std::uint32_t>& damaged);
    void mark_pack(std::uint32_t pack);
    bool is_lost(BlobType type, const ObjectId& id) const;
    void find_lost_paths();
    bool descend(const Snapshot& snapshot, const ObjectId& tree, const std::string& path);

    Repository& repository_;
    CheckSettings settings_;
    CheckObserver& observer_;
    std::mutex mutex_;
    CheckReport report_;
    std::vector<Listed> packs_;
    std::vector<Snapshot> snapshots_;
    std::unique_ptr<EntrySet> used_;
    std::unique_ptr<EntrySet> damaged_;
    std::unique_ptr<EntrySet> whole_;  // Trees below which nothing is lost.
    bool is_anything_lost_ = false;
};

}  // namespace muster::backup
