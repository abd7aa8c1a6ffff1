#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "backup/codec/chunk_scanner.h"

namespace muster::backup {

/// By which rule a file is cut into blobs.
enum class CutRule : std::uint8_t {
    kRestic,  ///< restic's: 512 KiB to 8 MiB, 1.5 MiB in the mean, so that both share blobs.
    kImage,   ///< For pages that end in zeros: 64 KiB to 1 MiB (docs/design/repository.md,
              ///< "Images").
};

/// Cuts a stream of bytes. One per file; the scanner is shared.
class Cutter {
  public:
    Cutter(const ChunkScanner& scanner, CutRule rule) : scanner_(scanner), rule_(rule) {}

    /// The length of the chunk that `data` begins with, or nothing when more data must be seen
    /// first. `is_end`: nothing follows. `data` is not empty.
    std::optional<std::size_t> next(ByteView data, bool is_end);

    /// The length of the chunks that nothing but zero bytes is cut into.
    [[nodiscard]] std::size_t zero_chunk() const;

    /// The longest chunk of the rule; with so many bytes `next` always has an answer.
    [[nodiscard]] std::size_t longest() const;

  private:
    const ChunkScanner& scanner_;
    CutRule rule_;
    std::vector<std::uint32_t> candidates_;
};

/// Files below this size are one blob under both rules.
constexpr std::size_t kSmallestCut = 512U << 10U;
constexpr std::size_t kSmallestImageCut = 64U << 10U;

/// Whether bytes look like pages of a database or a file system that end in zeros: so many that
/// restic's rule would only count pages.
bool looks_like_image(ByteView sample);

}  // namespace muster::backup
