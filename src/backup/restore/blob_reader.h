#pragma once

#include <functional>
#include <vector>

#include "backup/repository.h"

namespace muster::backup {

/// A blob that is wanted, and where its content goes.
struct WantedBlob {
    BlobPlace place;
    ByteSpan out;           ///< Of its size.
    std::size_t owner = 0;  ///< Whatever the caller knows it by.
};

/// Reads many blobs with few reads: they are put in the order in which they lie, and neighbours are
/// read at once. One thread; its buffer is kept for the next time.
class BlobReader {
  public:
    explicit BlobReader(const Repository& repository);

    /// Told which blob is lost, and why; its place holds anything then.
    using OnLost = std::function<void(const WantedBlob& blob, const Error& error)>;
    /// Fills all places, each authenticated. What is damaged where it was read is looked for in
    /// other packs before it is lost. The order of `wanted` changes.
    void read(std::vector<WantedBlob>& wanted, const OnLost& on_lost);

  private:
    struct Run;
    void read_run(const Run& run, const OnLost& on_lost);
    static bool is_repeated(const Run& run, std::size_t i);
    void settle(const Run& run, std::size_t i, const OnLost& on_lost);
    Result<> load_other_copy(const WantedBlob& blob) const;

    const Repository& repository_;
    std::uint64_t widest_gap_;
    Buffer sealed_;
    // Of the run that is being read, one for each of its blobs.
    std::vector<Result<>> opened_;
    std::vector<ByteView> contents_;
    std::vector<ObjectId> ids_;
};

}  // namespace muster::backup
