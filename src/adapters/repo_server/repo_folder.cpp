#include "adapters/repo_server/repo_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/check.h"

namespace muster::adapters::repo_server {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kFolderMode = 0700;
constexpr std::size_t kNameDigits = 64;

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;

bool is_durably_removed(ObjectType type) {
    return type != ObjectType::kData && type != ObjectType::kLocks;
}

bool is_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<OpenFolder> open_folder(const std::string& path) {
    OpenFolder folder(::opendir(path.c_str()));
    if (!folder) {
        return file_error("can't list", path, errno);
    }
    return folder;
}

// Names of `digits` digits only, so that nothing else that lies there ever reaches a client.
Result<> each_name(const std::string& path, std::size_t digits,
                   const std::function<Result<>(DIR*, const std::string&)>& visit) {
    TRY(const auto folder, open_folder(path));
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr) {
            return errno == 0 ? Result<>() : file_error("can't list", path, errno);
        }
        const std::string name(static_cast<const char*>(entry->d_name));
        if (name.size() == digits && is_hex(name)) {
            TRY_OK(visit(folder.get(), name));
        }
    }
}

Result<> list_folder(const std::string& path, bool wants_sizes, const RepoFolder::Visit& visit) {
    return each_name(path, kNameDigits, [&](DIR* folder, const std::string& name) -> Result<> {
        struct stat entry{};
        const int place = ::dirfd(folder);
        CHECK(place >= 0);
        if (wants_sizes && ::fstatat(place, name.c_str(), &entry, 0) != 0) {
            // It was removed meanwhile.
            return errno == ENOENT ? Result<>() : file_error("can't look at", path, errno);
        }
        return visit({name, static_cast<std::uint64_t>(entry.st_size)});
    });
}

Result<> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
        return file_error("can't make", path, errno);
    }
    return {};
}

std::size_t remove_files(const fs::path& folder) {
    std::size_t removed = 0;
    std::error_code failure;
    for (fs::directory_iterator entries(folder, failure), end; !failure && entries != end;
         entries.increment(failure)) {
        std::error_code kept;
        removed += fs::remove(entries->path(), kept) ? 1 : 0;
    }
    return removed;
}

Result<> remove_left_below(const fs::path& folder, std::size_t depth, std::size_t* removed) {
    *removed += remove_files(folder / kUploads);
    if (depth == 0) {
        return {};
    }
    std::error_code failure;
    for (fs::directory_iterator entries(folder, failure), end; !failure && entries != end;
         entries.increment(failure)) {
        std::error_code gone;
        if (entries->is_directory(gone)) {
            TRY_OK(remove_left_below(entries->path(), depth - 1, removed));
        }
    }
    if (failure) {
        return file_error("can't list", folder.string(), failure.value());
    }
    return {};
}

}  // namespace

Error file_error(std::string_view what, const std::string& path, int code) {
    const std::string message =
        std::string(what) + " " + path + ": " + std::generic_category().message(code);
    switch (code) {
        case ENOENT:
        case ENOTDIR:
            return {Errc::kNotFound, message};
        case ENOSPC:
        case EDQUOT:
            return {Errc::kUnavailable, message, "make room"};
        default:
            return {Errc::kCorrupt, message};
    }
}

Result<> sync_folder(const std::string& path) {
    const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) {
        return file_error("can't open", path, errno);
    }
    // Some network file systems can't sync a folder; they do it by themselves, or not at all.
    if (::fsync(folder.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
        return file_error("can't sync", path, errno);
    }
    return {};
}

Result<> make_folders(const std::string& path) {
    const fs::path wanted(path);
    std::error_code failure;
    if (fs::is_directory(wanted, failure)) {
        return {};
    }
    const std::string parent = wanted.parent_path().string();
    TRY_OK(make_folders(parent));
    TRY_OK(make_folder(path));
    return sync_folder(parent);
}

std::string RepoFolder::holder(ObjectType type, const std::string& name) const {
    std::string folder = path_;
    if (type != ObjectType::kConfig) {
        folder += "/" + std::string(folder_name(type));
    }
    return type == ObjectType::kData ? folder + "/" + name.substr(0, 2) : folder;
}

std::string RepoFolder::file(ObjectType type, const std::string& name) const {
    return holder(type, name) + "/" + (type == ObjectType::kConfig ? "config" : name);
}

Result<> RepoFolder::create() const {
    TRY_OK(make_folders(path_));
    for (const auto type : {ObjectType::kData, ObjectType::kIndex, ObjectType::kKeys,
                            ObjectType::kLocks, ObjectType::kSnapshots}) {
        TRY_OK(make_folder(path_ + "/" + std::string(folder_name(type))));
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::string data = path_ + "/" + std::string(folder_name(ObjectType::kData));
    for (const char first : kDigits) {
        for (const char second : kDigits) {
            TRY_OK(make_folder(data + "/" + first + second));
        }
    }
    TRY_OK(sync_folder(data));
    return sync_folder(path_);
}

Result<RepoFolder::File> RepoFolder::open(ObjectType type, const std::string& name) const {
    const std::string path = file(type, name);
    // Not to be held up by a pipe that somebody has put there.
    UniqueFd descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!descriptor.is_open()) {
        return file_error("can't open", path, errno);
    }
    struct stat entry{};
    if (::fstat(descriptor.get(), &entry) != 0) {
        return file_error("can't look at", path, errno);
    }
    if (!S_ISREG(entry.st_mode)) {
        return Error{Errc::kCorrupt, path + " is not a file"};
    }
    return File{std::move(descriptor), static_cast<std::uint64_t>(entry.st_size)};
}

Result<std::uint64_t> RepoFolder::size(ObjectType type, const std::string& name) const {
    TRY(const auto opened, open(type, name));
    return opened.size;
}

Result<> RepoFolder::list(ObjectType type, bool wants_sizes, const Visit& visit) const {
    const std::string path = path_ + "/" + std::string(folder_name(type));
    if (type != ObjectType::kData) {
        return list_folder(path, wants_sizes, visit);
    }
    return each_name(path, 2, [&](DIR*, const std::string& name) {
        return list_folder(path + "/" + name, wants_sizes, visit);
    });
}

Result<std::uint64_t> RepoFolder::remove(ObjectType type, const std::string& name) const {
    TRY(const auto removed, size(type, name));
    const std::string path = file(type, name);
    if (::unlink(path.c_str()) != 0) {
        return file_error("can't remove", path, errno);
    }
    if (is_durably_removed(type)) {
        TRY_OK(sync_folder(holder(type, name)));
    }
    return removed;
}

Result<std::size_t> remove_left_uploads(const std::string& served) {
    std::size_t removed = 0;
    TRY_OK(remove_left_below(served, kMostFolders, &removed));
    return removed;
}

}  // namespace muster::adapters::repo_server
