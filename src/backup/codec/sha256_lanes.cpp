#include "backup/codec/sha256_lanes.h"

#include "base/check.h"

// The SHA instructions of x86 take longer than they occupy their unit: a message alone leaves it
// idle half of the time. Two messages advance in turn; who ends makes room for the next one. More
// than two gain nothing: the unit is busy, and the registers no longer suffice. The longest come
// first, so that none is left over to run alone at the end.

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#define MUSTER_SHA __attribute__((target("sha,sse4.1,ssse3")))
#define MUSTER_SHA_INLINE MUSTER_SHA __attribute__((always_inline)) inline

namespace muster::backup::sha256_lanes {

namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kMostLanes = 2;

// FIPS 180-4, sections 4.2.2 and 5.3.3.
alignas(16) constexpr std::array<std::uint32_t, 64> kRounds{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
constexpr std::array<std::uint32_t, 8> kBegin{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// Where a message stands.
struct Lane {
    /// The words in the order of the instructions: f e b a, h g d c.
    alignas(16) std::array<std::uint32_t, 8> state;
    const std::uint8_t* next;  ///< The blocks that come.
    std::size_t blocks;
    ObjectId* id;
    std::size_t tail_blocks;  ///< Of `tail`, when it has not begun.
    std::array<std::uint8_t, 2 * kBlock> tail;
};

/// What `kLanes` messages have in registers while a block goes by.
template <std::size_t kLanes>
struct Work {
    __m128i abef[kLanes];      // NOLINT: std::array drops the attributes of the type.
    __m128i cdgh[kLanes];      // NOLINT
    __m128i words[kLanes][4];  // NOLINT: the 16 last words of the message schedule.
};

/// Rounds 4 kStep to 4 kStep + 3 of each lane, and what the schedule needs for later ones.
template <std::size_t kStep, std::size_t kLanes>
MUSTER_SHA_INLINE void four_rounds(Work<kLanes>& work) {
    constexpr std::size_t kNow = kStep % 4;
    constexpr std::size_t kNext = (kStep + 1) % 4;
    constexpr std::size_t kBefore = (kStep + 3) % 4;
    const __m128i constants =
        _mm_load_si128(reinterpret_cast<const __m128i*>(kRounds.data() + 4 * kStep));  // NOLINT
    __m128i sums[kLanes];                                                              // NOLINT
    for (std::size_t i = 0; i < kLanes; ++i) {
        sums[i] = _mm_add_epi32(work.words[i][kNow], constants);
        work.cdgh[i] = _mm_sha256rnds2_epu32(work.cdgh[i], work.abef[i], sums[i]);
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
        if constexpr (kStep >= 3 && kStep < 15) {
            auto& words = work.words[i];
            const __m128i seven_before = _mm_alignr_epi8(words[kNow], words[kBefore], 4);
            words[kNext] =
                _mm_sha256msg2_epu32(_mm_add_epi32(words[kNext], seven_before), words[kNow]);
        }
        work.abef[i] =
            _mm_sha256rnds2_epu32(work.abef[i], work.cdgh[i], _mm_shuffle_epi32(sums[i], 0x0e));
        if constexpr (kStep >= 1 && kStep < 13) {
            work.words[i][kBefore] =
                _mm_sha256msg1_epu32(work.words[i][kBefore], work.words[i][kNow]);
        }
    }
}

template <std::size_t kLanes, std::size_t... kSteps>
MUSTER_SHA_INLINE void all_rounds(Work<kLanes>& work, std::index_sequence<kSteps...> /*steps*/) {
    (four_rounds<kSteps>(work), ...);
}

/// `blocks` blocks of each lane.
template <std::size_t kLanes>
MUSTER_SHA void advance(Lane* const* lanes, std::size_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    Work<kLanes> work;
    __m128i abef[kLanes];  // NOLINT
    __m128i cdgh[kLanes];  // NOLINT
    for (std::size_t i = 0; i < kLanes; ++i) {
        const auto* state = reinterpret_cast<const __m128i*>(lanes[i]->state.data());  // NOLINT
        abef[i] = _mm_load_si128(state);
        cdgh[i] = _mm_load_si128(state + 1);
    }
    for (std::size_t block = 0; block < blocks; ++block) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            const auto* from =
                reinterpret_cast<const __m128i*>(lanes[i]->next + block * kBlock);  // NOLINT
            for (std::size_t word = 0; word < 4; ++word) {
                work.words[i][word] = _mm_shuffle_epi8(_mm_loadu_si128(from + word), swap);
            }
            work.abef[i] = abef[i];
            work.cdgh[i] = cdgh[i];
        }
        all_rounds(work, std::make_index_sequence<16>());
        for (std::size_t i = 0; i < kLanes; ++i) {
            abef[i] = _mm_add_epi32(abef[i], work.abef[i]);
            cdgh[i] = _mm_add_epi32(cdgh[i], work.cdgh[i]);
        }
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
        auto* state = reinterpret_cast<__m128i*>(lanes[i]->state.data());  // NOLINT
        _mm_store_si128(state, abef[i]);
        _mm_store_si128(state + 1, cdgh[i]);
        lanes[i]->next += blocks * kBlock;
        lanes[i]->blocks -= blocks;
    }
}

void begin(Lane& lane, ByteView message, ObjectId& id) {
    const auto& h = kBegin;
    lane.state = {h[5], h[4], h[1], h[0], h[7], h[6], h[3], h[2]};
    lane.next = message.data();
    lane.blocks = message.size() / kBlock;
    lane.id = &id;
    // FIPS 180-4, section 5.1.1: a bit, zeros, and the length in bits.
    const std::size_t rest = message.size() % kBlock;
    lane.tail_blocks = rest + 1 + sizeof(std::uint64_t) > kBlock ? 2 : 1;
    lane.tail.fill(0);
    if (rest > 0) {
        std::memcpy(lane.tail.data(), message.data() + message.size() - rest, rest);
    }
    lane.tail[rest] = 0x80;
    const std::uint64_t bits = std::byteswap(std::uint64_t{message.size()} * 8);
    std::memcpy(lane.tail.data() + lane.tail_blocks * kBlock - sizeof bits, &bits, sizeof bits);
}

/// Goes on to the tail, or ends: then it writes the hash. Whether there is more to do.
bool go_on(Lane& lane) {
    if (lane.blocks == 0 && lane.tail_blocks > 0) {
        lane.next = lane.tail.data();
        lane.blocks = std::exchange(lane.tail_blocks, 0);
    }
    if (lane.blocks > 0) {
        return true;
    }
    constexpr std::array<std::size_t, 8> kOrder{3, 2, 7, 6, 1, 0, 5, 4};
    for (std::size_t i = 0; i < kOrder.size(); ++i) {
        const std::uint32_t word = std::byteswap(lane.state[kOrder[i]]);
        std::memcpy(lane.id->bytes.data() + i * sizeof word, &word, sizeof word);
    }
    return false;
}

void advance_all(Lane* const* lanes, std::size_t count) {
    std::size_t blocks = lanes[0]->blocks;
    for (std::size_t i = 1; i < count; ++i) {
        blocks = std::min(blocks, lanes[i]->blocks);
    }
    if (count == kMostLanes) {
        advance<kMostLanes>(lanes, blocks);
    } else {
        advance<1>(lanes, blocks);
    }
}

}  // namespace

bool has_sha() {
    // The compiler's test does not know "sha" by that name everywhere; CPUID leaf 7 does.
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    constexpr unsigned kSha = 1U << 29U;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kSha) != 0 &&
           __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3");
}

void hash_abreast(std::span<const ByteView> messages, std::span<ObjectId> ids) {
    std::vector<std::size_t> order(messages.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return messages[i].size(); });
    std::array<Lane, kMostLanes> lanes;
    std::array<Lane*, kMostLanes> busy{};
    std::size_t count = 0;
    auto next = order.begin();
    for (; count < kMostLanes && next != order.end(); ++next, ++count) {
        busy[count] = &lanes[count];
        begin(lanes[count], messages[*next], ids[*next]);
    }
    while (count > 0) {
        for (std::size_t i = 0; i < count;) {
            if (go_on(*busy[i])) {
                ++i;
            } else if (next != order.end()) {
                begin(*busy[i], messages[*next], ids[*next]);
                ++next;
            } else {
                busy[i] = busy[--count];
            }
        }
        if (count > 0) {
            advance_all(busy.data(), count);
        }
    }
}

}  // namespace muster::backup::sha256_lanes

#else

namespace muster::backup::sha256_lanes {

bool has_sha() {
    return false;
}

void hash_abreast(std::span<const ByteView> /*messages*/, std::span<ObjectId> /*ids*/) {
    CHECK(false && "not of this processor");
}

}  // namespace muster::backup::sha256_lanes

#endif
