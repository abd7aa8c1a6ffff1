#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/os/unique_fd.h"
#include "adapters/repo_server/repo_path.h"
#include "base/result.h"

namespace muster::adapters::repo_server {

/// Where an upload lies until it is whole, in its repository's folder. No client can name it.
inline constexpr std::string_view kUploads = ".muster-uploads";

/// One repository on disk, in restic's own layout, so that restic can open the folder as well.
/// Failures: kNotFound; kUnavailable when the disk or a quota of the system is full; kCorrupt for
/// all else that the system refuses.
class RepoFolder {
  public:
    explicit RepoFolder(std::string path) : path_(std::move(path)) {}

    struct File {
        UniqueFd descriptor;
        std::uint64_t size = 0;
    };
    struct Entry {
        std::string name;
        std::uint64_t size = 0;
    };
    /// Return an error to stop.
    using Visit = std::function<Result<>(const Entry&)>;

    /// Makes all folders that are missing, durably.
    [[nodiscard]] Result<> create() const;
    [[nodiscard]] Result<File> open(ObjectType type, const std::string& name) const;
    [[nodiscard]] Result<std::uint64_t> size(ObjectType type, const std::string& name) const;
    /// Every object of a type, in no order; sizes only when they are wanted, else 0.
    [[nodiscard]] Result<> list(ObjectType type, bool wants_sizes, const Visit& visit) const;
    /// The size of what was removed. Durable, but for data and locks: what comes back of these
    /// after a power cut is only removed again.
    [[nodiscard]] Result<std::uint64_t> remove(ObjectType type, const std::string& name) const;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string uploads_path() const { return path_ + "/" + std::string(kUploads); }
    /// The folder that holds an object of this type and name.
    [[nodiscard]] std::string holder(ObjectType type, const std::string& name) const;
    [[nodiscard]] std::string file(ObjectType type, const std::string& name) const;

  private:
    std::string path_;
};

/// `mkdir -p`, durably: each new folder's own parent is synced.
Result<> make_folders(const std::string& path);
Result<> sync_folder(const std::string& path);
/// What the system said of a file, as `RepoFolder` says it.
Error file_error(std::string_view what, const std::string& path, int code);

/// Removes what killed servers left of their uploads, in the repositories of a served folder; how
/// many files that were. Only while nobody else serves it.
Result<std::size_t> remove_left_uploads(const std::string& served);

}  // namespace muster::adapters::repo_server
