#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backup/bytes.h"
#include "backup/codec/polynomial.h"

namespace muster::backup {

/// Finds where restic's chunker may cut. The Rabin digest that decides at a position is a function
/// of the 64 bytes before it alone, so positions are found in any order, by many streams at once;
/// who cuts applies the smallest and the largest size afterwards. May be used by many threads at
/// once.
class ChunkScanner {
  public:
    static constexpr std::size_t kWindow = 64;           ///< Bytes that a digest depends on.
    static constexpr std::uint64_t kRareMask = 0xfffff;  ///< restic's rule: 20 bits are zero.

    explicit ChunkScanner(Polynomial polynomial);
    ~ChunkScanner();
    ChunkScanner(const ChunkScanner&) = delete;
    ChunkScanner& operator=(const ChunkScanner&) = delete;

    /// Appends, ascending, each position p of `data` (at most 1 GiB) with max(from, kWindow) <= p
    /// <= data.size() whose window `data[p - 64, p)` has (digest & kRareMask) == 0: a chunk may end
    /// there.
    void scan(ByteView data, std::size_t from, std::vector<std::uint32_t>& candidates) const;
    /// The same for any mask of low bits (2^n - 1, n >= 12), but without windows whose digest is 0,
    /// which is, in practice, without runs of zero bytes (docs/design/repository.md, "Images").
    void scan_nonzero(ByteView data, std::size_t from, std::uint64_t mask,
                      std::vector<std::uint32_t>& candidates) const;

  private:
    struct Tables;
    std::unique_ptr<Tables> tables_;
};

}  // namespace muster::backup
