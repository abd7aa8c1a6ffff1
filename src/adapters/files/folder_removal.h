#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace muster::adapters {

/// Which directory it is, whatever path leads there.
struct FolderIdentity {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const FolderIdentity&) const = default;
    explicit FolderIdentity(const struct stat& status)
        : device(status.st_dev), inode(status.st_ino) {}
    /// Of the directory at that path; nothing when there is none.
    static std::optional<FolderIdentity> of(const std::string& path);
};

/// What a removal does not touch.
struct RemovalBounds {
    dev_t device = 0;                    ///< Other file systems than this one,
    std::optional<FolderIdentity> kept;  ///< and this directory.
};

/// The names in an open directory, without "." and "..".
Result<std::vector<std::string>> list_names(int fd, const std::string& path);

/// Removes `name` from an open directory, whatever it is: a directory with all that is in it.
/// kDenied where that would cross the bounds. `path` is for messages.
Result<> remove_at(int fd, const std::string& name, const std::string& path,
                   const RemovalBounds& bounds);

/// Why nothing is restored into, or removed from, the repository itself.
Error refuse_repository(const std::string& path);

}  // namespace muster::adapters
