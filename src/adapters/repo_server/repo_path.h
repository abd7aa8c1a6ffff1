#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::adapters::repo_server {

/// What lies in a repository: restic's design document, "Repository Format".
enum class ObjectType { kConfig, kData, kIndex, kKeys, kLocks, kSnapshots };

/// The name in URLs, which is that of the file or the folder: "config", "data" …
std::string_view folder_name(ObjectType type);

/// What a request is about.
struct Target {
    enum class Kind {
        kRepository,  ///< `/` after the repository's path.
        kList,        ///< `/TYPE/`
        kObject,      ///< `/config` or `/TYPE/NAME`
    };
    Kind kind = Kind::kRepository;
    std::vector<std::string> folders;  ///< The repository's path, decoded; at most `kMostFolders`.
    ObjectType type = ObjectType::kConfig;
    std::string name;            ///< 64 digits of [0-9a-f]; empty for the config.
    bool asks_creation = false;  ///< `?create=true`
};

inline constexpr std::size_t kMostFolders = 2;

/// Reads a request's target. Nothing unless it names something that may exist: the parts of a
/// repository's path are neither empty nor too long, don't begin with a dot and hold no slash,
/// backslash or control character, not even encoded. So no target leads out of the served folder.
std::optional<Target> read_target(std::string_view target);

}  // namespace muster::adapters::repo_server
