#include "base/result.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

Result<int> half(int n) {
    if (n % 2 != 0) {
        return Error{Errc::kInvalid, "7 is odd", "give an even number"};
    }
    return n / 2;
}

Result<int> quarter(int n) {
    TRY(const auto once, half(n));
    TRY(const auto twice, half(once));
    return twice;
}

TEST(Result, TryUnwrapsOrLeavesWithTheError) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(14).error().code(), Errc::kInvalid);
}

TEST(Result, ContextGoesBeforeTheMessageAndKeepsTheHint) {
    const auto failed = half(7).with("while halving");
    EXPECT_EQ(failed.error().message(), "while halving: 7 is odd");
    EXPECT_EQ(failed.error().hint(), "give an even number");
}

TEST(Errc, EveryNameReadsBack) {
    for (const auto code :
         {Errc::kInvalid, Errc::kNotFound, Errc::kConflict, Errc::kDenied, Errc::kUnavailable,
          Errc::kTimedOut, Errc::kOutcomeUnknown, Errc::kCorrupt, Errc::kCancelled}) {
        EXPECT_EQ(errc_from(to_string(code)), code);
    }
    EXPECT_EQ(errc_from("nonsense"), Errc::kCorrupt);
}

}  // namespace
}  // namespace muster
