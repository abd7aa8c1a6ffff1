#include "adapters/files/node_status.h"

#include <grp.h>
#include <pwd.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <functional>
#include <unordered_map>

#include "adapters/os/file_write.h"

namespace muster::adapters {

using backup::ExtendedAttribute;
using backup::Node;
using backup::NodeType;

namespace {

constexpr std::size_t kNameBuffer = 16'384;

std::string look_up_user(std::uint32_t uid) {
    std::array<char, kNameBuffer> buffer{};
    passwd account{};
    passwd* found = nullptr;
    ::getpwuid_r(uid, &account, buffer.data(), buffer.size(), &found);
    return found != nullptr ? found->pw_name : "";
}

std::string look_up_group(std::uint32_t gid) {
    std::array<char, kNameBuffer> buffer{};
    group record{};
    group* found = nullptr;
    ::getgrgid_r(gid, &record, buffer.data(), buffer.size(), &found);
    return found != nullptr ? found->gr_name : "";
}

/// Names are asked for once per thread: the system reads files or asks a server for each.
const std::string& user_name(std::uint32_t uid) {
    thread_local std::unordered_map<std::uint32_t, std::string> known;
    const auto [found, is_new] = known.try_emplace(uid);
    if (is_new) {
        found->second = look_up_user(uid);
    }
    return found->second;
}

const std::string& group_name(std::uint32_t gid) {
    thread_local std::unordered_map<std::uint32_t, std::string> known;
    const auto [found, is_new] = known.try_emplace(gid);
    if (is_new) {
        found->second = look_up_group(gid);
    }
    return found->second;
}

NodeType type_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return NodeType::kFile;
        case S_IFDIR:
            return NodeType::kDirectory;
        case S_IFLNK:
            return NodeType::kSymlink;
        case S_IFBLK:
            return NodeType::kDevice;
        case S_IFCHR:
            return NodeType::kCharDevice;
        case S_IFIFO:
            return NodeType::kFifo;
        case S_IFSOCK:
            return NodeType::kSocket;
        default:
            return NodeType::kIrregular;
    }
}

backup::NodeTime time_from(const timespec& time) {
    return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

/// How a list or a value is asked for: into `buffer`, or its size when that is empty.
using Ask = std::function<ssize_t(char* buffer, std::size_t size)>;

/// What the call gives, however long; errno in `number`.
std::string ask_all(const Ask& ask, int& number) {
    std::string text(256, '\0');
    for (;;) {
        const ssize_t got = ask(text.data(), text.size());
        if (got >= 0) {
            text.resize(static_cast<std::size_t>(got));
            number = 0;
            return text;
        }
        const ssize_t needed = errno == ERANGE ? ask(nullptr, 0) : -1;
        if (needed < 0) {
            number = errno;
            return {};
        }
        text.resize(static_cast<std::size_t>(needed) + 64);  // It may grow meanwhile.
    }
}

bool is_absent(int number) {
    return number == ENOTSUP || number == ENODATA || number == ENOENT;
}

using AskValue = std::function<ssize_t(const char* key, char* buffer, std::size_t size)>;

Result<std::vector<ExtendedAttribute>> collect(const Ask& ask_names, const AskValue& ask_value,
                                               const std::string& path) {
    int number = 0;
    const std::string names = ask_all(ask_names, number);
    std::vector<ExtendedAttribute> attributes;
    if (number != 0) {
        return is_absent(number) || number == EACCES || number == EPERM
                   ? Result<std::vector<ExtendedAttribute>>(attributes)
                   : file_error("read the extended attributes of", path, number);
    }
    for (std::size_t at = 0; at < names.size();) {
        const std::string key = names.substr(at, names.find('\0', at) - at);
        at += key.size() + 1;
        std::string value = ask_all(
            [&](char* buffer, std::size_t size) { return ask_value(key.c_str(), buffer, size); },
            number);
        if (number == 0) {
            attributes.push_back({key, std::move(value)});
        } else if (!is_absent(number) && number != EACCES && number != EPERM) {
            return file_error("read the extended attribute " + key + " of", path, number);
        }
    }
    return attributes;
}

}  // namespace

Node node_from(const struct stat& status) {
    Node node;
    node.type = type_of(status.st_mode);
    node.mode = backup::go_mode(status.st_mode);
    node.mtime = time_from(status.st_mtim);
    node.atime = time_from(status.st_atim);
    node.ctime = time_from(status.st_ctim);
    node.uid = status.st_uid;
    node.gid = status.st_gid;
    node.user = user_name(status.st_uid);
    node.group = group_name(status.st_gid);
    node.inode = status.st_ino;
    node.device_id = status.st_dev;
    if (node.is_file()) {
        node.size = static_cast<std::uint64_t>(status.st_size);
    }
    const bool is_device = node.type == NodeType::kDevice || node.type == NodeType::kCharDevice;
    if (node.is_file() || is_device || node.type == NodeType::kSymlink) {
        node.links = status.st_nlink;  // As restic: of these kinds only.
    }
    node.device = is_device ? status.st_rdev : 0;
    return node;
}

Result<std::vector<ExtendedAttribute>> read_attributes(int fd, const std::string& name) {
    return collect([fd](char* buffer, std::size_t size) { return ::flistxattr(fd, buffer, size); },
                   [fd](const char* key, char* buffer, std::size_t size) {
                       return ::fgetxattr(fd, key, buffer, size);
                   },
                   name);
}

Result<std::vector<ExtendedAttribute>> read_attributes(const std::string& path) {
    return collect(
        [&](char* buffer, std::size_t size) { return ::llistxattr(path.c_str(), buffer, size); },
        [&](const char* key, char* buffer, std::size_t size) {
            return ::lgetxattr(path.c_str(), key, buffer, size);
        },
        path);
}

}  // namespace muster::adapters
