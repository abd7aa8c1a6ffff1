#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/archive/archiver.h"
#include "backup/archive/target_tree.h"
#include "backup/archive/task_pool.h"

namespace muster::backup {

/// A directory whose tree is not written yet, since some of its entries are still under work.
struct FolderJob {
    std::shared_ptr<FolderJob> parent;  ///< Nothing: the root.
    std::size_t slot = 0;               ///< Among the parent's entries.
    Node node;
    std::string path;                     ///< For filters and messages.
    const TargetTree* targets = nullptr;  ///< Only these; nothing: all that the system lists.
    std::optional<Node> before;           ///< The same directory in the parent snapshot.
    std::unique_ptr<SourceFolder> folder;
    std::vector<std::string> texts;  ///< The entries' JSON; empty: left out.
    std::atomic<std::size_t> pending{1};
};

/// An entry that is under work.
struct Entry {
    std::shared_ptr<FolderJob> job;
    std::size_t slot = 0;
    Node node;
    const TargetTree* target = nullptr;  ///< Set when it was named, not listed.
    std::optional<Node> before;          ///< In the parent snapshot, if it is of the same type.
    EntryState state = EntryState::kNew;

    [[nodiscard]] std::string path() const;
};

/// A big file under work: its blobs are stored by many threads, in any order.
struct FileJob {
    Entry entry;
    std::mutex mutex;
    std::vector<ObjectId> content;
    std::atomic<std::size_t> pending{1};
};

struct Archiver::Job {
    Job(Repository& opened, Source& read_from, BlobWriter& blobs, ArchiveObserver& told,
        ArchiveSettings wanted);

    Result<ObjectId> run();

    // archive_folders.cpp
    Result<> process_folder(const std::shared_ptr<FolderJob>& job);
    Result<std::vector<Node>> list(FolderJob& job);
    std::vector<Node> load_before(const FolderJob& job);
    Result<> process_entry(Entry entry, std::vector<Entry>& files);
    Result<> process_other(Entry entry);
    Result<std::unique_ptr<SourceFolder>> open_folder(const Entry& entry);
    Result<std::unique_ptr<SourceFile>> open_file(const Entry& entry);
    Result<std::vector<ExtendedAttribute>> attributes_of(const Entry& entry);
    bool is_unchanged(const Entry& entry) const;
    bool is_excluded(const Entry& entry) const;

    // archive_files.cpp
    struct SmallFiles;
    void push_files(std::vector<Entry> files);
    void open_small(SmallFiles& batch);
    Result<> read_small(SmallFiles& batch);
    Result<> process_big(Entry entry);
    Result<> stream(const std::shared_ptr<FileJob>& job, SourceFile& file);
    Result<std::uint64_t> skip_hole(FileJob& job, SourceFile& file, const Cutter& cutter,
                                    Buffer& kept);
    CutRule choose_rule(const Entry& entry, ByteView head) const;
    void push_chunks(const std::shared_ptr<FileJob>& job, const std::shared_ptr<Buffer>& buffer,
                     const std::vector<ByteView>& chunks);
    Result<> leave_file(const std::shared_ptr<FileJob>& job);

    // archive_job.cpp
    Result<> finish_entry(Entry& entry);
    Result<> drop_entry(const Entry& entry, const Error& error);
    Result<> leave_folder(std::shared_ptr<FolderJob> job);
    Result<> write_tree(FolderJob& job);

    Repository& repository;
    Source& source;
    BlobWriter& writer;
    ArchiveObserver& observer;
    ArchiveSettings settings;
    ChunkScanner scanner;
    TaskPool pool;
    std::atomic<std::size_t> open_ahead{0};  ///< Files that are open and not read yet.
    ArchiveCounts counts;
    TargetTree targets;
    std::optional<ObjectId> root;
};

}  // namespace muster::backup
