#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backup/look/file_view.h"
#include "backup/look/snapshot_folders.h"

namespace muster::backup {

using Tree = std::vector<Node>;

/// What a path of a view leads to.
struct ViewPlace {
    std::shared_ptr<const Node> node;              ///< Shared with the cache.
    std::shared_ptr<const SnapshotFolder> folder;  ///< Of a folder above the snapshots.
    std::uint64_t snapshot = 0;                    ///< A hash of the snapshot's id; 0: above.
    std::uint64_t path = 0;                        ///< A hash of the path in the snapshot.

    /// The same for the same file at any time; hard links within a snapshot have the same.
    [[nodiscard]] std::uint64_t inode() const;
};

struct ViewSettings {
    SnapshotFilter filter;
    FolderTemplates templates;
    std::size_t most_blob_bytes = 48U << 20U;  ///< Of the cache of content.
    std::size_t most_tree_bytes = 16U << 20U;  ///< Of the cache of directories.
    Duration refresh_every = std::chrono::seconds(5);
};

/// What a view asks for.
struct ViewHooks {
    /// All snapshots.
    std::function<Result<std::vector<Snapshot>>()> load_snapshots;
    /// Something can't be read; once for each path. May be called by many threads.
    std::function<void(const std::string& path, const Error&)> on_problem;
};

/// The snapshots of a repository as one tree of files: folders by the templates, in these the
/// snapshots, in these their files. New snapshots appear by themselves. May be used by many threads
/// at once.
class SnapshotView {
  public:
    SnapshotView(Repository& repository, ViewSettings settings, ViewHooks hooks);

    /// Reads the snapshots for the first time.
    Result<> load() { return refresh(); }

    /// What lies at an absolute path ("/" is the top). kNotFound when there is nothing, or when the
    /// repository lacks what it should have; `says_nothing_there` tells which.
    Result<ViewPlace> find(std::string_view path);
    static bool says_nothing_there(const Error& error, std::string_view path);
    /// The same for a directory that will be listed: the snapshots are read anew when the folder is
    /// above them and `refresh_every` has passed.
    Result<ViewPlace> find_to_list(std::string_view path);
    /// The entries of a directory, sorted by name.
    Result<std::shared_ptr<const Tree>> list(const ViewPlace& place);
    /// An entry of what `list` gave.
    static ViewPlace child(const ViewPlace& parent, std::shared_ptr<const Tree> tree,
                           std::size_t number);
    /// To read a file.
    Result<std::unique_ptr<FileView>> open(const ViewPlace& place) {
        return FileView::open(repository_, blobs_, place.node);
    }
    /// Tells the hook of a problem, once for each path.
    void report(std::string_view path, const Error& error);

  private:
    Result<> refresh();
    void refresh_if_due();
    Result<ViewPlace> look(std::string_view path);
    std::shared_ptr<const SnapshotFolder> top();
    Result<std::shared_ptr<const Tree>> tree(const ObjectId& id);
    Result<ViewPlace> find_in(ViewPlace place, std::string_view rest);
    static std::optional<ViewPlace> place_of(const SnapshotFolder& folder, std::string_view name);

    Repository& repository_;
    ViewSettings settings_;
    ViewHooks hooks_;
    BlobCache blobs_;
    SharedCache<ObjectId, Tree> trees_;

    std::mutex mutex_;  // Guards what follows.
    std::shared_ptr<const SnapshotFolder> top_ = std::make_shared<SnapshotFolder>();
    std::set<std::string> reported_;

    std::mutex refreshing_;  // Guards what follows; never taken within `mutex_`.
    std::vector<Listed> listed_;
    Instant refreshed_{};
};

}  // namespace muster::backup
