#pragma once

#include <cstdint>
#include <functional>

namespace muster::backup {

/// An irreducible polynomial over GF(2) of degree 53: bit i is the coefficient of x^i.
using Polynomial = std::uint64_t;

constexpr int kPolynomialDegree = 53;

/// Rabin's test: degree 53, x^(2^53) = x mod P, and 53 is prime.
bool is_irreducible(Polynomial polynomial);

/// One drawn with equal probability among the irreducible ones.
Polynomial draw_polynomial(const std::function<std::uint64_t()>& random_bits);

}  // namespace muster::backup
