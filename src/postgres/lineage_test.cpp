#include "postgres/lineage.h"

#include <gtest/gtest.h>

namespace muster::postgres {
namespace {

Lineage at(int timeline, const std::string& lsn, const std::string& history = "") {
    return {"7001", timeline, *parse_lsn(lsn), history};
}

constexpr const char* kHistory = "1\t0/3000000\tno recovery target specified\n";

TEST(Lineage, AStandbyOnThePrimarysTimelineFollows) {
    EXPECT_EQ(explain_fork(at(2, "0/5000000", kHistory), at(2, "0/4000000")), "");
}

TEST(Lineage, AStandbyThatStoppedBeforeTheForkFollows) {
    EXPECT_EQ(explain_fork(at(2, "0/5000000", kHistory), at(1, "0/3000000")), "");
}

TEST(Lineage, AStandbyBeyondTheForkHasBytesOfItsOwn) {
    EXPECT_EQ(explain_fork(at(2, "0/5000000", kHistory), at(1, "0/3000100")),
              "it is on timeline 1 up to 0/3000100, which the primary's timeline 2 left at "
              "0/3000000: it has 256 bytes of its own");
}

TEST(Lineage, ATimelineThatThePrimaryNeverHadIsNamed) {
    const auto told = explain_fork(at(5, "0/9000000", kHistory), at(3, "0/4000000"));
    EXPECT_NE(told.find("never went through"), std::string::npos) << told;
}

TEST(Lineage, AHigherTimelineWasPromotedOnce) {
    const auto told = explain_fork(at(1, "0/9000000"), at(2, "0/4000000"));
    EXPECT_NE(told.find("it was promoted once"), std::string::npos) << told;
}

TEST(Lineage, AnotherClusterIsNamedBeforeItsTimeline) {
    auto other = at(2, "0/4000000");
    other.system_identifier = "7002";
    const auto told = explain_fork(at(1, "0/9000000"), other);
    EXPECT_NE(told.find("another cluster"), std::string::npos) << told;
}

TEST(Lineage, TooLittleToTellIsNotAFork) {
    EXPECT_EQ(explain_fork({}, at(1, "0/3000000")), "");
    EXPECT_EQ(explain_fork(at(2, "0/5000000"), at(1, "0/9000000")), "");
    EXPECT_EQ(explain_fork(at(2, "0/5000000", "junk"), at(1, "0/9000000")), "");
}

}  // namespace
}  // namespace muster::postgres
