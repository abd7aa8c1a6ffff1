#include "backup/codec/chunk_scanner.h"

#include <algorithm>

#include "backup/codec/rabin.h"
#include "base/check.h"

namespace muster::backup {

static_assert(ChunkScanner::kWindow == rabin::kWindow);

struct ChunkScanner::Tables {
    explicit Tables(Polynomial polynomial) : rabin(polynomial) {}

    rabin::Tables rabin;
    rabin::Scan quickest = rabin::paths().front().scan;

    void scan(ByteView data, std::size_t from, const rabin::Rule& rule,
              std::vector<std::uint32_t>& candidates) const {
        CHECK(data.size() <= std::size_t{1} << 30U);
        from = std::max(from, kWindow);
        if (from <= data.size()) {
            quickest(rabin, data, from, rule, candidates);
        }
    }
};

ChunkScanner::ChunkScanner(Polynomial polynomial) : tables_(std::make_unique<Tables>(polynomial)) {
    CHECK(is_irreducible(polynomial));
}

ChunkScanner::~ChunkScanner() = default;

void ChunkScanner::scan(ByteView data, std::size_t from,
                        std::vector<std::uint32_t>& candidates) const {
    tables_->scan(data, from, {.mask = kRareMask, .takes_zero = true}, candidates);
}

void ChunkScanner::scan_nonzero(ByteView data, std::size_t from, std::uint64_t mask,
                                std::vector<std::uint32_t>& candidates) const {
    constexpr std::uint64_t kLeastMask = 0xfff;
    CHECK((mask & (mask + 1)) == 0 && mask >= kLeastMask);
    tables_->scan(data, from, {.mask = mask, .takes_zero = false}, candidates);
}

}  // namespace muster::backup
