#include "adapters/mount/snapshot_mount.h"

#define FUSE_USE_VERSION 35  // NOLINT: how libfuse is told which of its interfaces is meant

#include <fcntl.h>
#include <fuse.h>
#include <fuse_lowlevel.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

namespace muster::adapters {

using backup::Node;
using backup::SnapshotView;
using backup::Tree;
using backup::ViewPlace;

namespace {

constexpr double kKeptSeconds = 60;  // What a snapshot holds never changes.
constexpr Duration kWatchEvery = std::chrono::milliseconds(100);
constexpr int kIdleThreads = 10;
constexpr fuse_fill_dir_flags kPlain{};  // An entry without its attributes.

/// What the calls of libfuse work on.
struct Served {
    SnapshotView& view;
    const MountSettings& settings;
};

Served& served() {
    return *static_cast<Served*>(fuse_get_context()->private_data);
}

/// The system's number for an error; what is no plain "there is no such file" is told as well.
int refuse(const char* path, const Error& error) {
    if (SnapshotView::says_nothing_there(error, path)) {
        return -ENOENT;
    }
    served().view.report(path, error);
    return -EIO;
}

timespec time_of(const backup::NodeTime& time) {
    return {time.seconds, static_cast<long>(time.nanoseconds)};
}

struct stat status_of(const ViewPlace& place) {
    constexpr std::uint64_t kSector = 512;
    constexpr long kBlock = 4096;
    const Node& node = *place.node;
    struct stat status{};
    status.st_ino = place.inode();
    status.st_mode = backup::system_mode(node.mode);
    status.st_nlink = node.links != 0 ? node.links : (node.is_directory() ? 2 : 1);
    if (!served().settings.is_owner_root) {
        status.st_uid = node.uid;
        status.st_gid = node.gid;
    }
    status.st_rdev = node.device;
    const std::uint64_t size =
        node.type == backup::NodeType::kSymlink ? node.link_target.size() : node.size;
    status.st_size = static_cast<off_t>(size);
    status.st_blksize = kBlock;
    status.st_blocks = static_cast<blkcnt_t>((size + kSector - 1) / kSector);
    status.st_mtim = time_of(node.mtime);
    status.st_atim = time_of(node.atime);
    status.st_ctim = time_of(node.ctime);
    return status;
}

/// An open directory: what it held when it was opened.
struct OpenFolder {
    ViewPlace place;
    std::shared_ptr<const Tree> tree;
};

template <class Handle>
std::uint64_t keep_handle(std::unique_ptr<Handle> handle) {
    return reinterpret_cast<std::uint64_t>(handle.release());  // NOLINT: libfuse keeps a number
}
template <class Handle>
Handle* handle_of(const fuse_file_info* info) {
    return reinterpret_cast<Handle*>(info->fh);  // NOLINT
}

int get_attributes(const char* path, struct stat* status, fuse_file_info*) {
    const auto place = served().view.find(path);
    if (!place) {
        return refuse(path, place.error());
    }
    *status = status_of(*place);
    return 0;
}

int read_link(const char* path, char* into, size_t size) {
    const auto place = served().view.find(path);
    if (!place) {
        return refuse(path, place.error());
    }
    if (place->node->type != backup::NodeType::kSymlink) {
        return -EINVAL;
    }
    const std::string& target = place->node->link_target;
    const std::size_t count = std::min(size - 1, target.size());
    std::memcpy(into, target.data(), count);
    into[count] = '\0';
    return 0;
}

int open_folder(const char* path, fuse_file_info* info) {
    auto place = served().view.find_to_list(path);
    if (!place) {
        return refuse(path, place.error());
    }
    if (!place->node->is_directory()) {
        return -ENOTDIR;
    }
    auto tree = served().view.list(*place);
    if (!tree) {
        return refuse(path, tree.error());
    }
    info->fh =
        keep_handle(std::make_unique<OpenFolder>(OpenFolder{std::move(*place), std::move(*tree)}));
    return 0;
}

/// Entry 0 is ".", 1 is "..", the others follow; the kernel asks again from where it got to.
// NOLINTNEXTLINE(readability-function-size): libfuse wants six parameters
int read_folder(const char*, void* buffer, fuse_fill_dir_t fill, off_t offset, fuse_file_info* info,
                fuse_readdir_flags flags) {
    const auto& folder = *handle_of<OpenFolder>(info);
    const bool is_full = (static_cast<unsigned>(flags) & FUSE_READDIR_PLUS) != 0;
    for (auto i = static_cast<std::size_t>(offset); i < folder.tree->size() + 2; ++i) {
        const auto next = static_cast<off_t>(i + 1);
        if (i < 2) {
            if (fill(buffer, i == 0 ? "." : "..", nullptr, next, kPlain) != 0) {
                return 0;
            }
            continue;
        }
        const ViewPlace place = SnapshotView::child(folder.place, folder.tree, i - 2);
        const struct stat status = status_of(place);
        const auto how = is_full ? FUSE_FILL_DIR_PLUS : kPlain;
        if (fill(buffer, (*folder.tree)[i - 2].name.c_str(), &status, next, how) != 0) {
            return 0;
        }
    }
    return 0;
}

int close_folder(const char*, fuse_file_info* info) {
    const std::unique_ptr<OpenFolder> folder(handle_of<OpenFolder>(info));
    return 0;
}

int open_file(const char* path, fuse_file_info* info) {
    if ((info->flags & O_ACCMODE) != O_RDONLY) {
        return -EROFS;
    }
    const auto place = served().view.find(path);
    if (!place) {
        return refuse(path, place.error());
    }
    auto file = served().view.open(*place);
    if (!file) {
        return refuse(path, file.error());
    }
    info->fh = keep_handle(std::move(*file));
    return 0;
}

int read_file(const char* path, char* into, size_t size, off_t offset, fuse_file_info* info) {
    const auto got = handle_of<backup::FileView>(info)->read(
        static_cast<std::uint64_t>(offset),
        {reinterpret_cast<std::uint8_t*>(into), size});  // NOLINT: bytes are bytes
    return got ? static_cast<int>(*got) : refuse(path, got.error());
}

int close_file(const char*, fuse_file_info* info) {
    const std::unique_ptr<backup::FileView> file(handle_of<backup::FileView>(info));
    return 0;
}

/// A value in the manner of getxattr(2): its size when there is no room, ERANGE when too little.
int give(std::string_view value, char* into, size_t size) {
    if (size != 0 && size < value.size()) {
        return -ERANGE;
    }
    if (size != 0) {
        std::memcpy(into, value.data(), value.size());
    }
    return static_cast<int>(value.size());
}

int get_extended(const char* path, const char* name, char* into, size_t size) {
    const auto place = served().view.find(path);
    if (!place) {
        return refuse(path, place.error());
    }
    const auto& all = place->node->attributes;
    const auto found = std::ranges::find(all, name, &backup::ExtendedAttribute::name);
    return found == all.end() ? -ENODATA : give(found->value, into, size);
}

int list_extended(const char* path, char* into, size_t size) {
    const auto place = served().view.find(path);
    if (!place) {
        return refuse(path, place.error());
    }
    std::string names;
    for (const auto& attribute : place->node->attributes) {
        names.append(attribute.name).push_back('\0');
    }
    return give(names, into, size);
}

void* begin(fuse_conn_info*, fuse_config* config) {
    config->use_ino = 1;
    config->readdir_ino = 1;
    config->nullpath_ok = 0;
    config->auto_cache = 1;
    config->entry_timeout = kKeptSeconds;
    config->attr_timeout = kKeptSeconds;
    config->negative_timeout = 0;  // A new snapshot's name may appear at any time.
    return fuse_get_context()->private_data;
}

fuse_operations operations() {
    fuse_operations calls{};
    calls.getattr = get_attributes;
    calls.readlink = read_link;
    calls.opendir = open_folder;
    calls.readdir = read_folder;
    calls.releasedir = close_folder;
    calls.open = open_file;
    calls.read = read_file;
    calls.release = close_file;
    calls.getxattr = get_extended;
    calls.listxattr = list_extended;
    calls.init = begin;
    return calls;
}

/// What libfuse says goes into our error, not onto the terminal.
struct FuseMessages {
    static FuseMessages& of_process() {
        static FuseMessages messages;  // NOLINT: libfuse's callback has no other place
        return messages;
    }
    static void take(fuse_log_level, const char* format, va_list arguments) {
        std::array<char, 512> line{};
        std::vsnprintf(line.data(), line.size(), format, arguments);  // NOLINT
        auto& messages = of_process();
        const std::scoped_lock lock(messages.mutex);
        messages.text = line.data();
        while (messages.text.ends_with('\n')) {
            messages.text.pop_back();
        }
    }
    std::mutex mutex;
    std::string text;
};

Result<> check_folder(const std::string& folder) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0) {
        return Error(errno == ENOENT ? Errc::kNotFound : Errc::kDenied,
                     "can't mount at " + folder + ": " + std::strerror(errno),
                     errno == ENOTCONN ? "a mount that was not ended lies there: umount " + folder
                                       : "make the folder first: mkdir " + folder);
    }
    if (!S_ISDIR(status.st_mode)) {
        return Error(Errc::kInvalid, "can't mount at " + folder + ": it is no directory");
    }
    std::error_code failure;
    if (!std::filesystem::is_empty(folder, failure) || failure) {
        return Error(Errc::kInvalid, "can't mount at " + folder + ": it is not empty",
                     "what is in it would be hidden: make an empty folder for the mount");
    }
    if (::access("/dev/fuse", R_OK | W_OK) != 0) {
        return Error(errno == ENOENT ? Errc::kNotFound : Errc::kDenied,
                     std::string("can't use /dev/fuse: ") + std::strerror(errno),
                     "install FUSE (apt install fuse3); in a container also give it /dev/fuse");
    }
    return {};
}

/// A mount runs for days: what its caches let go shall not stay with the allocator, which keeps
/// blocks of some MiB for each thread once it has seen such blocks freed.
void give_memory_back() {
    constexpr int kOwnMapping = 256 << 10;
    constexpr int kArenas = 2;
    ::mallopt(M_MMAP_THRESHOLD, kOwnMapping);
    ::mallopt(M_ARENA_MAX, kArenas);
}

std::string options_of(const MountSettings& settings) {
    std::string options = "ro,nosuid,nodev,fsname=muster,subtype=muster";
    if (settings.is_for_others) {
        options += ",allow_other";
        options += settings.are_permissions_ignored ? "" : ",default_permissions";
    }
    return options;
}

std::atomic<bool> is_hung_up = false;  // NOLINT: signal handlers have no other place

/// While it lives, SIGHUP only asks to end, and SIGUSR1 only wakes who waits.
class Signals {
  public:
    Signals() {
        struct sigaction action{};
        action.sa_handler = [](int) {};
        ::sigaction(SIGUSR1, &action, &old_wake_);
        action.sa_handler = [](int) { is_hung_up = true; };
        ::sigaction(SIGHUP, &action, &old_hang_up_);
    }
    ~Signals() {
        ::sigaction(SIGUSR1, &old_wake_, nullptr);
        ::sigaction(SIGHUP, &old_hang_up_, nullptr);
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

  private:
    struct sigaction old_wake_{};
    struct sigaction old_hang_up_{};
};

/// Serves until the end is asked for. libfuse's loop waits for a semaphore, from which only a
/// signal to its very thread wakes it; one that is missed is followed by the next.
int serve(fuse* mounted, backup::Host& host) {
    const Signals signals;
    const pthread_t loop = ::pthread_self();
    std::atomic<bool> is_over = false;
    std::jthread watcher([&] {
        while (!is_over) {
            std::this_thread::sleep_for(kWatchEvery);
            if (!is_over && (host.is_stopped() || is_hung_up)) {
                fuse_session_exit(fuse_get_session(mounted));
                ::pthread_kill(loop, SIGUSR1);
            }
        }
    });
    fuse_loop_config config{};
    config.max_idle_threads = kIdleThreads;
    const int status = fuse_loop_mt(mounted, &config);
    is_over = true;
    watcher.join();
    return status;
}

}  // namespace

Result<> serve_mount(SnapshotView& view, backup::Host& host, const MountSettings& settings,
                     const std::function<void()>& on_ready) {
    TRY_OK(check_folder(settings.folder));
    give_memory_back();
    fuse_set_log_func(FuseMessages::take);
    const auto failed = [&](const std::string& what) {
        return Error(Errc::kDenied, what + ": " + FuseMessages::of_process().text,
                     "mounting takes root or fusermount3 (apt install fuse3); --allow-other also "
                     "takes user_allow_other in /etc/fuse.conf");
    };
    Served all{view, settings};
    const auto calls = operations();
    std::string options = options_of(settings);
    std::array<char, 7> name{"muster"};
    std::array<char, 3> flag{"-o"};
    std::array<char*, 3> words{name.data(), flag.data(), options.data()};
    fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(words.size()), words.data());
    fuse* made = fuse_new(&arguments, &calls, sizeof calls, &all);
    fuse_opt_free_args(&arguments);
    if (made == nullptr) {
        return failed("can't make a mount");
    }
    const std::unique_ptr<fuse, void (*)(fuse*)> mounted(made, fuse_destroy);
    if (fuse_mount(made, settings.folder.c_str()) != 0) {
        return failed("can't mount at " + settings.folder);
    }
    on_ready();
    const int status = serve(made, host);
    fuse_unmount(made);
    return status < 0 ? Result<>(Error(Errc::kUnavailable,
                                       std::string("the mount broke: ") + std::strerror(-status)))
                      : Result<>();
}

}  // namespace muster::adapters
