#include "adapters/os/secret_source.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "adapters/os/unique_fd.h"

namespace muster::adapters {
namespace {

constexpr std::size_t kMaxSecret = 64U << 10U;

Result<std::string> read_file(const std::string& path) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) {
        const int problem = errno;
        return Error{problem == ENOENT ? Errc::kNotFound : Errc::kDenied,
                     "can't read the secret file " + path + ": " + strerror(problem),
                     "create it, readable by the user that muster runs as"};
    }
    std::string text(kMaxSecret + 1, '\0');
    const auto got = read(file.get(), text.data(), text.size());
    if (got < 0) {
        return Error{Errc::kDenied, "can't read the secret file " + path + ": " + strerror(errno)};
    }
    text.resize(static_cast<std::size_t>(got));
    if (text.size() > kMaxSecret) {
        return Error{Errc::kInvalid, "the secret file " + path + " is longer than 64 KiB"};
    }
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.pop_back();
    }
    return text;
}

}  // namespace

Result<Secret> read_secret(const SecretSource& source) {
    if (source.file.empty() == source.environment.empty()) {
        return Error{Errc::kInvalid, "a secret needs a file or an environment variable, not both"};
    }
    std::string text;
    std::string place;
    if (!source.file.empty()) {
        TRY(text, read_file(source.file));
        place = "the secret file " + source.file;
    } else {
        const char* value = std::getenv(source.environment.c_str());
        if (value == nullptr) {
            return Error{Errc::kNotFound,
                         "the environment variable " + source.environment + " is not set",
                         "set it where muster is started"};
        }
        text = value;
        place = "the environment variable " + source.environment;
    }
    if (text.empty()) {
        return Error{Errc::kInvalid, place + " is empty"};
    }
    return Secret(std::move(text));
}

}  // namespace muster::adapters
