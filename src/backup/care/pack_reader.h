#pragma once

#include <functional>

#include "backup/care/entry_set.h"
#include "backup/repository.h"

namespace muster::backup {

/// Reads wanted blobs out of packs, many with one read. One per thread; its buffer (about 12 MiB
/// with blobs of up to 8 MiB) is used again.
class PackReader {
  public:
    /// Gets a blob as it is stored.
    using Take = std::function<Result<>(const PackedBlob& blob, ByteView sealed)>;

    explicit PackReader(const Repository& repository) : repository_(repository) {}

    /// Hands out those of the pack's blobs that are in `wanted`, in the order of their offsets,
    /// each authenticated. Of one that is damaged another copy is taken; kCorrupt when none is
    /// good.
    Result<> read(std::uint32_t pack, const EntrySet& wanted, const Take& take);

  private:
    struct Placed {
        std::uint32_t number = 0;
        PackedBlob blob;
    };
    Result<> read_stretch(const ObjectId& pack, std::span<const Placed> blobs, const Take& take);
    Result<> take_other_copy(const Placed& damaged, const Take& take);

    const Repository& repository_;
    Buffer stored_;
};

}  // namespace muster::backup
