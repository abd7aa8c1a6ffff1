#include "adapters/blob/local_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>

#include "adapters/os/file_write.h"
#include "adapters/os/unique_fd.h"
#include "backup/object_id.h"

namespace muster::adapters {

using backup::ByteSpan;
using backup::FileKind;
using backup::Listed;
using backup::StoredName;

namespace {

constexpr unsigned kFolderMode = 0700;
constexpr unsigned kConnections = 2;
constexpr std::size_t kPage = backup::Buffer::kPage;
constexpr std::size_t kLeastDirect = 1U << 20U;

bool is_id(std::string_view name) {
    return backup::ObjectId::parse(name).has_value();
}

Result<> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
        return file_error("make the directory", path, errno);
    }
    return {};
}

/// The same for all its parents.
Result<> make_folders(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        TRY_OK(make_folder(path.substr(0, slash)));
    }
    return make_folder(path);
}

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

/// The repository's files in one folder; none where the folder is not there.
Result<> list_folder(const std::string& path, std::vector<Listed>& files) {
    const Folder folder(::opendir(path.c_str()));
    if (!folder) {
        return errno == ENOENT ? Result<>{} : Result<>(file_error("list", path, errno));
    }
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr) {
            break;
        }
        const std::string name = entry->d_name;  // NOLINT: the system's array
        struct stat status{};
        if (!is_id(name)) {
            continue;
        }
        std::string whole = path;
        whole.append("/").append(name);
        if (::stat(whole.c_str(), &status) == 0) {
            files.push_back({name, static_cast<std::uint64_t>(status.st_size)});
        } else if (errno != ENOENT) {
            return file_error("look at", whole, errno);
        }
    }
    // A list of which only a part was read must not pass for a list.
    return errno == 0 ? Result<>{} : Result<>(file_error("list", path, errno));
}

/// Whether the page of this byte is in the page cache.
bool is_cached(int fd, std::uint64_t offset) {
    std::uint8_t byte = 0;
    const iovec place{&byte, 1};
    return ::preadv2(fd, &place, 1, static_cast<off_t>(offset), RWF_NOWAIT) == 1;
}

/// How much of the whole pages within was read around the page cache, which costs more to fill than
/// the disk takes, when the file is not in it. They must lie in memory as far from a page's begin
/// as in the file. 0: it was not possible, or would not help.
std::size_t read_pages(int fd, const std::string& path, std::uint64_t offset, ByteSpan into) {
    const auto address = reinterpret_cast<std::uintptr_t>(into.data());  // NOLINT
    if (into.size() < kLeastDirect || address % kPage != 0 || offset % kPage != 0) {
        return 0;
    }
    if (is_cached(fd, offset) && is_cached(fd, offset + into.size() - 1)) {
        return 0;
    }
    const UniqueFd direct(::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    const std::size_t pages = into.size() / kPage * kPage;
    std::size_t done = 0;
    while (direct.is_open() && done < pages) {
        const auto got = ::pread(direct.get(), into.data() + done, pages - done,
                                 static_cast<off_t>(offset + done));
        if (got <= 0 || static_cast<std::size_t>(got) % kPage != 0) {
            break;  // Whatever it is: reading the rest as usual tells.
        }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

Result<> read_at(int fd, const std::string& path, std::uint64_t offset, ByteSpan into) {
    while (!into.empty()) {
        const auto got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return file_error("read", path, errno);
        }
        if (got == 0) {
            return Error(Errc::kCorrupt, path + " ends " + std::to_string(into.size()) +
                                             " bytes before what is to be read of it");
        }
        into = into.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return {};
}

std::string temporary_name(const std::string& path) {
    static std::atomic<unsigned> count{0};  // NOLINT: only a name that is new in this process
    return path + "-tmp-" + std::to_string(::getpid()) + "-" + std::to_string(count.fetch_add(1));
}

}  // namespace

std::string LocalStore::folder_of(const StoredName& name) const {
    if (name.kind == FileKind::kConfig) {
        return path_;
    }
    const std::string place = path_ + "/" + std::string(backup::place_of(name.kind));
    return name.kind == FileKind::kPack ? place + "/" + name.name.substr(0, 2) : place;
}

std::string LocalStore::path_of(const StoredName& name) const {
    return folder_of(name) + "/" + (name.kind == FileKind::kConfig ? "config" : name.name);
}

Result<> LocalStore::create() {
    TRY_OK(make_folders(path_));
    for (const auto kind : {FileKind::kKey, FileKind::kPack, FileKind::kIndex, FileKind::kSnapshot,
                            FileKind::kLock}) {
        TRY_OK(make_folder(path_ + "/" + std::string(backup::place_of(kind))));
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const char high : kDigits) {
        for (const char low : kDigits) {
            TRY_OK(make_folder(path_ + "/data/" + high + low));
        }
    }
    return sync_folder(path_);
}

Result<std::vector<Listed>> LocalStore::list(FileKind kind) {
    std::vector<Listed> files;
    const std::string place = path_ + "/" + std::string(backup::place_of(kind));
    if (kind != FileKind::kPack) {
        TRY_OK(list_folder(place, files));
        return files;
    }
    const Folder folder(::opendir(place.c_str()));
    if (!folder) {
        return file_error("list", place, errno);
    }
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr) {
            break;
        }
        const std::string name = entry->d_name;  // NOLINT: the system's array
        if (name.size() == 2 && name != "..") {
            std::string below = place;
            TRY_OK(list_folder(below.append("/").append(name), files));
        }
    }
    if (errno != 0) {
        return file_error("list", place, errno);
    }
    return files;
}

Result<std::uint64_t> LocalStore::size(const StoredName& name) {
    const std::string path = path_of(name);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        return file_error("look at", path, errno);
    }
    return static_cast<std::uint64_t>(status.st_size);
}

Result<> LocalStore::read(const StoredName& name, std::uint64_t offset, ByteSpan into) {
    const std::string path = path_of(name);
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open()) {
        return file_error("open", path, errno);
    }
    if (into.size() >= kLeastDirect) {
        ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);  // So that asking does not read ahead.
    }
    const std::size_t head = std::min((kPage - offset % kPage) % kPage, into.size());
    TRY_OK(read_at(fd.get(), path, offset, into.first(head)));
    const std::size_t done = read_pages(fd.get(), path, offset + head, into.subspan(head));
    return read_at(fd.get(), path, offset + head + done, into.subspan(head + done));
}

Result<backup::Buffer> LocalStore::load(const StoredName& name) {
    const std::string path = path_of(name);
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) {
        return file_error("open", path, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return Error(Errc::kInvalid, path + " is no file");
    }
    backup::Buffer content(static_cast<std::size_t>(status.st_size));
    TRY_OK(read_at(fd.get(), path, 0, content.span()));
    return content;
}

Result<> LocalStore::write_beside(const StoredName& name, backup::ByteView content) {
    const std::string path = path_of(name);
    const std::string beside = temporary_name(path);
    TRY_OK(write_synced(beside, content));
    // A config is never replaced; for the rest the same name is the same content.
    const int status = name.kind == FileKind::kConfig
                           ? ::renameat2(AT_FDCWD, beside.c_str(), AT_FDCWD, path.c_str(), 1U)
                           : ::rename(beside.c_str(), path.c_str());
    if (status != 0) {
        const int number = errno;
        ::unlink(beside.c_str());
        return file_error("rename to", path, number);
    }
    return {};
}

Result<> LocalStore::write_once(const StoredName& name, backup::ByteView content) {
    auto written = write_synced_in(folder_of(name), path_of(name), content);
    if (written || written.error().code() == Errc::kNotFound) {
        return written;
    }
    // Where there are no files without a name, or the name is taken.
    const bool is_config = name.kind == FileKind::kConfig;
    const auto code = written.error().code();
    const bool may_replace = code == Errc::kConflict && !is_config;
    return code == Errc::kInvalid || may_replace ? write_beside(name, content) : written;
}

Result<> LocalStore::write(const StoredName& name, backup::ByteView content) {
    auto written = write_once(name, content);
    if (!written && written.error().code() == Errc::kNotFound && name.kind == FileKind::kPack) {
        TRY_OK(make_folder(folder_of(name)));
        TRY_OK(sync_folder(path_ + "/data"));
        written = write_once(name, content);
    }
    TRY_OK(std::move(written));
    return sync_folder(folder_of(name));
}

Result<> LocalStore::remove(const StoredName& name) {
    const std::string path = path_of(name);
    if (::unlink(path.c_str()) != 0) {
        return file_error("remove", path, errno);
    }
    return {};
}

backup::StoreTraits LocalStore::traits() const {
    return {path_, kConnections, true};
}

}  // namespace muster::adapters
