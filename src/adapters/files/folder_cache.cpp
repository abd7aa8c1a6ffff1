#include "adapters/files/folder_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "adapters/os/file_write.h"
#include "adapters/os/unique_fd.h"

namespace muster::adapters {

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return value == nullptr ? "" : value;
}

}  // namespace

Result<backup::Buffer> FolderCache::load(const std::string& name) {
    const std::string path = path_ + "/" + name;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) {
        return file_error("open", path, errno);
    }
    backup::Buffer content(static_cast<std::size_t>(status.st_size));
    std::size_t done = 0;
    while (done < content.size()) {
        const auto got = ::read(fd.get(), content.data() + done, content.size() - done);
        if (got <= 0) {
            return file_error("read", path, got < 0 ? errno : EIO);
        }
        done += static_cast<std::size_t>(got);
    }
    return content;
}

void FolderCache::store(const std::string& name, backup::ByteView content) {
    std::error_code failure;
    std::filesystem::create_directories(path_, failure);
    const std::string path = path_ + "/" + name;
    const std::string beside = path + ".tmp-" + std::to_string(::getpid());
    const UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd.is_open()) {
        return;
    }
    while (!content.empty()) {
        const auto written = ::write(fd.get(), content.data(), content.size());
        if (written <= 0) {
            ::unlink(beside.c_str());
            return;
        }
        content = content.subspan(static_cast<std::size_t>(written));
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) {
        ::unlink(beside.c_str());
    }
}

Result<> FolderCache::read(const std::string& name, std::uint64_t offset, backup::ByteSpan into) {
    const std::string path = path_ + "/" + name;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open()) {
        return file_error("open", path, errno);
    }
    const auto got = ::pread(fd.get(), into.data(), into.size(), static_cast<off_t>(offset));
    return got == static_cast<ssize_t>(into.size()) ? Result<>{}
                                                    : Result<>(file_error("read", path, EIO));
}

void FolderCache::keep_only(const std::string& prefix, const std::vector<std::string>& names) {
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(path_, failure)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(prefix) && !std::ranges::binary_search(names, name)) {
            std::filesystem::remove(entry.path(), failure);
        }
    }
}

std::string default_cache_folder() {
    if (const auto folder = environment("XDG_CACHE_HOME"); !folder.empty()) {
        return folder + "/muster";
    }
    const auto home = environment("HOME");
    return home.empty() ? "" : home + "/.cache/muster";
}

}  // namespace muster::adapters
