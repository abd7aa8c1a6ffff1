#include "backup/codec/rabin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace muster::backup::rabin {
namespace {

constexpr Polynomial kPolynomial = 0x3DA3358B4DC173;

/// Random bytes with runs of zeros in them.
std::vector<std::uint8_t> make_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> bytes(size);
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
    for (std::size_t at = 0; at < size; at += random() % 40'000) {
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min<std::size_t>(random() % 200, size - at), 0);
    }
    return bytes;
}

Positions scan_slowly(const Tables& tables, ByteView data, std::size_t from, const Rule& rule) {
    Positions candidates;
    std::uint64_t digest = tables.digest_of(data.subspan(from - kWindow, kWindow));
    for (std::size_t at = from;; ++at) {
        if (rule.accepts(digest)) {
            candidates.push_back(static_cast<std::uint32_t>(at));
        }
        if (at == data.size()) {
            return candidates;
        }
        digest = tables.slide(digest, data[at - kWindow], data[at]);
    }
}

TEST(Rabin, SlidesToTheDigestOfTheWindow) {
    const Tables tables(kPolynomial);
    const auto bytes = make_bytes(500, 1);
    std::uint64_t digest = tables.digest_of(ByteView(bytes).first(kWindow));
    for (std::size_t at = kWindow; at < bytes.size(); ++at) {
        digest = tables.slide(digest, bytes[at - kWindow], bytes[at]);
        ASSERT_EQ(digest, tables.digest_of(ByteView(bytes).subspan(at + 1 - kWindow, kWindow)));
        ASSERT_EQ(digest >> 53U, 0U);
    }
}

TEST(Rabin, FindsTheSameOnEachPath) {
    std::mt19937_64 random(2);
    const auto bytes = make_bytes(1'500'000, 3);
    for (int round = 0; round < 60; ++round) {
        const Tables tables(round == 0 ? kPolynomial : draw_polynomial([&] { return random(); }));
        const std::size_t size = kWindow + random() % (round % 2 == 0 ? 100'000 : 1'400'000);
        const auto data = ByteView(bytes).subspan(random() % (bytes.size() - size), size);
        const std::size_t from = kWindow + random() % (size - kWindow + 1) / (1 + random() % 50);
        const Rule rule{.mask = (std::uint64_t{1} << (12 + random() % 14)) - 1,
                        .takes_zero = random() % 2 == 0};
        const auto expected = scan_slowly(tables, data, from, rule);
        for (const auto& path : paths()) {
            Positions found{7};
            path.scan(tables, data, from, rule, found);
            ASSERT_EQ(found.front(), 7U);
            found.erase(found.begin());
            ASSERT_EQ(found, expected) << path.name << " " << round << " " << size << " " << from;
        }
    }
}

TEST(Rabin, FindsTheSameInZerosOnEachPath) {
    const Tables tables(kPolynomial);
    const std::vector<std::uint8_t> zeros(700'000, 0);
    for (const bool takes_zero : {true, false}) {
        for (const auto& path : paths()) {
            Positions found;
            path.scan(tables, zeros, 1000, {.mask = 0xfffff, .takes_zero = takes_zero}, found);
            ASSERT_EQ(found.size(), takes_zero ? zeros.size() - 999 : 0) << path.name;
            EXPECT_TRUE(std::ranges::is_sorted(found));
            EXPECT_TRUE(found.empty() || (found.front() == 1000 && found.back() == zeros.size()));
        }
    }
}

TEST(Rabin, AlwaysHasThePathOfPlainCode) {
    EXPECT_EQ(paths().back().name, "portable");
    EXPECT_EQ(paths().size(), has_gfni() ? 2U : 1U);
}

}  // namespace
}  // namespace muster::backup::rabin
