#include "backup/format/utf8.h"

#include <gtest/gtest.h>

namespace muster::backup {
namespace {

TEST(Utf8, LowersTheScriptsThatHaveCases) {
    EXPECT_EQ(to_lower("ABC-xyz_09.ÄÖÜ"), "abc-xyz_09.äöü");
    EXPECT_EQ(to_lower("ĀāŸĲŒ"), "āāÿĳœ");
    EXPECT_EQ(to_lower("ΑΒΩЖЯԱ"), "αβωжяա");
    EXPECT_EQ(to_lower("\u0130\u1e9e\u2126\uff21\U00010400"), "iß\u03c9\uff41\U00010428");
    EXPECT_EQ(to_lower("äß文😀×\u00d7"), "äß文😀×\u00d7");
}

TEST(Utf8, LeavesWhatIsNotValid) {
    EXPECT_EQ(to_lower("A\xffÄ\xc3"), "a\xffä\xc3");
}

}  // namespace
}  // namespace muster::backup
