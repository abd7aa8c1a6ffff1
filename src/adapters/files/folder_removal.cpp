#include "adapters/files/folder_removal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "adapters/files/folder_names.h"
#include "adapters/os/file_write.h"
#include "adapters/os/unique_fd.h"

namespace muster::adapters {

namespace {

Result<> empty_folder(int fd, const std::string& path, const RemovalBounds& bounds) {
    TRY(const auto names, list_names(fd, path));
    for (const auto& name : names) {
        std::string below = path;
        below.append("/").append(name);
        TRY_OK(remove_at(fd, name, below, bounds));
    }
    return {};
}

}  // namespace

std::optional<FolderIdentity> FolderIdentity::of(const std::string& path) {
    struct stat status{};
    const bool is_there = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    return is_there ? std::optional(FolderIdentity(status)) : std::nullopt;
}

Result<std::vector<std::string>> list_names(int fd, const std::string& path) {
    return read_names(UniqueFd(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), path);
}

Result<> remove_at(int fd, const std::string& name, const std::string& path,
                   const RemovalBounds& bounds) {
    if (::unlinkat(fd, name.c_str(), 0) == 0 || errno == ENOENT) {
        return {};
    }
    if (errno != EISDIR && errno != EPERM) {
        return file_error("remove", path, errno);
    }
    const int number = errno;
    const UniqueFd inner(
        ::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!inner.is_open() || ::fstat(inner.get(), &status) != 0) {
        return file_error("remove", path, errno == ENOTDIR ? number : errno);
    }
    if (FolderIdentity(status) == bounds.kept) {
        return refuse_repository(path);
    }
    if (status.st_dev != bounds.device) {
        return Error(Errc::kDenied, "another file system is mounted at " + path,
                     "unmount it, or leave it out with --exclude");
    }
    TRY_OK(empty_folder(inner.get(), path, bounds));
    if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) != 0) {
        return file_error("remove", path, errno);
    }
    return {};
}

Error refuse_repository(const std::string& path) {
    return {Errc::kDenied, path + " is the repository itself, and stays as it is",
            "restore to another place, or leave it out with --exclude"};
}

}  // namespace muster::adapters
