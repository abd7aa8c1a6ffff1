// What a hostile store may hand out: bytes that claim to be sealed, and, behind the seal, frames of
// zstd. Whatever is sealed or compressed here must come back as it was.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "backup/codec/compressor.h"
#include "backup/codec/seal.h"

namespace {

using namespace muster::backup;

constexpr std::size_t kLimit = std::size_t{1} << 20U;

void demand(bool is_so) {
    if (!is_so) {
        std::abort();
    }
}

void try_seal(ByteView bytes) {
    static const Sealer kSealer{MasterKey()};
    static constexpr Iv kIv{1};
    Buffer opened(std::max(bytes.size(), Sealer::kOverhead) - Sealer::kOverhead);
    demand(!kSealer.open(bytes, opened.span()));
    Buffer sealed(bytes.size() + Sealer::kOverhead);
    kSealer.seal(bytes, kIv, sealed.span());
    opened.resize(bytes.size());
    demand(kSealer.open(sealed.view(), opened.span()).has_value());
    demand(std::ranges::equal(opened.view(), bytes));
}

void try_frame(ByteView bytes) {
    static Decompressor decompressor;
    static Compressor compressor(Compression::kAuto);
    const auto whole = decompressor.decompress(bytes, kLimit);
    if (whole) {
        demand(whole->size() <= kLimit);
        Buffer again(whole->size());
        demand(decompressor.decompress(bytes, again.span()).has_value());
        demand(std::ranges::equal(again.view(), whole->view()));
    }
    Buffer frame(Compressor::bound(bytes.size()));
    frame.resize(compressor.compress_always(bytes, frame.span()));
    const auto back = decompressor.decompress(frame.view(), bytes.size());
    demand(back.has_value() && std::ranges::equal(back->view(), bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try_seal({data, size});
    try_frame({data, size});
    return 0;
}
