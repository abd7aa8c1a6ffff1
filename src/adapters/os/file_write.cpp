#include "adapters/os/file_write.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "adapters/os/unique_fd.h"

namespace muster::adapters {

namespace {

constexpr std::size_t kLeastDirect = 1U << 20U;
constexpr std::size_t kPage = backup::Buffer::kPage;

Errc code_of(int number) {
    switch (number) {
        case ENOENT:
        case ENOTDIR:
            return Errc::kNotFound;
        case EACCES:
        case EPERM:
        case EROFS:
        case ENOSPC:  // Nobody makes room meanwhile, and who waits holds a lock.
        case EDQUOT:
            return Errc::kDenied;
        case EEXIST:
            return Errc::kConflict;
        default:
            return Errc::kUnavailable;
    }
}

std::string hint_of(int number) {
    switch (number) {
        case ENOSPC:
        case EDQUOT:
            return "make room on that file system, then run the command again";
        case EACCES:
        case EPERM:
            return "check who owns it, and as whom muster runs";
        case EROFS:
            return "that file system is mounted read-only";
        default:
            return "";
    }
}

/// The whole pages around the page cache, what is left over through it; errno, or 0.
int write_content(int fd, backup::ByteView content) {
    const bool is_aligned =
        reinterpret_cast<std::uintptr_t>(content.data()) % kPage == 0;  // NOLINT
    std::size_t done = 0;
    if (is_aligned && content.size() >= kLeastDirect && ::fcntl(fd, F_SETFL, O_DIRECT) == 0) {
        const std::size_t whole = content.size() / kPage * kPage;
        const int number = write_at(fd, content.first(whole), 0);
        if (::fcntl(fd, F_SETFL, 0) != 0) {
            return errno;
        }
        if (number != 0 && number != EINVAL) {
            return number;
        }
        done = number == 0 ? whole : 0;
    }
    return write_at(fd, content.subspan(done), done);
}

}  // namespace

int write_at(int fd, backup::ByteView content, std::uint64_t offset) {
    while (!content.empty()) {
        const auto written =
            ::pwrite(fd, content.data(), content.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return written < 0 ? errno : EIO;
        }
        content = content.subspan(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return 0;
}

Error file_error(const std::string& what, const std::string& path, int number) {
    return Error(code_of(number), "can't " + what + " " + path + ": " + std::strerror(number),
                 hint_of(number));
}

Result<> write_synced(const std::string& path, backup::ByteView content, unsigned mode) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd.is_open()) {
        return file_error("create", path, errno);
    }
    int number = write_content(fd.get(), content);
    if (number == 0 && ::fdatasync(fd.get()) != 0) {
        number = errno;
    }
    if (number != 0) {
        ::unlink(path.c_str());
        return file_error("write", path, number);
    }
    return {};
}

Result<> write_synced_in(const std::string& folder, const std::string& path,
                         backup::ByteView content, unsigned mode) {
    const UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
    if (!fd.is_open()) {
        const bool can_not = errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL;
        return can_not ? Error(Errc::kInvalid, "no files without a name in " + folder)
                       : file_error("create", path, errno);
    }
    int number = write_content(fd.get(), content);
    if (number == 0 && ::fdatasync(fd.get()) != 0) {
        number = errno;
    }
    if (number != 0) {
        return file_error("write", path, number);
    }
    const std::string unnamed = "/proc/self/fd/" + std::to_string(fd.get());
    if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
        return file_error("link to", path, errno);
    }
    return {};
}

Result<> sync_folder(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open()) {
        return file_error("open", path, errno);
    }
    // Some file systems (of networks, FUSE) refuse to sync a directory; there is no more to be had.
    if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
        return file_error("sync", path, errno);
    }
    return {};
}

}  // namespace muster::adapters
