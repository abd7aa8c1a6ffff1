#include "adapters/files/node_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "adapters/files/node_status.h"
#include "adapters/os/file_write.h"

namespace muster::adapters {

using backup::ExtendedAttribute;
using backup::Node;

namespace {

constexpr unsigned kModeBits = 07777;
constexpr unsigned kRunAsOwner = 06000;

std::array<timespec, 2> times_of(const Node& node) {
    return {{{node.atime.seconds, static_cast<long>(node.atime.nanoseconds)},
             {node.mtime.seconds, static_cast<long>(node.mtime.nanoseconds)}}};
}

bool has_mtime(const struct stat& status, const Node& node) {
    return status.st_mtim.tv_sec == node.mtime.seconds &&
           status.st_mtim.tv_nsec == static_cast<long>(node.mtime.nanoseconds);
}

bool has_owner(const struct stat& status, const Node& node) {
    return status.st_uid == node.uid && status.st_gid == node.gid;
}

/// Those that are a person's or an ACL; the rest (of security modules) is left where it was.
bool is_removable(const std::string& key) {
    return key.starts_with("user.") || key.starts_with("system.posix_acl_") ||
           key == "security.capability";
}

/// An open file.
struct OpenCalls {
    int fd;
    Result<std::vector<ExtendedAttribute>> list(const std::string& path) const {
        return read_attributes(fd, path);
    }
    int set(const ExtendedAttribute& attribute) const {
        return ::fsetxattr(fd, attribute.name.c_str(), attribute.value.data(),
                           attribute.value.size(), 0);
    }
    int remove(const std::string& key) const { return ::fremovexattr(fd, key.c_str()); }
};

/// An entry that can't be opened; by the descriptor of its directory.
struct PathCalls {
    std::string at;
    Result<std::vector<ExtendedAttribute>> list(const std::string&) const {
        return read_attributes(at);
    }
    int set(const ExtendedAttribute& attribute) const {
        return ::lsetxattr(at.c_str(), attribute.name.c_str(), attribute.value.data(),
                           attribute.value.size(), 0);
    }
    int remove(const std::string& key) const { return ::lremovexattr(at.c_str(), key.c_str()); }
};

}  // namespace

NodeMetadata::NodeMetadata() : user_(::geteuid()) {
}

Result<bool> NodeMetadata::judge_owner(int outcome, const std::string& path) {
    if (outcome == 0) {
        return true;
    }
    if (errno == EPERM && user_ != 0) {
        ++reserved_failures_;
        return false;
    }
    return file_error("set the owner of", path, errno);
}

template <class Calls>
Result<> NodeMetadata::set_attributes(const Calls& calls, const Node& node, const std::string& path,
                                      bool is_bare) {
    std::vector<ExtendedAttribute> there;
    if (!is_bare) {
        TRY(there, calls.list(path));
    }
    for (const auto& attribute : there) {
        const bool is_wanted = std::ranges::any_of(
            node.attributes, [&](const auto& wanted) { return wanted.name == attribute.name; });
        if (!is_wanted && is_removable(attribute.name) && calls.remove(attribute.name) != 0 &&
            errno != ENODATA) {
            return file_error("remove the extended attribute " + attribute.name + " of", path,
                              errno);
        }
    }
    for (const auto& attribute : node.attributes) {
        if (std::ranges::find(there, attribute) != there.end() || calls.set(attribute) == 0) {
            continue;
        }
        if (errno == ENOTSUP || (errno == EPERM && user_ != 0)) {
            ++reserved_failures_;
            continue;
        }
        return file_error("set the extended attribute " + attribute.name + " of", path, errno);
    }
    return {};
}

Result<> NodeMetadata::apply(int fd, const Node& node, const std::string& path,
                             MetadataState state) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        return file_error("look at", path, errno);
    }
    bool is_owned = true;
    bool is_mode_doubtful = !node.attributes.empty() || !state.is_bare;
    if (!has_owner(status, node)) {
        TRY(is_owned, judge_owner(::fchown(fd, node.uid, node.gid), path));
        is_mode_doubtful = true;  // The system takes setuid bits away.
    }
    if (!state.is_bare || !node.attributes.empty()) {
        TRY_OK(set_attributes(OpenCalls{fd}, node, path, state.is_bare));
    }
    if (is_mode_doubtful && ::fstat(fd, &status) != 0) {
        return file_error("look at", path, errno);
    }
    const unsigned mode =
        backup::system_mode(node.mode) & (is_owned ? kModeBits : kModeBits & ~kRunAsOwner);
    if ((status.st_mode & kModeBits) != mode && ::fchmod(fd, mode) != 0) {
        return file_error("set the mode of", path, errno);
    }
    if (!state.is_damaged && (state.is_new || !has_mtime(status, node)) &&
        ::futimens(fd, times_of(node).data()) != 0) {
        return file_error("set the times of", path, errno);
    }
    return {};
}

Result<> NodeMetadata::apply_at(int folder, const Node& node, const std::string& path) {
    const char* const name = node.name.c_str();
    struct stat status{};
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return file_error("look at", path, errno);
    }
    bool is_owned = true;
    if (!has_owner(status, node)) {
        TRY(is_owned,
            judge_owner(::fchownat(folder, name, node.uid, node.gid, AT_SYMLINK_NOFOLLOW), path));
    }
    TRY_OK(set_attributes(PathCalls{"/proc/self/fd/" + std::to_string(folder) + "/" + node.name},
                          node, path, false));
    const unsigned mode =
        backup::system_mode(node.mode) & (is_owned ? kModeBits : kModeBits & ~kRunAsOwner);
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return file_error("look at", path, errno);
    }
    if (!S_ISLNK(status.st_mode) && (status.st_mode & kModeBits) != mode &&
        ::fchmodat(folder, name, mode, AT_SYMLINK_NOFOLLOW) != 0) {
        return file_error("set the mode of", path, errno);
    }
    if (!has_mtime(status, node) &&
        ::utimensat(folder, name, times_of(node).data(), AT_SYMLINK_NOFOLLOW) != 0) {
        return file_error("set the times of", path, errno);
    }
    return {};
}

}  // namespace muster::adapters
