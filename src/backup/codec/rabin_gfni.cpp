#include "backup/codec/rabin.h"
#include "base/check.h"

// One digest per lane: register j holds byte j of the digests of 64 streams, each a segment of the
// data. A digest is kept three bits to the left, so that its 53 bits end with a byte. Then one step
//
//   digest * x^8 + coming - leaving * x^512   (mod polynomial)
//
// is a shift by one register, and three functions of single bytes: what the top byte becomes at
// x^53, what the byte contributes that leaves, where the one that comes goes. They are linear over
// GF(2), so each of their bytes is an 8 x 8 matrix of bits: one GF2P8AFFINEQB for 64 streams. There
// are no tables in memory, and so none whose look-ups tell about the polynomial.
//
// The streams' bytes come 64 from each and are transposed, so that one register holds what all
// streams read in one step.

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <bit>

#define MUSTER_GFNI __attribute__((target("gfni,avx512f,avx512bw,avx512dq")))
#define MUSTER_GFNI_INLINE MUSTER_GFNI __attribute__((always_inline)) inline

namespace muster::backup::rabin {

namespace {

constexpr std::size_t kStreams = 64;
constexpr std::size_t kBlock = 64;  // Bytes that a stream takes at once.
constexpr std::size_t kBytes = 7;   // Of a shifted digest.
constexpr unsigned kShift = 3;
/// An odd number of cache lines: the streams then don't compete for the same place in the cache.
constexpr std::size_t kMaxBlocks = 129;
constexpr std::size_t kMinBlocks = 5;

/// 64 rows of 64 bytes.
struct alignas(64) Square {
    std::array<std::array<std::uint8_t, 64>, 64> rows;
};

/// The matrices as GF2P8AFFINEQB takes them.
struct Matrices {
    std::array<std::uint64_t, kBytes> top;
    std::array<std::uint64_t, kBytes> leaving;
    std::array<std::uint64_t, 2> coming;
};

/// The matrix of byte `index` of a linear function, from the values of 1, 2, 4, …, 128.
std::uint64_t matrix_of(const std::array<std::uint64_t, 8>& values, std::size_t index) {
    std::uint64_t matrix = 0;
    for (unsigned in = 0; in < 8; ++in) {
        for (unsigned out = 0; out < 8; ++out) {
            const std::uint64_t bit = values[in] << kShift >> (8 * index + out) & 1U;
            matrix |= bit << (8 * (7 - out) + in);
        }
    }
    return matrix;
}

Matrices matrices_of(const Tables& tables) {
    std::array<std::uint64_t, 8> top{};
    std::array<std::uint64_t, 8> leaving{};
    std::array<std::uint64_t, 8> coming{};
    for (unsigned bit = 0; bit < 8; ++bit) {
        const auto byte = static_cast<std::uint8_t>(1U << bit);
        top[bit] = tables.reduced(byte);
        leaving[bit] = tables.left(byte);
        coming[bit] = byte;
    }
    Matrices matrices{};
    for (std::size_t i = 0; i < kBytes; ++i) {
        matrices.top[i] = matrix_of(top, i);
        matrices.leaving[i] = matrix_of(leaving, i);
    }
    matrices.coming = {matrix_of(coming, 0), matrix_of(coming, 1)};
    return matrices;
}

using Eight = __m512i[8];  // NOLINT: std::array drops the attributes of the type.

/// Register j then holds, in lane l, columns 16 l + 2 j and 16 l + 2 j + 1 of the eight rows.
MUSTER_GFNI_INLINE void interleave_bytes(Eight& rows) {
    Eight pairs;
    Eight fours;
    for (std::size_t i = 0; i < 4; ++i) {
        pairs[2 * i] = _mm512_unpacklo_epi8(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi8(rows[2 * i], rows[2 * i + 1]);
    }
    for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t half = 0; half < 2; ++half) {
            const __m512i upper = pairs[4 * i + half];
            const __m512i lower = pairs[4 * i + 2 + half];
            fours[4 * i + 2 * half] = _mm512_unpacklo_epi16(upper, lower);
            fours[4 * i + 2 * half + 1] = _mm512_unpackhi_epi16(upper, lower);
        }
    }
    for (std::size_t i = 0; i < 4; ++i) {
        rows[2 * i] = _mm512_unpacklo_epi32(fours[i], fours[4 + i]);
        rows[2 * i + 1] = _mm512_unpackhi_epi32(fours[i], fours[4 + i]);
    }
}

/// Transposes 8 x 8 words of 64 bits.
MUSTER_GFNI_INLINE void transpose_words(Eight& rows) {
    Eight pairs;
    Eight fours;
    for (std::size_t i = 0; i < 4; ++i) {
        pairs[i] = _mm512_unpacklo_epi64(rows[2 * i], rows[2 * i + 1]);      // Even columns.
        pairs[4 + i] = _mm512_unpackhi_epi64(rows[2 * i], rows[2 * i + 1]);  // Odd columns.
    }
    for (std::size_t odd = 0; odd < 2; ++odd) {
        const __m512i* from = pairs + 4 * odd;
        __m512i* to = fours + 4 * odd;
        to[0] = _mm512_shuffle_i64x2(from[0], from[1], 0x88);  // Lanes 0, 2 of each.
        to[1] = _mm512_shuffle_i64x2(from[2], from[3], 0x88);
        to[2] = _mm512_shuffle_i64x2(from[0], from[1], 0xdd);  // Lanes 1, 3.
        to[3] = _mm512_shuffle_i64x2(from[2], from[3], 0xdd);
        rows[odd] = _mm512_shuffle_i64x2(to[0], to[1], 0x88);
        rows[4 + odd] = _mm512_shuffle_i64x2(to[0], to[1], 0xdd);
        rows[2 + odd] = _mm512_shuffle_i64x2(to[2], to[3], 0x88);
        rows[6 + odd] = _mm512_shuffle_i64x2(to[2], to[3], 0xdd);
    }
}

/// Row c of `out` becomes byte c of each stream.
MUSTER_GFNI void load_transposed(const std::uint8_t* from, std::size_t stride, Square& out) {
    Square half;
    for (std::size_t group = 0; group < 8; ++group) {
        Eight rows;
        for (std::size_t i = 0; i < 8; ++i) {
            rows[i] = _mm512_loadu_si512(from + (8 * group + i) * stride);
        }
        interleave_bytes(rows);
        for (std::size_t i = 0; i < 8; ++i) {
            _mm512_store_si512(half.rows[8 * i + group].data(), rows[i]);
        }
    }
    for (std::size_t pair = 0; pair < 8; ++pair) {
        Eight rows;
        for (std::size_t i = 0; i < 8; ++i) {
            rows[i] = _mm512_load_si512(half.rows[8 * pair + i].data());
        }
        transpose_words(rows);
        for (std::size_t i = 0; i < 8; ++i) {
            const std::size_t column = 16 * (i / 2) + 2 * pair + i % 2;
            _mm512_store_si512(out.rows[column].data(), rows[i]);
        }
    }
}

/// What stays the same during a scan.
struct Plan {
    Matrices matrices;
    Rule rule;
};

/// The digests of all streams, byte by byte.
struct alignas(64) Digests {
    std::array<std::array<std::uint8_t, 64>, kBytes> bytes{};
};
/// By step, the streams whose digest then is a candidate.
using Hits = std::array<std::uint64_t, kBlock>;

MUSTER_GFNI_INLINE std::uint64_t hits_of(const __m512i* digest, const Rule& rule) {
    __m512i tested = _mm512_setzero_si512();
    __m512i all = _mm512_setzero_si512();
    for (std::size_t i = 0; i < kBytes; ++i) {
        const auto byte = static_cast<char>(rule.mask << kShift >> (8 * i));
        tested = _mm512_or_si512(tested, _mm512_and_si512(digest[i], _mm512_set1_epi8(byte)));
        all = _mm512_or_si512(all, digest[i]);
    }
    const std::uint64_t hits = _mm512_testn_epi8_mask(tested, tested);
    return rule.takes_zero ? hits : hits & ~_mm512_testn_epi8_mask(all, all);
}

/// Takes one block of each stream; whether there are hits at all.
MUSTER_GFNI bool step_block(const Plan& plan, const Square& leaving, const Square& coming,
                            Digests& digests, Hits& hits) {
    const auto& [matrices, rule] = plan;
    __m512i digest[kBytes];        // NOLINT
    __m512i top_matrix[kBytes];    // NOLINT
    __m512i leave_matrix[kBytes];  // NOLINT
    for (std::size_t i = 0; i < kBytes; ++i) {
        digest[i] = _mm512_load_si512(digests.bytes[i].data());
        top_matrix[i] = _mm512_set1_epi64(static_cast<long long>(matrices.top[i]));
        leave_matrix[i] = _mm512_set1_epi64(static_cast<long long>(matrices.leaving[i]));
    }
    const __m512i come_low = _mm512_set1_epi64(static_cast<long long>(matrices.coming[0]));
    const __m512i come_high = _mm512_set1_epi64(static_cast<long long>(matrices.coming[1]));
    const __m512i mask_1 = _mm512_set1_epi8(static_cast<char>(rule.mask << kShift >> 8U));
    const __m512i mask_2 = _mm512_set1_epi8(static_cast<char>(rule.mask << kShift >> 16U));
    constexpr int kXor = 0x96;    // a ^ b ^ c
    constexpr int kOrAnd = 0xf8;  // a | (b & c)
    std::uint64_t any = 0;
    for (std::size_t step = 0; step < kBlock; ++step) {
        const __m512i in = _mm512_load_si512(coming.rows[step].data());
        const __m512i out = _mm512_load_si512(leaving.rows[step].data());
        const __m512i top = digest[kBytes - 1];
        for (std::size_t i = kBytes - 1; i > 0; --i) {
            digest[i] = _mm512_ternarylogic_epi64(
                digest[i - 1], _mm512_gf2p8affine_epi64_epi8(top, top_matrix[i], 0),
                _mm512_gf2p8affine_epi64_epi8(out, leave_matrix[i], 0), kXor);
        }
        digest[1] = _mm512_xor_si512(digest[1], _mm512_gf2p8affine_epi64_epi8(in, come_high, 0));
        digest[0] =
            _mm512_ternarylogic_epi64(_mm512_gf2p8affine_epi64_epi8(in, come_low, 0),
                                      _mm512_gf2p8affine_epi64_epi8(top, top_matrix[0], 0),
                                      _mm512_gf2p8affine_epi64_epi8(out, leave_matrix[0], 0), kXor);
        // The first 21 bits; the mask has at least those of the first byte.
        __m512i tested = _mm512_ternarylogic_epi64(digest[0], digest[1], mask_1, kOrAnd);
        tested = _mm512_ternarylogic_epi64(tested, digest[2], mask_2, kOrAnd);
        hits[step] = _mm512_testn_epi8_mask(tested, tested);
        if (hits[step] != 0) [[unlikely]] {
            hits[step] = hits_of(digest, rule);
            any |= hits[step];
        }
    }
    for (std::size_t i = 0; i < kBytes; ++i) {
        _mm512_store_si512(digests.bytes[i].data(), digest[i]);
    }
    return any != 0;
}

/// Hits by stream and block, a bit for each step.
class Board {
  public:
    void put(std::size_t block, const Hits& hits) {
        words_.resize(kStreams * (block + 1));
        std::uint64_t* words = words_.data() + kStreams * block;
        for (std::size_t step = 0; step < kBlock; ++step) {
            for (std::uint64_t left = hits[step]; left != 0; left &= left - 1) {
                words[std::countr_zero(left)] |= std::uint64_t{1} << step;
            }
        }
    }

    void list(std::size_t from, std::size_t segment, Positions& candidates) const {
        for (std::size_t stream = 0; stream < kStreams && !words_.empty(); ++stream) {
            for (std::size_t at = stream; at < words_.size(); at += kStreams) {
                for (std::uint64_t left = words_[at]; left != 0; left &= left - 1) {
                    const auto step = static_cast<std::size_t>(std::countr_zero(left));
                    const std::size_t position =
                        from + stream * segment + at / kStreams * kBlock + step + 1;
                    candidates.push_back(static_cast<std::uint32_t>(position));
                }
            }
        }
    }

    void clear() { words_.clear(); }

  private:
    std::vector<std::uint64_t> words_;  ///< Those of a block after those of the one before it.
};

/// The buffers of one scan.
struct Desk {
    std::array<Square, 2> squares;
    Hits hits;
    Plan plan;
    Board board;
};

/// Tests the 64 * 64 * blocks positions after `from`.
void scan_streams(Desk& desk, const std::uint8_t* from, std::size_t blocks) {
    const std::size_t segment = blocks * kBlock;
    Digests digests;
    desk.squares[1] = {};
    load_transposed(from - kWindow, segment, desk.squares[0]);
    step_block(desk.plan, desk.squares[1], desk.squares[0], digests, desk.hits);
    for (std::size_t block = 0; block < blocks; ++block) {
        const Square& leaving = desk.squares[block % 2];
        Square& coming = desk.squares[(block + 1) % 2];
        load_transposed(from + block * kBlock, segment, coming);
        if (step_block(desk.plan, leaving, coming, digests, desk.hits)) {
            desk.board.put(block, desk.hits);
        }
    }
}

}  // namespace

bool has_gfni() {
    return __builtin_cpu_supports("gfni") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

void scan_gfni(const Tables& tables, ByteView data, std::size_t from, const Rule& rule,
               Positions& candidates) {
    if (data.size() - from < kStreams * kBlock * kMinBlocks) {
        scan_portable(tables, data, from, rule, candidates);
        return;
    }
    if (rule.accepts(tables.digest_of(data.subspan(from - kWindow, kWindow)))) {
        candidates.push_back(static_cast<std::uint32_t>(from));
    }
    Desk desk{.squares = {},
              .hits = {},
              .plan = {.matrices = matrices_of(tables), .rule = rule},
              .board = {}};
    while (data.size() - from >= kStreams * kBlock * kMinBlocks) {
        const std::size_t most = std::min((data.size() - from) / (kStreams * kBlock), kMaxBlocks);
        const std::size_t blocks = most - (most + 1) % 2;
        scan_streams(desk, data.data() + from, blocks);
        desk.board.list(from, blocks * kBlock, candidates);
        desk.board.clear();
        from += kStreams * kBlock * blocks;
    }
    if (from < data.size()) {
        scan_portable(tables, data, from + 1, rule, candidates);
    }
}

}  // namespace muster::backup::rabin

#else

namespace muster::backup::rabin {

bool has_gfni() {
    return false;
}

void scan_gfni(const Tables& /*tables*/, ByteView /*data*/, std::size_t /*from*/,
               const Rule& /*rule*/, Positions& /*candidates*/) {
    CHECK(false && "not of this processor");
}

}  // namespace muster::backup::rabin

#endif
