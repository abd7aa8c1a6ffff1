#include "adapters/files/folder_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <utility>

#include "adapters/files/folder_names.h"
#include "adapters/files/node_status.h"
#include "adapters/os/file_write.h"
#include "adapters/os/unique_fd.h"

namespace muster::adapters {

using backup::ByteSpan;
using backup::ExtendedAttribute;
using backup::Node;
using backup::NodeType;
using backup::SourceFile;
using backup::SourceFolder;

namespace {

/// Opens for reading without marking it as read, where we may ask for that.
int open_quietly(int folder, const char* name, int flags) {
    const int fd = ::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOATIME | flags);
    return fd < 0 && errno == EPERM ? ::openat(folder, name, O_RDONLY | O_CLOEXEC | flags) : fd;
}

/// What is there, but is not what was listed, counts as gone.
Error gone_or(const std::string& what, const std::string& name, int number) {
    const bool is_other = number == ELOOP || number == ENOTDIR || number == ENXIO;
    return file_error(what, name, is_other ? ENOENT : number);
}

Result<std::string> read_target(int folder, const std::string& name) {
    std::string target(PATH_MAX, '\0');
    const auto size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0) {
        return file_error("read the symbolic link", name, errno);
    }
    target.resize(static_cast<std::size_t>(size));
    return target;
}

Result<Node> status_at(int folder, const std::string& name, bool are_devices_followed) {
    struct stat status{};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return file_error("look at", name, errno);
    }
    struct stat behind{};
    if (are_devices_followed && S_ISLNK(status.st_mode) &&
        ::fstatat(folder, name.c_str(), &behind, 0) == 0 && S_ISBLK(behind.st_mode)) {
        status = behind;
    }
    Node node = node_from(status);
    node.name = name;
    if (node.type == NodeType::kSymlink) {
        TRY(node.link_target, read_target(folder, name));
    }
    return node;
}

/// An entry of which the system tells nothing but its name.
Node unknown(const std::string& name, const Error& error) {
    Node node;
    node.name = name;
    node.type = NodeType::kIrregular;
    node.error = error.message();
    return node;
}

class OpenFile final : public SourceFile {
  public:
    OpenFile(UniqueFd fd, std::string name, const struct stat& status)
        : fd_(std::move(fd)), name_(std::move(name)), status_(status) {}

    void prepare() override { (void)::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_WILLNEED); }

    Result<std::size_t> read(ByteSpan into) override {
        std::size_t done = 0;
        while (done < into.size()) {
            const auto got = ::pread(fd_.get(), into.data() + done, into.size() - done, position_);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0) {
                return file_error("read", name_, errno);
            }
            done += static_cast<std::size_t>(got);
            position_ += got;
            if (got == 0 || (done < into.size() && is_end(position_))) {
                break;
            }
        }
        return done;
    }

    std::uint64_t hole() override {
        const off_t data = ::lseek(fd_.get(), position_, SEEK_DATA);
        struct stat status{};
        if (data < 0 && errno == ENXIO && ::fstat(fd_.get(), &status) == 0) {
            return status.st_size > position_  // Nothing but a hole up to the end.
                       ? static_cast<std::uint64_t>(status.st_size - position_)
                       : 0;
        }
        return data > position_ ? static_cast<std::uint64_t>(data - position_) : 0;
    }

    void skip(std::uint64_t bytes) override { position_ += static_cast<off_t>(bytes); }

    Result<Node> status() override {
        Node node = node_from(status_);
        node.name = name_;
        TRY(node.attributes, read_attributes(fd_.get(), name_));
        return node;
    }

  private:
    /// Whether a read that brought less than it might is known to have met the end.
    [[nodiscard]] bool is_end(off_t position) const {
        return S_ISREG(status_.st_mode) && position >= status_.st_size;
    }

    UniqueFd fd_;
    std::string name_;
    struct stat status_;  // When it was opened.
    off_t position_ = 0;
};

class OpenFolder final : public SourceFolder {
  public:
    OpenFolder(UniqueFd fd, std::string name, bool are_devices_followed)
        : fd_(std::move(fd)), name_(std::move(name)), are_devices_followed_(are_devices_followed) {}

    static Result<std::unique_ptr<SourceFolder>> make(int folder, const std::string& name,
                                                      int flags, bool are_devices_followed) {
        UniqueFd fd(open_quietly(folder, name.c_str(), O_DIRECTORY | flags));
        if (!fd.is_open()) {
            return gone_or("open the directory", name, errno);
        }
        return std::make_unique<OpenFolder>(std::move(fd), name, are_devices_followed);
    }

    Result<std::vector<Node>> list() override {
        TRY(auto names, list_names());
        std::ranges::sort(names);
        names.erase(std::ranges::unique(names).begin(), names.end());
        std::vector<Node> nodes;
        nodes.reserve(names.size());
        for (const auto& name : names) {
            auto node = status_at(fd_.get(), name, are_devices_followed_);
            if (!node && node.error().code() == Errc::kNotFound) {
                continue;  // Gone since.
            }
            if (!node) {  // A mount that hangs must not hide its neighbours.
                nodes.push_back(unknown(name, node.error()));
            } else if (node->type != NodeType::kSocket) {
                nodes.push_back(std::move(*node));
            }
        }
        return nodes;
    }

    Result<std::unique_ptr<SourceFolder>> open_folder(const std::string& name) override {
        return make(fd_.get(), name, O_NOFOLLOW, are_devices_followed_);
    }

    Result<std::unique_ptr<SourceFile>> open_file(const std::string& name) override {
        constexpr int kFlags = O_NONBLOCK | O_NOCTTY;
        UniqueFd fd(open_quietly(fd_.get(), name.c_str(), kFlags | O_NOFOLLOW));
        struct stat status{};
        if (!fd.is_open() && errno == ELOOP && are_devices_followed_) {
            fd.reset(open_quietly(fd_.get(), name.c_str(), kFlags));
            if (fd.is_open() && ::fstat(fd.get(), &status) == 0 && !S_ISBLK(status.st_mode)) {
                return file_error("open", name, ENOENT);
            }
        }
        if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) {
            return gone_or("open", name, errno);
        }
        if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
            return file_error("open", name, ENOENT);
        }
        return std::make_unique<OpenFile>(std::move(fd), name, status);
    }

    Result<std::vector<ExtendedAttribute>> attributes(const std::string& name) override {
        return read_attributes("/proc/self/fd/" + std::to_string(fd_.get()) + "/" + name);
    }

  private:
    Result<std::vector<std::string>> list_names() {
        // Not by ".", which takes the right to pass through the directory, not only to read it.
        return read_names(UniqueFd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)), name_);
    }

    UniqueFd fd_;
    std::string name_;
    bool are_devices_followed_;
};

}  // namespace

Result<Node> FolderSource::status(const std::string& path) {
    TRY(auto node, status_at(AT_FDCWD, path, are_devices_followed_));
    node.name = std::filesystem::path(path).filename().string();
    return node;
}

Result<std::unique_ptr<SourceFolder>> FolderSource::open_folder(const std::string& path) {
    return OpenFolder::make(AT_FDCWD, path, 0, are_devices_followed_);
}

std::string FolderSource::absolute(const std::string& path) {
    std::error_code failure;
    auto whole = std::filesystem::absolute(path, failure).lexically_normal().string();
    if (whole.size() > 1 && whole.ends_with('/')) {
        whole.pop_back();
    }
    return failure ? path : whole;
}

}  // namespace muster::adapters
