#include "backup/codec/polynomial.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <set>

namespace muster::backup {
namespace {

constexpr Polynomial kExample = 0x3DA3358B4DC173;  // Of the tests of restic's chunker.

__extension__ using Wide = unsigned __int128;

int degree(Wide polynomial) {
    const auto high = static_cast<std::uint64_t>(polynomial >> 64U);
    const auto low = static_cast<std::uint64_t>(polynomial);
    return high != 0 ? 127 - std::countl_zero(high) : 63 - std::countl_zero(low);
}

Wide multiply(std::uint64_t left, std::uint64_t right) {
    Wide product = 0;
    for (unsigned bit = 0; bit < 64; ++bit) {
        product ^= ((right >> bit) & 1U) != 0 ? Wide{left} << bit : 0;
    }
    return product;
}

std::uint64_t remainder(Wide dividend, std::uint64_t divisor) {
    while (dividend != 0 && degree(dividend) >= degree(divisor)) {
        dividend ^= Wide{divisor} << static_cast<unsigned>(degree(dividend) - degree(divisor));
    }
    return static_cast<std::uint64_t>(dividend);
}

std::uint64_t common_divisor(std::uint64_t left, std::uint64_t right) {
    while (right != 0) {
        left = std::exchange(right, remainder(left, right));
    }
    return left;
}

/// Ben-Or's test: no factor has a degree up to the half.
bool is_irreducible_by_divisors(Polynomial polynomial) {
    std::uint64_t power = 2;
    for (int i = 1; i <= kPolynomialDegree / 2; ++i) {
        power = remainder(multiply(power, power), polynomial);
        if (common_divisor(polynomial, power ^ 2U) != 1) {
            return false;
        }
    }
    return true;
}

TEST(Polynomial, OfResticsTestsIsIrreducible) {
    EXPECT_TRUE(is_irreducible(kExample));
    EXPECT_TRUE(is_irreducible_by_divisors(kExample));
}

TEST(Polynomial, NeedsTheRightDegree) {
    EXPECT_FALSE(is_irreducible(0));
    EXPECT_FALSE(is_irreducible(1));
    EXPECT_FALSE(is_irreducible(2));
    EXPECT_FALSE(is_irreducible(0b111));  // Irreducible, but of degree 2.
    EXPECT_FALSE(is_irreducible(kExample | (Polynomial{1} << 54U)));
    EXPECT_FALSE(is_irreducible(~Polynomial{0}));
}

TEST(Polynomial, ThatIsAProductIsRefused) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 200; ++i) {
        const int left_degree = 1 + static_cast<int>(random() % 26);
        const auto of_degree = [&](int wanted) {
            const auto top = std::uint64_t{1} << static_cast<unsigned>(wanted);
            return (random() & (top - 1)) | top;
        };
        const auto product =
            multiply(of_degree(left_degree), of_degree(kPolynomialDegree - left_degree));
        EXPECT_FALSE(is_irreducible(static_cast<Polynomial>(product)));
    }
}

TEST(Polynomial, IsJudgedAsByLookingForDivisors) {
    std::mt19937_64 random(2);
    int irreducible = 0;
    for (int i = 0; i < 3000; ++i) {
        const Polynomial drawn = (random() >> 11U) | (Polynomial{1} << 53U);
        irreducible += is_irreducible(drawn) ? 1 : 0;
        EXPECT_EQ(is_irreducible(drawn), is_irreducible_by_divisors(drawn)) << drawn;
    }
    EXPECT_GT(irreducible, 20);  // One in 53.
}

TEST(Polynomial, IsDrawnAtRandom) {
    std::mt19937_64 random(3);
    std::set<Polynomial> drawn;
    for (int i = 0; i < 20; ++i) {
        drawn.insert(draw_polynomial([&] { return random(); }));
        EXPECT_TRUE(is_irreducible_by_divisors(*drawn.begin()));
    }
    EXPECT_EQ(drawn.size(), 20U);
}

TEST(PolynomialDeathTest, IsNotDrawnForEverFromBitsThatAreNotRandom) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(draw_polynomial([] { return std::uint64_t{0}; }), "not random");
}

}  // namespace
}  // namespace muster::backup
