#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/blob_writer.h"
#include "backup/cutter.h"
#include "backup/exclude_rules.h"
#include "backup/format/zone_clock.h"
#include "backup/source.h"

namespace muster::backup {

/// How an entry stands against the parent snapshot.
enum class EntryState { kNew, kChanged, kUnmodified };

/// Who is told what an archive does. Called by many threads at once.
class ArchiveObserver {
  public:
    virtual ~ArchiveObserver() = default;
    virtual void on_entry(const std::string& path, const Node& node, EntryState state) = 0;
    /// Something could not be read; the snapshot is made without it.
    virtual void on_problem(const std::string& path, const Error& error) = 0;
    /// So many more bytes of files are stored, or were so before; also amid a big file.
    virtual void on_bytes(std::uint64_t /*bytes*/) {}
    /// A big file is read from now on, until `on_big_end`.
    virtual void on_big_begin(const std::string& /*path*/) {}
    virtual void on_big_end(const std::string& /*path*/) {}
};

/// What is left out. Called by many threads at once.
class Exclusion {
  public:
    virtual ~Exclusion() = default;
    /// `node` may be a directory: then all within is left out too. `folder` is the directory that
    /// it lies in; nothing for a target, which a person named.
    [[nodiscard]] virtual bool excludes(const std::string& path, const Node& node,
                                        const Node* folder) const = 0;
    [[nodiscard]] virtual const std::vector<TagFile>& tags() const = 0;
};

struct ArchiveSettings {
    std::vector<std::string> targets;     ///< Paths as a person gave them.
    std::optional<ObjectId> parent_tree;  ///< What is unchanged against it is not read again.
    bool is_inode_ignored = false;
    bool is_ctime_ignored = false;
    bool has_atime = false;         ///< Keep atimes; else they are the mtimes.
    bool are_devices_read = false;  ///< `--read-special`: block devices as files.
    const Exclusion* exclusion = nullptr;
};

/// By EntryState.
struct EntryCounts {
    std::atomic<std::uint64_t> by_state[3] = {0, 0, 0};  // NOLINT
    void add(EntryState state) { ++by_state[static_cast<std::size_t>(state)]; }
};

struct ArchiveCounts {
    EntryCounts files;
    EntryCounts folders;
    std::atomic<std::uint64_t> entries{0};  ///< Files and others but directories.
    std::atomic<std::uint64_t> bytes{0};    ///< Of the files.
    std::atomic<std::uint64_t> problems{0};
};

/// Makes one tree of what lies at the targets. All blobs are stored when `run` has succeeded.
class Archiver {
  public:
    Archiver(Repository& repository, Source& source, BlobWriter& writer, ArchiveObserver& observer,
             ArchiveSettings settings);
    ~Archiver();
    Archiver(const Archiver&) = delete;
    Archiver& operator=(const Archiver&) = delete;

    /// The root's id. kNotFound when no target is there; kCancelled when told to stop.
    Result<ObjectId> run();
    /// May be looked at while it runs.
    [[nodiscard]] const ArchiveCounts& counts() const;

  private:
    struct Job;
    std::unique_ptr<Job> job_;
};

}  // namespace muster::backup
