#include "backup/codec/compressor.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace muster::backup {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Bytes bytes(size);
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
}

Bytes text_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string text;
    while (text.size() < size) {
        text += "line " + std::to_string(random() % 1000) + " of some log\n";
    }
    return {text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size)};
}

Bytes compressed(Compressor& compressor, ByteView plain) {
    Bytes out(Compressor::bound(plain.size()));
    out.resize(compressor.compress_data(plain, out));
    return out;
}

Bytes compressed_always(Compressor& compressor, ByteView plain) {
    Bytes out(Compressor::bound(plain.size()));
    out.resize(compressor.compress_always(plain, out));
    return out;
}

Bytes without_size(ByteView plain) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    Bytes out(ZSTD_compressBound(plain.size()));
    out.resize(ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size()));
    ZSTD_freeCCtx(context);
    EXPECT_EQ(ZSTD_getFrameContentSize(out.data(), out.size()), ZSTD_CONTENTSIZE_UNKNOWN);
    return out;
}

void expect_back(ByteView frame, ByteView plain) {
    Decompressor decompressor;
    Bytes back(plain.size());
    const auto done = decompressor.decompress(frame, ByteSpan(back));
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_TRUE(std::ranges::equal(back, plain));
    const auto whole = decompressor.decompress(frame, plain.size());
    ASSERT_TRUE(whole) << whole.error().message();
    EXPECT_TRUE(std::ranges::equal(whole->view(), plain));
}

TEST(Compressor, GivesFramesThatHoldTheirSize) {
    for (const auto mode : {Compression::kAuto, Compression::kMax}) {
        Compressor compressor(mode);
        for (const std::size_t size : {100UL, 5000UL, 40'000UL, 100'000UL, 1'500'000UL}) {
            const auto plain = text_bytes(size, size);
            const auto frame = compressed(compressor, plain);
            ASSERT_FALSE(frame.empty()) << size;
            EXPECT_LT(frame.size(), plain.size());
            EXPECT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()), size);
            EXPECT_EQ(ZSTD_findFrameCompressedSize(frame.data(), frame.size()), frame.size());
            EXPECT_EQ(frame[4] & 4U, 0U);  // RFC 8878, 3.1.1.1.1: the flag of the checksum.
            expect_back(frame, plain);
        }
    }
}

TEST(Compressor, HasAWindowThatEachReaderTakes) {
    const auto plain = Bytes(9'000'000, 1);
    Compressor compressor(Compression::kMax);
    const auto frame = compressed_always(compressor, plain);
    ZSTD_DCtx* context = ZSTD_createDCtx();
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23);
    Bytes back(plain.size());
    ZSTD_inBuffer input{frame.data(), frame.size(), 0};
    ZSTD_outBuffer output{back.data(), back.size(), 0};
    EXPECT_EQ(ZSTD_decompressStream(context, &output, &input), 0U);
    ZSTD_freeDCtx(context);
    EXPECT_EQ(back, plain);
}

TEST(Compressor, GainsByRareBytesWhereNothingRepeats) {
    Compressor compressor(Compression::kAuto);
    for (const std::size_t size : {20'000UL, 300'000UL}) {
        auto plain = random_bytes(size, size);
        for (auto& byte : plain) {
            byte &= 15U;  // Four bits of eight say something.
        }
        const auto frame = compressed(compressor, plain);
        ASSERT_FALSE(frame.empty());
        EXPECT_LT(frame.size(), size * 6 / 10);
    }
}

TEST(Compressor, LeavesAloneWhatIsNotWorthIt) {
    Compressor automatic(Compression::kAuto);
    Compressor off(Compression::kOff);
    for (const std::size_t size : {0UL, 1UL, 1000UL, 65'536UL, 2'000'000UL}) {
        EXPECT_TRUE(compressed(automatic, random_bytes(size, size)).empty()) << size;
        EXPECT_TRUE(compressed(off, text_bytes(size, size)).empty()) << size;
    }
}

TEST(Compressor, LeavesAloneWhatSavesLessThanThreePercent) {
    Compressor compressor(Compression::kAuto);
    auto plain = random_bytes(50'000, 1);
    std::fill_n(plain.begin(), 1000, 0);
    EXPECT_TRUE(compressed(compressor, plain).empty());
    std::fill_n(plain.begin(), 2000, 0);
    EXPECT_FALSE(compressed(compressor, plain).empty());
}

TEST(Compressor, IsNotFooledByARandomBeginning) {
    Compressor compressor(Compression::kAuto);
    auto plain = text_bytes(1'000'000, 1);
    std::ranges::copy(random_bytes(300'000, 2), plain.begin());
    const auto frame = compressed(compressor, plain);
    ASSERT_FALSE(frame.empty());
    expect_back(frame, plain);
}

TEST(Compressor, CompressesTreesAlways) {
    for (const auto mode : {Compression::kAuto, Compression::kMax, Compression::kOff}) {
        Compressor compressor(mode);
        for (const auto& plain :
             {Bytes{}, random_bytes(1000, 1), random_bytes(200'000, 2), text_bytes(100'000, 3)}) {
            const auto frame = compressed_always(compressor, plain);
            ASSERT_FALSE(frame.empty());
            expect_back(frame, plain);
        }
    }
}

TEST(Decompressor, ReadsFramesWithoutTheirSize) {
    for (const auto& plain : {Bytes{}, text_bytes(100, 1), text_bytes(1'000'000, 2),
                              random_bytes(300'000, 3), Bytes(5'000'000, 0)}) {
        expect_back(without_size(plain), plain);
    }
}

TEST(Decompressor, RefusesWhatFollowsAFrame) {
    Decompressor decompressor;
    Compressor compressor(Compression::kAuto);
    const auto plain = text_bytes(1000, 1);
    for (auto frame : {compressed(compressor, plain), without_size(plain)}) {
        frame.insert(frame.end(), frame.begin(), frame.end());
        const auto whole = decompressor.decompress(frame, 10'000);
        ASSERT_FALSE(whole);
        EXPECT_EQ(whole.error().code(), Errc::kCorrupt);
    }
}

TEST(Decompressor, RefusesAnEmptyCompressedBlockHoweverItIsRead) {
    // RFC 8878, 3.1.1: a header without a size, and a last block of type 2 with no bytes.
    const Bytes frame{0x28, 0xb5, 0x2f, 0xfd, 0, 0, 5, 0, 0};
    Decompressor decompressor;
    EXPECT_FALSE(decompressor.decompress(frame, ByteSpan()));
    const auto whole = decompressor.decompress(frame, 1000);
    ASSERT_FALSE(whole);
    EXPECT_EQ(whole.error().code(), Errc::kCorrupt);
}

TEST(Decompressor, RefusesMoreThanTheLimit) {
    Decompressor decompressor;
    const Bytes zeros(1'000'000, 0);
    Compressor compressor(Compression::kAuto);
    for (const auto& frame : {compressed(compressor, zeros), without_size(zeros)}) {
        const auto whole = decompressor.decompress(frame, zeros.size() - 1);
        ASSERT_FALSE(whole);
        EXPECT_EQ(whole.error().code(), Errc::kCorrupt);
    }
}

TEST(Decompressor, RefusesAnotherSize) {
    Decompressor decompressor;
    Compressor compressor(Compression::kAuto);
    const auto plain = text_bytes(1000, 1);
    const auto frame = compressed(compressor, plain);
    for (const std::size_t size : {0UL, 999UL, 1001UL}) {
        Bytes out(size);
        const auto done = decompressor.decompress(frame, ByteSpan(out));
        ASSERT_FALSE(done) << size;
        EXPECT_EQ(done.error().code(), Errc::kCorrupt);
    }
    EXPECT_FALSE(decompressor.decompress({}, ByteSpan()));
}

TEST(Decompressor, RefusesWhatIsCutShort) {
    Decompressor decompressor;
    Compressor compressor(Compression::kAuto);
    const auto plain = text_bytes(2000, 1);
    Bytes out(plain.size());
    for (const auto& frame : {compressed(compressor, plain), without_size(plain)}) {
        for (std::size_t size = 0; size < frame.size(); ++size) {
            const auto part = ByteView(frame).first(size);
            EXPECT_FALSE(decompressor.decompress(part, ByteSpan(out))) << size;
            const auto whole = decompressor.decompress(part, plain.size());
            ASSERT_FALSE(whole) << size;
            EXPECT_EQ(whole.error().code(), Errc::kCorrupt);
        }
    }
}

TEST(Decompressor, EndsWellWithDamagedFrames) {
    Decompressor decompressor;
    Compressor compressor(Compression::kAuto);
    const auto plain = text_bytes(3000, 1);
    std::mt19937_64 random(2);
    for (auto frame : {compressed(compressor, plain), without_size(plain)}) {
        for (int round = 0; round < 3000; ++round) {
            auto damaged = frame;
            damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
            const auto whole = decompressor.decompress(damaged, 10'000);
            EXPECT_TRUE(whole ? whole->size() <= 10'000 : whole.error().code() == Errc::kCorrupt);
        }
    }
    expect_back(compressed(compressor, plain), plain);
}

}  // namespace
}  // namespace muster::backup
