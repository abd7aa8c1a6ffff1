#pragma once

#include <cstdint>
#include <memory>

#include "backup/bytes.h"
#include "base/result.h"

namespace muster::backup {

/// restic's words: `auto` compresses what gains by it, `max` harder, `off` only trees and indexes.
enum class Compression : std::uint8_t { kAuto, kMax, kOff };

/// One zstd frame per blob, with its content size and without a checksum (the blob is authenticated
/// anyway). Holds a context of libzstd: one per thread.
class Compressor {
  public:
    explicit Compressor(Compression mode);
    ~Compressor();
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;

    /// Room that any result needs.
    static std::size_t bound(std::size_t plain_size);
    /// Compresses into `out` (at least `bound`); the size of the frame. 0: it is not worth it (mode
    /// off, empty, or it saves less than 3 %), the blob is stored as it is. What can't be
    /// compressed is mostly recognised by samples, without the effort.
    std::size_t compress_data(ByteView plain, ByteSpan out);
    /// The same for trees, indexes and the like, which are always compressed.
    std::size_t compress_always(ByteView plain, ByteSpan out);

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

/// One context of libzstd for reading: one per thread.
class Decompressor {
  public:
    Decompressor();
    ~Decompressor();
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;

    /// Decompresses one frame into `out`, which has exactly the size of the content. kCorrupt.
    Result<> decompress(ByteView frame, ByteSpan out);
    /// The same when the size is not known beforehand; kCorrupt also beyond `limit` bytes.
    Result<Buffer> decompress(ByteView frame, std::size_t limit);

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

}  // namespace muster::backup
