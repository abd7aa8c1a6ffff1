#include "backup/codec/polynomial.h"

#include "base/check.h"

namespace muster::backup {

namespace {

constexpr Polynomial kTop = Polynomial{1} << kPolynomialDegree;

/// (factor * factor) mod polynomial: Horner's rule over the bits of one factor.
Polynomial square(Polynomial factor, Polynomial modulus) {
    Polynomial product = 0;
    for (int bit = kPolynomialDegree - 1; bit >= 0; --bit) {
        product <<= 1U;
        product ^= (product & kTop) != 0 ? modulus : 0;
        product ^= ((factor >> static_cast<unsigned>(bit)) & 1U) != 0 ? factor : 0;
    }
    return product;
}

}  // namespace

bool is_irreducible(Polynomial polynomial) {
    if (polynomial < kTop || polynomial >= 2 * kTop) {
        return false;
    }
    // x^(2^53) = x says that there is no square among the factors and that each one's degree
    // divides 53, so it is 1 or 53. There are but two of degree 1, which together don't make 53.
    constexpr Polynomial kX = 2;
    Polynomial power = kX;
    for (int i = 0; i < kPolynomialDegree; ++i) {
        power = square(power, polynomial);
    }
    return power == kX;
}

Polynomial draw_polynomial(const std::function<std::uint64_t()>& random_bits) {
    // One in 53 is irreducible, of the odd ones twice as many: that all tries fail does not happen.
    constexpr int kMaxTries = 10'000;
    for (int i = 0; i < kMaxTries; ++i) {
        const Polynomial drawn = (random_bits() & (kTop - 1)) | kTop | 1U;
        if (is_irreducible(drawn)) {
            return drawn;
        }
    }
    CHECK(false && "the random bits are not random");
    return 0;
}

}  // namespace muster::backup
