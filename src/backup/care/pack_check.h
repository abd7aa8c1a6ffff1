#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backup/codec/compressor.h"
#include "backup/repository.h"

namespace muster::backup {

/// What reading a pack showed.
struct PackFindings {
    std::vector<std::string> problems;   ///< Empty: all of it is good.
    std::vector<std::uint32_t> damaged;  ///< The index's entries that can't be restored.
};

/// Reads packs and proves every byte: the pack's name is its hash, its header says what the index
/// says, each blob authenticates, decompresses and hashes to its id. One per thread; what it holds
/// is used again for the next pack: about 35 MiB with packs of 16 MiB.
class PackChecker {
  public:
    explicit PackChecker(const Repository& repository) : repository_(repository) {}

    /// An error is a store that can't be read now; what is wrong with the pack is in the findings.
    Result<PackFindings> check(const ObjectId& pack, std::uint64_t size);

  private:
    struct Placed {
        std::uint32_t number = 0;
        PackedBlob blob;
    };
    /// A stretch of the pack that is read at once, with the blobs in it.
    struct Stretch {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::size_t first_blob = 0;
        std::size_t end_blob = 0;
    };

    Result<PackFindings> check_once(const ObjectId& pack, std::uint64_t size);
    void collect(const ObjectId& pack, std::uint64_t size);
    std::vector<Stretch> stretches(std::uint64_t size) const;
    void check_blobs(const Stretch& stretch);
    bool open(const Placed& placed, ByteView sealed);
    void flush();
    void check_header(const Stretch& stretch, std::uint64_t size);
    void complain(const Placed& placed, std::string_view how);

    const Repository& repository_;
    Decompressor decompressor_;
    Buffer stored_;  // The stretch as it is stored.
    Buffer frame_;   // A decrypted blob that is compressed.
    Buffer arena_;   // Contents that wait to be hashed.
    std::vector<Placed> blobs_;
    std::vector<ByteView> messages_;
    std::vector<std::size_t> waiting_;  // Whose content each message is; the pack itself: none.
    ObjectId pack_hash_;
    PackFindings findings_;
};

}  // namespace muster::backup
