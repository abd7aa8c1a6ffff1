#include "adapters/files/folder_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <deque>
#include <filesystem>
#include <mutex>
#include <utility>

#include "adapters/files/folder_removal.h"
#include "adapters/files/node_status.h"
#include "adapters/files/restored_file.h"
#include "adapters/os/file_write.h"
#include "adapters/os/unique_fd.h"

namespace muster::adapters {

using backup::Node;
using backup::NodeType;
using backup::TargetFile;
using backup::TargetFolder;

namespace {

constexpr std::size_t kOpenFolders = 256;  // Descriptors are few; the rest is opened again.
constexpr unsigned kOwnFolder = 0700;      // Until it gets its own mode.
constexpr unsigned kOwnFile = 0600;
constexpr unsigned kPlainModes = 0777;
constexpr const char* kDefaultAcl = "system.posix_acl_default";
constexpr const char* kAccessAcl = "system.posix_acl_access";

}  // namespace

/// What the directories of one target have in common.
struct FolderTarget::Shared {
    RestoredPlace place;
    std::optional<FolderIdentity> kept;
    std::mutex mutex;
    std::deque<std::weak_ptr<Folder>> open;  // In the order in which they were opened.
};

class FolderTarget::Folder final : public TargetFolder,
                                   public std::enable_shared_from_this<Folder> {
  public:
    /// A descriptor may be in use when its directory's turn to be closed comes: whoever uses it
    /// shares it.
    using SharedFd = std::shared_ptr<const UniqueFd>;

    Folder(Shared& shared, std::shared_ptr<Folder> parent, std::string name, bool is_new)
        : shared_(shared), parent_(std::move(parent)), name_(std::move(name)), is_new_(is_new) {}

    /// Looks at what was opened; once, before anybody else has it.
    Result<> begin(UniqueFd fd);
    /// Whoever is not root can't write to a directory of their own that says so.
    void allow_writing();

    [[nodiscard]] bool is_new() const override { return is_new_; }
    Result<std::optional<Node>> look(const std::string& name) override;
    Result<std::vector<std::string>> list() override;
    Result<std::shared_ptr<TargetFolder>> make_folder(const std::string& name) override;
    Result<std::shared_ptr<TargetFolder>> open_folder(const std::string& name) override;
    Result<std::unique_ptr<TargetFile>> create_file(const Node& node) override;
    Result<std::unique_ptr<TargetFile>> open_file(const std::string& name,
                                                  bool is_changed) override;
    Result<> write_file(const Node& node, backup::ByteView content) override;
    Result<> make_other(const Node& node) override;
    Result<> link(const std::string& name, TargetFolder& folder, const std::string& first) override;
    Result<> remove(const std::string& name) override;
    Result<> finish(const Node& node) override;

  private:
    Result<SharedFd> fd();
    Result<SharedFd> reopen();
    void close_one_day();
    [[nodiscard]] std::string path() const { return parent_ ? parent_->path_of(name_) : name_; }
    [[nodiscard]] std::string path_of(const std::string& name) const {
        const std::string own = path();
        return own.ends_with('/') ? own + name : own + "/" + name;
    }
    Result<std::shared_ptr<Folder>> open_child(int fd, const std::string& name, bool is_new);
    Result<UniqueFd> create(const Node& node, unsigned mode);
    Result<bool> make_way(int fd, const std::string& name);
    int make_node(int fd, const Node& node) const;
    bool is_there(int fd, const Node& node) const;

    Shared& shared_;
    std::shared_ptr<Folder> parent_;  // Kept as long as anything in it: the way to it.
    std::string name_;
    bool is_new_;
    bool is_bare_ = false;    // It was made without any extended attribute.
    bool gives_acl_ = false;  // What is made in it gets an ACL.
    dev_t device_ = 0;
    ino_t inode_ = 0;
    std::mutex mutex_;
    SharedFd fd_;
};

Result<> FolderTarget::Folder::begin(UniqueFd fd) {
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
        return file_error("look at", path(), errno);
    }
    if (FolderIdentity(status) == shared_.kept) {
        return refuse_repository(path());
    }
    device_ = status.st_dev;
    inode_ = status.st_ino;
    is_bare_ = is_new_ && !(parent_ && parent_->gives_acl_);
    if (is_new_ && !is_bare_) {  // It gets those of the snapshot at the end.
        ::fremovexattr(fd.get(), kDefaultAcl);
        ::fremovexattr(fd.get(), kAccessAcl);
    }
    gives_acl_ = !is_new_ && ::fgetxattr(fd.get(), kDefaultAcl, nullptr, 0) > 0;
    fd_ = std::make_shared<const UniqueFd>(std::move(fd));
    close_one_day();
    return {};
}

void FolderTarget::Folder::allow_writing() {
    struct stat status{};
    const auto user = shared_.place.metadata.user();
    if (user != 0 && ::fstat(fd_->get(), &status) == 0 && status.st_uid == user &&
        (status.st_mode & kOwnFolder) != kOwnFolder) {
        ::fchmod(fd_->get(), (status.st_mode & kPlainModes) | kOwnFolder);  // Else writing tells.
    }
}

void FolderTarget::Folder::close_one_day() {
    if (!parent_) {
        return;
    }
    std::shared_ptr<Folder> oldest;
    {
        const std::scoped_lock lock(shared_.mutex);
        shared_.open.push_back(weak_from_this());
        if (shared_.open.size() > kOpenFolders) {
            oldest = shared_.open.front().lock();
            shared_.open.pop_front();
        }
    }
    if (oldest) {
        const std::scoped_lock lock(oldest->mutex_);
        oldest->fd_.reset();
    }
}

Result<FolderTarget::Folder::SharedFd> FolderTarget::Folder::fd() {
    {
        const std::scoped_lock lock(mutex_);
        if (fd_) {
            return fd_;
        }
    }
    return reopen();
}

Result<FolderTarget::Folder::SharedFd> FolderTarget::Folder::reopen() {
    TRY(const auto above, parent_->fd());
    UniqueFd opened(
        ::openat(above->get(), name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!opened.is_open() || ::fstat(opened.get(), &status) != 0) {
        return shared_.place.fail("open", path(), errno);
    }
    if (status.st_dev != device_ || status.st_ino != inode_) {
        return Error(Errc::kConflict, path() + " was replaced while it was restored to");
    }
    auto shared = std::make_shared<const UniqueFd>(std::move(opened));
    {
        const std::scoped_lock lock(mutex_);
        fd_ = shared;
    }
    close_one_day();
    return shared;
}

Result<std::optional<Node>> FolderTarget::Folder::look(const std::string& name) {
    TRY(const auto at, fd());
    struct stat status{};
    if (::fstatat(at->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Result<std::optional<Node>>(std::nullopt)
                               : shared_.place.fail("look at", path_of(name), errno);
    }
    Node node = node_from(status);
    node.name = name;
    if (node.type == NodeType::kSymlink) {
        std::string target(PATH_MAX, '\0');
        const auto size = ::readlinkat(at->get(), name.c_str(), target.data(), target.size());
        target.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        node.link_target = std::move(target);
    }
    return std::optional(std::move(node));
}

Result<std::vector<std::string>> FolderTarget::Folder::list() {
    TRY(const auto at, fd());
    return list_names(at->get(), path());
}

Result<std::shared_ptr<FolderTarget::Folder>> FolderTarget::Folder::open_child(
    int fd, const std::string& name, bool is_new) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd opened(::openat(fd, name.c_str(), kFlags));
    if (!opened.is_open() && errno == EACCES &&
        ::fchmodat(fd, name.c_str(), kOwnFolder, AT_SYMLINK_NOFOLLOW) == 0) {
        opened.reset(::openat(fd, name.c_str(), kFlags));
    }
    if (!opened.is_open()) {
        return shared_.place.fail("open the directory", path_of(name),
                                  errno == ELOOP ? ENOTDIR : errno);
    }
    auto child = std::make_shared<Folder>(shared_, shared_from_this(), name, is_new);
    TRY_OK(child->begin(std::move(opened)));
    return child;
}

Result<std::shared_ptr<TargetFolder>> FolderTarget::Folder::open_folder(const std::string& name) {
    TRY(const auto at, fd());
    TRY(auto child, open_child(at->get(), name, false));
    return std::shared_ptr<TargetFolder>(std::move(child));
}

Result<std::shared_ptr<TargetFolder>> FolderTarget::Folder::make_folder(const std::string& name) {
    TRY(const auto at, fd());
    bool is_new = ::mkdirat(at->get(), name.c_str(), kOwnFolder) == 0;
    if (!is_new && errno != EEXIST) {
        return shared_.place.fail("make the directory", path_of(name), errno);
    }
    struct stat status{};
    if (!is_new && ::fstatat(at->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISDIR(status.st_mode)) {
        const bool is_made = ::unlinkat(at->get(), name.c_str(), 0) == 0 &&
                             ::mkdirat(at->get(), name.c_str(), kOwnFolder) == 0;
        if (!is_made) {
            return shared_.place.fail("put a directory in the place of", path_of(name), errno);
        }
        is_new = true;
    }
    TRY(auto child, open_child(at->get(), name, is_new));
    if (!is_new) {
        child->allow_writing();
    }
    return std::shared_ptr<TargetFolder>(std::move(child));
}

/// Removes what is there, unless it is a directory: true when the name is free.
Result<bool> FolderTarget::Folder::make_way(int fd, const std::string& name) {
    if (::unlinkat(fd, name.c_str(), 0) == 0 || errno == ENOENT) {
        return true;
    }
    if (errno == EISDIR) {
        return Error(Errc::kConflict, path_of(name) + " is a directory, and is not replaced",
                     "remove it, or use --delete");
    }
    return shared_.place.fail("replace", path_of(name), errno);
}

Result<UniqueFd> FolderTarget::Folder::create(const Node& node, unsigned mode) {
    constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    TRY(const auto at, fd());
    UniqueFd fd(::openat(at->get(), node.name.c_str(), kFlags, mode));
    if (!fd.is_open() && errno == EEXIST) {
        TRY_OK(make_way(at->get(), node.name));
        fd.reset(::openat(at->get(), node.name.c_str(), kFlags, mode));
    }
    if (!fd.is_open()) {
        return shared_.place.fail("create", path_of(node.name), errno);
    }
    return fd;
}

Result<std::unique_ptr<TargetFile>> FolderTarget::Folder::create_file(const Node& node) {
    TRY(auto fd, create(node, kOwnFile));
    auto file =
        std::make_unique<RestoredFile>(shared_.place, std::move(fd), path_of(node.name),
                                       MetadataState{.is_new = true, .is_bare = !gives_acl_});
    TRY_OK(file->reserve(node.size));
    return std::unique_ptr<TargetFile>(std::move(file));
}

Result<> FolderTarget::Folder::write_file(const Node& node, backup::ByteView content) {
    // With its own mode from the start, which saves a call, where that opens it to nobody else.
    const bool is_own = node.uid == shared_.place.metadata.user();
    TRY(auto fd, create(node, is_own ? backup::system_mode(node.mode) & kPlainModes : kOwnFile));
    RestoredFile file(shared_.place, std::move(fd), path_of(node.name),
                      {.is_new = true, .is_bare = !gives_acl_});
    TRY_OK(file.write(0, content));
    if (shared_.place.is_sparse) {
        TRY_OK(file.resize(content.size()));  // It may end in a hole.
    }
    return file.finish(node, false);
}

Result<std::unique_ptr<TargetFile>> FolderTarget::Folder::open_file(const std::string& name,
                                                                    bool is_changed) {
    const int flags = (is_changed ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    TRY(const auto at, fd());
    UniqueFd fd(::openat(at->get(), name.c_str(), flags));
    if (!fd.is_open() && errno == EACCES &&
        ::fchmodat(at->get(), name.c_str(), kOwnFile, AT_SYMLINK_NOFOLLOW) == 0) {
        fd.reset(::openat(at->get(), name.c_str(), flags));
    }
    struct stat status{};
    if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) {
        return shared_.place.fail("open", path_of(name), errno == ELOOP ? ENOENT : errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return file_error("open", path_of(name), ENOENT);
    }
    return std::make_unique<RestoredFile>(shared_.place, std::move(fd), path_of(name),
                                          MetadataState{});
}

bool FolderTarget::Folder::is_there(int fd, const Node& node) const {
    struct stat status{};
    if (::fstatat(fd, node.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    const Node there = node_from(status);
    if (there.type != node.type || there.device != node.device) {
        return false;
    }
    if (node.type != NodeType::kSymlink) {
        return true;
    }
    std::string target(node.link_target.size() + 1, '\0');
    const auto size = ::readlinkat(fd, node.name.c_str(), target.data(), target.size());
    return size >= 0 &&
           std::string_view(target.data(), static_cast<std::size_t>(size)) == node.link_target;
}

int FolderTarget::Folder::make_node(int fd, const Node& node) const {
    const char* const name = node.name.c_str();
    switch (node.type) {
        case NodeType::kSymlink:
            return ::symlinkat(node.link_target.c_str(), fd, name);
        case NodeType::kDevice:
            return ::mknodat(fd, name, S_IFBLK | kOwnFile, node.device);
        case NodeType::kCharDevice:
            return ::mknodat(fd, name, S_IFCHR | kOwnFile, node.device);
        default:
            return ::mkfifoat(fd, name, kOwnFile);
    }
}

Result<> FolderTarget::Folder::make_other(const Node& node) {
    TRY(const auto at, fd());
    if (!is_there(at->get(), node)) {
        int made = make_node(at->get(), node);
        if (made != 0 && errno == EEXIST) {
            TRY_OK(make_way(at->get(), node.name));
            made = make_node(at->get(), node);
        }
        if (made != 0) {
            return shared_.place.fail("make the " + std::string(to_string(node.type)),
                                      path_of(node.name), errno);
        }
    }
    return shared_.place.metadata.apply_at(at->get(), node, path_of(node.name));
}

Result<> FolderTarget::Folder::link(const std::string& name, TargetFolder& folder,
                                    const std::string& first) {
    TRY(const auto at, fd());
    TRY(const auto from, dynamic_cast<Folder&>(folder).fd());
    const auto make = [&] {
        return ::linkat(from->get(), first.c_str(), at->get(), name.c_str(), 0);
    };
    int made = make();
    if (made != 0 && errno == EEXIST) {
        TRY_OK(make_way(at->get(), name));
        made = make();
    }
    return made == 0 ? Result<>() : shared_.place.fail("make the hard link", path_of(name), errno);
}

Result<> FolderTarget::Folder::remove(const std::string& name) {
    TRY(const auto at, fd());
    return remove_at(at->get(), name, path_of(name), {device_, shared_.kept});
}

Result<> FolderTarget::Folder::finish(const Node& node) {
    TRY(const auto at, fd());
    return shared_.place.metadata.apply(at->get(), node, path(),
                                        {.is_new = is_new_, .is_bare = is_bare_});
}

FolderTarget::FolderTarget(std::string path, FolderTargetSettings settings)
    : path_(std::move(path)), shared_(std::make_unique<Shared>()) {
    shared_->place.is_sparse = settings.is_sparse;
    shared_->kept = FolderIdentity::of(settings.kept_folder);
}

FolderTarget::~FolderTarget() = default;

Result<std::shared_ptr<TargetFolder>> FolderTarget::open_root(bool is_made) {
    std::error_code failure;
    const auto whole = std::filesystem::weakly_canonical(path_, failure);
    for (auto above = whole; shared_->kept && above.has_relative_path();
         above = above.parent_path()) {
        if (FolderIdentity::of(above) == shared_->kept) {
            return refuse_repository(above);
        }
    }
    bool is_new = false;
    if (is_made) {
        is_new = std::filesystem::create_directories(path_, failure);
        if (failure) {
            return shared_->place.fail("make the directory", path_, failure.value());
        }
    }
    UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open()) {
        return shared_->place.fail("open the directory", path_, errno);
    }
    auto root = std::make_shared<Folder>(*shared_, nullptr, path_, is_new);
    TRY_OK(root->begin(std::move(fd)));
    return std::shared_ptr<TargetFolder>(std::move(root));
}

bool FolderTarget::is_full() const {
    return shared_->place.is_full;
}

std::uint64_t FolderTarget::reserved_failures() const {
    return shared_->place.metadata.reserved_failures();
}

}  // namespace muster::adapters
