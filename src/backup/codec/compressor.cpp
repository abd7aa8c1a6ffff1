#include "backup/codec/compressor.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <string>

#include "base/check.h"

namespace muster::backup {

namespace {

struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error damaged(std::size_t code) {
    return {Errc::kCorrupt, std::string("compressed data is damaged: ") + ZSTD_getErrorName(code)};
}

Error too_long(const std::string& how_much, std::size_t limit) {
    return {Errc::kCorrupt, "compressed data has " + how_much + " than the " +
                                std::to_string(limit) + " bytes that are allowed"};
}

}  // namespace

struct Compressor::Context {
    explicit Context(Compression wanted) : mode(wanted) { CHECK(zstd != nullptr); }

    Compression mode;
    std::unique_ptr<ZSTD_CCtx, Free> zstd{ZSTD_createCCtx()};

    void set(ZSTD_cParameter parameter, int value) {
        CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(zstd.get(), parameter, value)) == 0);
    }

    void tune(std::size_t size) {
        CHECK(ZSTD_isError(ZSTD_CCtx_reset(zstd.get(), ZSTD_reset_session_and_parameters)) == 0);
        if (mode == Compression::kMax) {
            set(ZSTD_c_compressionLevel, 19);
            return;
        }
        constexpr std::size_t kSmall = std::size_t{32} << 10U;
        set(ZSTD_c_compressionLevel, 1);
        set(ZSTD_c_strategy, ZSTD_fast);
        set(ZSTD_c_windowLog, 20);
        set(ZSTD_c_minMatch, 5);
        // A bigger table finds more and misses the cache more often; one for a small blob does not.
        set(ZSTD_c_hashLog, size <= kSmall ? 16 : 13);
        // How fast the search goes over what does not match. Beyond 1 this strategy would leave
        // literals as they are, unless it is told to compress them: zstd.h names the parameter
        // ZSTD_c_literalCompressionMode, and its value ZSTD_ps_enable, for static linking only.
        const bool packs_literals =
            ZSTD_isError(ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_experimentalParam5, 1)) == 0;
        set(ZSTD_c_targetLength, packs_literals ? 2 : 0);
    }

    std::size_t compress(ByteView plain, ByteSpan out) {
        const std::size_t size =
            ZSTD_compress2(zstd.get(), out.data(), out.size(), plain.data(), plain.size());
        CHECK(ZSTD_isError(size) == 0);
        return size;
    }

    /// Whether samples of a big blob say that it can't be compressed.
    bool looks_random(ByteView plain, ByteSpan scratch) {
        constexpr std::size_t kSample = std::size_t{4} << 10U;
        constexpr std::size_t kWorthwhile = std::size_t{64} << 10U;
        if (plain.size() < kWorthwhile) {
            return false;
        }
        for (const std::size_t eighth : {1U, 3U, 5U, 7U}) {
            const auto sample = plain.subspan(plain.size() / 8 * eighth, kSample);
            if (saves(sample.size(), compress(sample, scratch))) {
                return false;
            }
        }
        return true;
    }

    static bool saves(std::size_t plain, std::size_t compressed) {
        return compressed < plain - plain * 3 / 100;
    }
};

Compressor::Compressor(Compression mode) : context_(std::make_unique<Context>(mode)) {
}

Compressor::~Compressor() = default;

std::size_t Compressor::bound(std::size_t plain_size) {
    return ZSTD_compressBound(plain_size);
}

std::size_t Compressor::compress_data(ByteView plain, ByteSpan out) {
    if (context_->mode == Compression::kOff || plain.empty()) {
        return 0;
    }
    CHECK(out.size() >= bound(plain.size()));
    context_->tune(plain.size());
    if (context_->looks_random(plain, out)) {
        return 0;
    }
    const std::size_t size = context_->compress(plain, out);
    return Context::saves(plain.size(), size) ? size : 0;
}

std::size_t Compressor::compress_always(ByteView plain, ByteSpan out) {
    CHECK(out.size() >= bound(plain.size()));
    context_->tune(plain.size());
    return context_->compress(plain, out);
}

struct Decompressor::Context {
    std::unique_ptr<ZSTD_DCtx, Free> zstd{ZSTD_createDCtx()};

    /// For frames that don't tell their size. In one go like all others: libzstd's streams take
    /// frames (one with an empty compressed block) that it refuses otherwise.
    Result<Buffer> grow(ByteView frame, std::size_t limit) {
        if (const std::size_t first = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
            ZSTD_isError(first) == 0 && first != frame.size()) {
            return Error(Errc::kCorrupt, "something follows the compressed data");
        }
        constexpr std::size_t kLeast = std::size_t{64} << 10U;
        Buffer whole(std::min(limit, std::max(frame.size() * 4, kLeast)));
        while (true) {
            const std::size_t size = ZSTD_decompressDCtx(zstd.get(), whole.data(), whole.size(),
                                                         frame.data(), frame.size());
            if (ZSTD_isError(size) == 0) {
                whole.resize(size);
                return whole;
            }
            if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
                return damaged(size);
            }
            if (whole.size() == limit) {
                return too_long("more", limit);
            }
            whole.resize(std::min(limit, whole.size() * 2));
        }
    }
};

Decompressor::Decompressor() : context_(std::make_unique<Context>()) {
    CHECK(context_->zstd != nullptr);
}

Decompressor::~Decompressor() = default;

Result<> Decompressor::decompress(ByteView frame, ByteSpan out) {
    const std::size_t size = ZSTD_decompressDCtx(context_->zstd.get(), out.data(), out.size(),
                                                 frame.data(), frame.size());
    if (ZSTD_isError(size) != 0) {
        return damaged(size);
    }
    if (size != out.size() || frame.empty()) {
        return Error(Errc::kCorrupt, "compressed data has " + std::to_string(size) +
                                         " bytes, not " + std::to_string(out.size()));
    }
    return {};
}

Result<Buffer> Decompressor::decompress(ByteView frame, std::size_t limit) {
    const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (size == ZSTD_CONTENTSIZE_ERROR) {
        return Error(Errc::kCorrupt, "compressed data does not begin with a frame of zstd");
    }
    if (size == ZSTD_CONTENTSIZE_UNKNOWN) {
        return context_->grow(frame, limit);
    }
    if (size > limit) {
        return too_long(std::to_string(size) + " bytes, more", limit);
    }
    Buffer whole(size);
    TRY_OK(decompress(frame, whole.span()));
    return whole;
}

}  // namespace muster::backup
