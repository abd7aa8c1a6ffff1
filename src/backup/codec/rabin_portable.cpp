#include <algorithm>
#include <utility>

#include "backup/codec/rabin.h"

// One stream waits for its table at every byte. Several streams, each a segment of the data, wait
// at the same time.

namespace muster::backup::rabin {

namespace {

constexpr std::size_t kStreams = 4;
/// Not a power of two: the streams would compete for the same place in the cache.
constexpr std::size_t kMaxSegment = (std::size_t{1} << 16U) + 64;
/// Below, the windows that are read twice cost more than the streams gain.
constexpr std::size_t kMinSegment = 256;

/// Tests the positions after `from` up to `last`; `digest` is that of `from`.
void scan_singly(const Tables& tables, ByteView data, std::size_t from, const Rule& rule,
                 Positions& candidates) {
    std::uint64_t digest = tables.digest_of(data.subspan(from - kWindow, kWindow));
    for (std::size_t at = from; at < data.size(); ++at) {
        digest = tables.slide(digest, data[at - kWindow], data[at]);
        if (rule.accepts(digest)) {
            candidates.push_back(static_cast<std::uint32_t>(at + 1));
        }
    }
}

/// What a round of streams found; each list is ascending.
using Found = std::array<Positions, kStreams>;

/// Streams that read segments which follow each other, each as far as the others.
struct Streams {
    const std::uint8_t* from;  ///< Where the first segment begins.
    std::size_t segment;
    std::size_t at = 0;  ///< So far into its segment is each.
    std::array<std::uint64_t, kStreams> digests{};
};

template <std::size_t... kEach>
bool any_hits(const std::array<std::uint64_t, kStreams>& digests, std::uint64_t mask,
              std::index_sequence<kEach...> /*streams*/) {
    return (((digests[kEach] & mask) == 0) || ...);
}

/// Goes on to a step with a hit, or to the end. It calls nothing, so that the digests of all
/// streams stay in registers.
[[gnu::noinline]] bool advance(const Tables& tables, std::uint64_t mask, Streams& streams) {
    auto digests = streams.digests;
    std::size_t at = streams.at;
    bool has_hit = false;
    while (at < streams.segment && !has_hit) {
        for (std::size_t i = 0; i < kStreams; ++i) {
            const std::uint8_t* byte = streams.from + i * streams.segment + at;
            digests[i] = tables.slide(digests[i], *(byte - kWindow), *byte);
        }
        ++at;
        has_hit = any_hits(digests, mask, std::make_index_sequence<kStreams>());
    }
    streams.digests = digests;
    streams.at = at;
    return has_hit;
}

/// Tests the `kStreams * segment` positions after `from`; a list gets those within its segment.
void scan_streams(const Tables& tables, Streams& streams, const Rule& rule, Found& found) {
    for (std::size_t i = 0; i < kStreams; ++i) {
        const std::uint8_t* window = streams.from + i * streams.segment - kWindow;
        streams.digests[i] = tables.digest_of({window, kWindow});
    }
    while (advance(tables, rule.mask, streams)) {
        for (std::size_t i = 0; i < kStreams; ++i) {
            if (rule.accepts(streams.digests[i])) {
                found[i].push_back(static_cast<std::uint32_t>(streams.at));
            }
        }
    }
}

}  // namespace

void scan_portable(const Tables& tables, ByteView data, std::size_t from, const Rule& rule,
                   Positions& candidates) {
    if (rule.accepts(tables.digest_of(data.subspan(from - kWindow, kWindow)))) {
        candidates.push_back(static_cast<std::uint32_t>(from));
    }
    Found found;
    while (data.size() - from >= kStreams * kMinSegment) {
        const std::size_t segment = std::min((data.size() - from) / kStreams, kMaxSegment);
        Streams streams{.from = data.data() + from, .segment = segment};
        scan_streams(tables, streams, rule, found);
        for (auto& positions : found) {
            for (const auto position : positions) {
                candidates.push_back(static_cast<std::uint32_t>(from + position));
            }
            positions.clear();
            from += segment;
        }
    }
    scan_singly(tables, data, from, rule, candidates);
}

}  // namespace muster::backup::rabin
