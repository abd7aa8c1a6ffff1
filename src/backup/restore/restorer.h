#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "backup/repository.h"
#include "backup/restore/restore_target.h"

namespace muster::backup {

/// What happens to what is there already, by restic's words. Directories are always gone into.
enum class Overwrite : std::uint8_t {
    kAlways,     ///< Files are compared by content; what differs is written.
    kIfChanged,  ///< The same, but equal size and mtime stand for equal content.
    kIfNewer,    ///< Only what has an older mtime than in the snapshot.
    kNever,      ///< Left as it is.
};

/// What was done with an entry.
enum class RestoreAction : std::uint8_t { kRestored, kUpdated, kUnchanged, kSkipped, kDeleted };

/// Who is told what a restore does. Called by many threads at once. Paths are those in the
/// snapshot.
class RestoreObserver {
  public:
    virtual ~RestoreObserver() = default;
    virtual void on_entry(const std::string& path, const Node& node, RestoreAction action) = 0;
    /// Something could not be restored, or not wholly.
    virtual void on_problem(const std::string& path, const Error& error) = 0;
};

/// Which entries are meant. Called by many threads at once.
class RestoreSelection {
  public:
    struct Answer {
        bool is_selected = true;
        bool children_may_be = true;
    };
    virtual ~RestoreSelection() = default;
    [[nodiscard]] virtual Answer select(const std::string& path) const = 0;
};

struct RestoreSettings {
    Overwrite overwrite = Overwrite::kAlways;
    bool is_delete = false;   ///< Remove what the snapshot does not have.
    bool is_dry_run = false;  ///< Say what would be done.
    const RestoreSelection* selection = nullptr;
    unsigned threads = 0;  ///< 0: as many as the host and the store are quickest with.
};

/// May be looked at while it runs.
struct RestoreCounts {
    std::atomic<std::uint64_t> entries{0};  ///< All that were found, directories too.
    std::atomic<std::uint64_t> restored{0};
    std::atomic<std::uint64_t> skipped{0};  ///< Right already, or not to be overwritten.
    std::atomic<std::uint64_t> deleted{0};
    std::atomic<std::uint64_t> bytes{0};  ///< Of all files that were found.
    std::atomic<std::uint64_t> bytes_restored{0};
    std::atomic<std::uint64_t> bytes_skipped{0};
    /// Of `bytes`: nothing is left to be done for them. Moves also amid a big file.
    std::atomic<std::uint64_t> bytes_done{0};
    std::atomic<std::uint64_t> verified{0};  ///< Files.
    std::atomic<std::uint64_t> problems{0};
};

/// Writes a tree of a repository to a target. What is damaged or can't be written is told to the
/// observer and passed over; the rest is restored. Run again, it writes only what is not right yet.
class Restorer {
  public:
    Restorer(const Repository& repository, RestoreTarget& target, RestoreObserver& observer,
             RestoreSettings settings);
    ~Restorer();
    Restorer(const Restorer&) = delete;
    Restorer& operator=(const Restorer&) = delete;

    /// The target's directory gets what is in the tree. An error only where going on is in vain:
    /// the disk is full, the target can't be made, kCancelled when told to stop.
    Result<> run(const ObjectId& tree);
    /// Reads all files of the tree that are at the target, and compares their content; what
    /// differs is a problem.
    Result<> verify(const ObjectId& tree);
    [[nodiscard]] const RestoreCounts& counts() const;

  private:
    struct Job;
    std::unique_ptr<Job> job_;
};

}  // namespace muster::backup
