#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backup/bytes.h"
#include "base/result.h"

namespace muster::backup {

/// The kinds of files that a repository consists of; each has its own place.
enum class FileKind : std::uint8_t { kConfig, kKey, kPack, kIndex, kSnapshot, kLock };

/// The place's name in the repository format: "config", "keys", "data", "index", "snapshots",
/// "locks".
std::string_view place_of(FileKind kind);

/// One file of a repository: its kind and its name, 64 hexadecimal digits; the config has none.
struct StoredName {
    FileKind kind = FileKind::kConfig;
    std::string name;
    auto operator<=>(const StoredName&) const = default;
    /// "snapshots/4f6d…", for messages.
    [[nodiscard]] std::string str() const;
};

struct Listed {
    std::string name;
    std::uint64_t size = 0;
    auto operator<=>(const Listed&) const = default;
};

/// What a user of a store may want to know of it.
struct StoreTraits {
    std::string location;      ///< For people; no secret in it.
    unsigned connections = 1;  ///< How many calls at once it is quickest with.
    bool is_local = false;     ///< Reading again costs next to nothing: no cache is needed.
};

/// The port to where a repository lies: files that are written once, whole, and never changed.
/// Calls block and may come from many threads at once. An implementation answers within a bounded
/// time; kUnavailable and kTimedOut promise that nothing happened, else it says kOutcomeUnknown.
class BlobStore {
  public:
    virtual ~BlobStore() = default;

    /// Makes the places. Nothing is changed where they are already.
    virtual Result<> create() = 0;
    /// All files of a kind whose name has 64 hexadecimal digits, in any order: either the whole
    /// list or an error; a list of which only a part arrived is an error (kUnavailable).
    virtual Result<std::vector<Listed>> list(FileKind kind) = 0;
    /// Its size in bytes. kNotFound.
    virtual Result<std::uint64_t> size(const StoredName& name) = 0;
    /// Fills `into` from `offset` on: all of it, or an error. kNotFound; kCorrupt when the file
    /// ends before; kUnavailable when less arrived than the store had promised.
    virtual Result<> read(const StoredName& name, std::uint64_t offset, ByteSpan into) = 0;
    /// The whole file. kNotFound; kUnavailable as above.
    virtual Result<Buffer> load(const StoredName& name) = 0;
    /// Writes it whole and durably: on success it survives a loss of power, before that nobody sees
    /// any of it. A file that is there already with this name is left or replaced by the same
    /// bytes, which is success, since names are hashes; but a config that is there is kConflict.
    /// kOutcomeUnknown when it may have been written.
    virtual Result<> write(const StoredName& name, ByteView content) = 0;
    /// kNotFound when it was not there; kDenied when it may not be removed (append-only, locked).
    virtual Result<> remove(const StoredName& name) = 0;
    [[nodiscard]] virtual StoreTraits traits() const = 0;
};

}  // namespace muster::backup
