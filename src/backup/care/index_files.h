#pragma once

#include <cstdint>
#include <vector>

#include "backup/repository.h"

namespace muster::backup {

/// The index files of a repository, each with the packs that it lists.
struct IndexFiles {
    /// One file.
    struct File {
        ObjectId id;
        std::vector<std::uint32_t> packs;  ///< Their numbers in the index.
    };
    std::vector<File> files;              ///< Those that could be read, sorted by id.
    std::vector<ObjectId> unreadable;     ///< The others, sorted.
    std::vector<Error> problems;          ///< Why, one for each of these.
    std::vector<ObjectId> listed_twice;   ///< Packs that several files list, alike.
    std::vector<ObjectId> contradictory;  ///< Packs that several files list, but not alike.
};

/// Reads all index files, past the cache, into the repository's index, which is empty before. An
/// error is only what keeps it from being done: of what is damaged the result tells.
Result<IndexFiles> load_index_files(Repository& repository);

/// The blobs of a pack as the index has them, in the order of their offsets.
std::vector<PackedBlob> blobs_of_pack(const BlobIndex& index, std::uint32_t pack);

}  // namespace muster::backup
