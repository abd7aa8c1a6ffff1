#include "adapters/files/folder_names.h"

#include <dirent.h>

#include <cerrno>
#include <memory>
#include <tuple>
#include <utility>

#include "adapters/os/file_write.h"

namespace muster::adapters {

namespace {

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

Result<std::vector<std::string>> read_names(UniqueFd directory, const std::string& path) {
    const std::unique_ptr<DIR, CloseFolder> folder(
        directory.is_open() ? ::fdopendir(directory.get()) : nullptr);
    if (!folder) {
        return file_error("list", path, errno);
    }
    std::ignore = directory.release();  // It is the folder's now.
    ::rewinddir(folder.get());
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr) {
            break;
        }
        std::string name = entry->d_name;  // NOLINT: the system's array
        if (name != "." && name != "..") {
            names.push_back(std::move(name));
        }
    }
    return errno == 0 ? Result<std::vector<std::string>>(std::move(names))
                      : file_error("list", path, errno);
}

}  // namespace muster::adapters
