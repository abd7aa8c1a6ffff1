#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backup/archive/task_pool.h"
#include "backup/restore/blob_reader.h"
#include "backup/restore/restorer.h"

namespace muster::backup {

/// A directory whose metadata are not set yet, since something in it is still under work.
struct RestoreFolder {
    std::shared_ptr<RestoreFolder> parent;  ///< Nothing: the root.
    Node node;
    std::string path;  ///< In the snapshot, "/" for the root.
    bool is_selected = true;
    std::mutex mutex;
    bool is_asked_for = false;  ///< It was tried to make or open it.
    std::shared_ptr<TargetFolder> handle;
    std::atomic<std::size_t> pending{1};

    [[nodiscard]] std::string path_of(const std::string& name) const {
        return path.ends_with('/') ? path + name : path + "/" + name;
    }
};

/// A regular file under work.
struct RestoreFile {
    std::shared_ptr<RestoreFolder> folder;
    Node node;
    bool is_changed = false;     ///< It is there; only what is not right is written.
    std::vector<bool> is_right;  ///< By blob, when it is changed.
    std::mutex mutex;
    std::unique_ptr<TargetFile> open;
    bool is_failed = false;  ///< Told already.
    std::atomic<bool> is_damaged{false};
    std::atomic<std::uint64_t> done{0};  ///< Bytes that count as done.
    std::atomic<std::size_t> pending{0};

    [[nodiscard]] std::string path() const { return folder->path_of(node.name); }
};

/// Neighbouring blobs of one file that are read and written at once.
struct Piece {
    std::shared_ptr<RestoreFile> file;
    std::size_t first = 0;  ///< Of the file's blobs.
    std::size_t last = 0;   ///< One behind.
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    ObjectId pack;         ///< Where the first blob lies.
    std::uint32_t at = 0;  ///<
};
using PieceGroup = std::vector<Piece>;

/// Another name of a file.
struct HardLink {
    std::shared_ptr<RestoreFolder> folder;
    Node node;
};

/// What a thread needs to run groups; kept for the next one.
struct RestoreWorker {
    explicit RestoreWorker(const Repository& repository) : reader(repository) {}
    BlobReader reader;
    Buffer plain;
    std::vector<WantedBlob> wanted;
};

struct Restorer::Job {
    Job(const Repository& from, RestoreTarget& to, RestoreObserver& who_is_told,
        RestoreSettings wanted);

    // restorer.cpp
    Result<> run(const ObjectId& tree);
    Result<> drain();
    Result<> check_stop() const;
    Result<> tell(const std::string& path, const Error& error);
    void note(const std::string& path, const Node& node, RestoreAction action);
    void advance(RestoreFile& file, std::uint64_t bytes);
    Result<TargetFolder*> ensure(RestoreFolder& folder);
    Result<> leave_folder(std::shared_ptr<RestoreFolder> folder);

    // restore_folders.cpp
    Result<> process_folder(const std::shared_ptr<RestoreFolder>& folder);
    Result<> process_node(const std::shared_ptr<RestoreFolder>& folder, Node node,
                          std::vector<std::shared_ptr<RestoreFolder>>& below);
    Result<> process_entry(const std::shared_ptr<RestoreFolder>& folder, Node node);
    Result<> process_file(const std::shared_ptr<RestoreFolder>& folder, Node node);
    Result<> process_other(RestoreFolder& folder, const Node& node, TargetFolder* at);
    Result<RestoreAction> judge_other(const Node& node, TargetFolder* at) const;
    Result<> delete_others(RestoreFolder& folder, const std::vector<std::string>& names);
    Result<> make_links();
    Result<> make_link(const HardLink& link);
    bool may_overwrite(const Node& node, const Node& there) const;

    // restore_compare.cpp
    Result<> compare_file(const std::shared_ptr<RestoreFile>& file, const Node& there);
    Result<bool> compare(TargetFile& open, const Node& node, std::vector<bool>& is_right,
                         RestoreFile* file);
    Result<> verify(const ObjectId& tree);
    Result<> verify_folder(const std::shared_ptr<RestoreFolder>& folder);
    Result<> verify_file(RestoreFolder& folder, const Node& node);

    // restore_files.cpp
    Result<> add_file(std::shared_ptr<RestoreFile> file);
    Result<> plan(std::vector<std::shared_ptr<RestoreFile>> files);
    Result<bool> cut(const std::shared_ptr<RestoreFile>& file, PieceGroup& pieces);
    Result<> run_group(PieceGroup& group);
    Result<> write_piece(const Piece& piece, ByteView content, std::vector<ByteView> lost);
    Result<> write_parts(const Piece& piece, ByteView content, std::vector<ByteView> lost);
    Result<> open_file(RestoreFile& file);
    Result<> end_piece(RestoreFile& file);
    Result<> fail_file(RestoreFile& file, const Error& error);

    std::unique_ptr<RestoreWorker> take_worker();
    void give_back(std::unique_ptr<RestoreWorker> worker);

    const Repository& repository;
    RestoreTarget& target;
    RestoreObserver& observer;
    RestoreSettings settings;
    TaskPool pool{0};
    RestoreCounts counts;
    std::shared_ptr<TargetFolder> root;

    std::mutex mutex;  // For all that follows.
    std::vector<std::shared_ptr<RestoreFile>> waiting;
    std::uint64_t waiting_bytes = 0;
    std::vector<std::unique_ptr<RestoreWorker>> workers;
    using Inode = std::pair<std::uint64_t, std::uint64_t>;  // With its file system.
    std::map<Inode, HardLink> first_names;
    std::vector<HardLink> links;
    std::set<std::string> left;  // Paths of files that need not be what the snapshot says.
};

}  // namespace muster::backup
