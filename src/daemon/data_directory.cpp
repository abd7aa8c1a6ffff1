#include "daemon/data_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "adapters/os/secret_source.h"

namespace muster::daemon {

namespace {

constexpr std::size_t kTokenLength = 32;

std::string reason() {
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): one thread starts a node
}

// Writes a new file of mode 0600 and syncs it; errno tells what failed.
bool write_new(const std::string& path, const std::string& content) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return false;
    }
    const auto size = ::write(file, content.data(), content.size());
    const bool is_whole = size == static_cast<ssize_t>(content.size()) && ::fsync(file) == 0;
    return ::close(file) == 0 && is_whole;
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path) {
    std::error_code failure;
    const auto parent = std::filesystem::path(path).parent_path();
    if (!parent.empty()) {
        std::filesystem::create_directories(parent, failure);
    }
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return Error{Errc::kDenied, "can't make the data directory " + path + ": " + reason(),
                     "choose another one with --data"};
    }
    struct stat entry{};
    if (::stat(path.c_str(), &entry) != 0 || !S_ISDIR(entry.st_mode)) {
        return Error{Errc::kInvalid, path + " is not a directory",
                     "choose another one with --data"};
    }
    if (entry.st_uid != ::geteuid()) {
        return Error{Errc::kDenied, "the data directory " + path + " belongs to another user",
                     "run muster as its owner, or choose another one with --data"};
    }
    if ((entry.st_mode & 077U) != 0 && ::chmod(path.c_str(), S_IRWXU) != 0) {
        return Error{Errc::kDenied, "can't close the data directory " + path + " to other users",
                     "run chmod 700 " + path};
    }
    if (::access(path.c_str(), W_OK | X_OK) != 0) {
        return Error{Errc::kDenied, "can't write the data directory " + path + ": " + reason(),
                     "run chmod 700 " + path +
                         ", mount its disk for writing, or choose another one with --data"};
    }
    return DataDirectory(std::filesystem::absolute(path, failure).lexically_normal().string());
}

Result<Secret> DataDirectory::token(Random& random) const {
    const auto path = file("token");
    struct stat entry{};
    if (::stat(path.c_str(), &entry) != 0) {
        TRY_OK(write("token", random.token(kTokenLength) + "\n"));
    } else if ((entry.st_mode & 077U) != 0) {
        return Error{Errc::kDenied, "other users may read the token " + path,
                     "remove the file; a new token is made at the next start"};
    }
    adapters::SecretSource source;
    source.file = path;
    return adapters::read_secret(source);
}

Result<> DataDirectory::write(const std::string& name, const std::string& content) const {
    const auto path = file(name);
    const auto fresh = path + ".new";
    if (!write_new(fresh, content) || ::rename(fresh.c_str(), path.c_str()) != 0) {
        return Error{Errc::kDenied, "can't write " + path + ": " + reason(),
                     "check the space and the permissions of " + path_};
    }
    return {};
}

void DataDirectory::remove(const std::string& name) const {
    ::unlink(file(name).c_str());
}

}  // namespace muster::daemon
