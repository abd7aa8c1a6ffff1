#include "component/kinds/postgres_trouble.h"

#include <gtest/gtest.h>

namespace muster::component {
namespace {

const probe::TargetId kWest{ServiceId("shop"), ComponentId("orders"), SiteId("west"), ""};

probe::Verdict up(Fields facts) {
    probe::Verdict verdict;
    verdict.health = probe::Health::kUp;
    verdict.facts = std::move(facts);
    return verdict;
}

std::string trouble(Fields standby, Fields primary) {
    standby.try_emplace("role", "standby");
    standby.try_emplace("streaming", "false");
    return standby_trouble(kWest, up(std::move(standby)), up(std::move(primary)));
}

TEST(StandbyTrouble, ThereIsNoneWhileItStreamsOrNobodyCanTell) {
    EXPECT_EQ(trouble({{"streaming", "true"}, {"timeline", "1"}}, {{"timeline", "2"}}), "");
    EXPECT_EQ(trouble({{"streaming", ""}}, {}), "");
    EXPECT_EQ(trouble({{"role", "primary"}}, {}), "");
}

TEST(StandbyTrouble, NamesBothTimelinesAndTheCommand) {
    const auto text = trouble({{"timeline", "2"}}, {{"timeline", "1"}});
    EXPECT_NE(text.find("it is on timeline 2, the primary on timeline 1"), std::string::npos);
    EXPECT_NE(text.find("muster rebuild shop --to west"), std::string::npos);
}

TEST(StandbyTrouble, NamesTheWalThatIsGone) {
    const Fields primary{{"timeline", "1"}, {"oldest_wal_lsn", "0/9000000"}};
    const auto text = trouble({{"timeline", "1"}, {"lsn", "0/3000148"}}, primary);
    EXPECT_NE(text.find("needs WAL from 0/3000148 on"), std::string::npos) << text;
    EXPECT_NE(text.find("still has is 0/9000000"), std::string::npos) << text;
    EXPECT_NE(text.find("muster rebuild shop --to west"), std::string::npos);
    EXPECT_EQ(trouble({{"timeline", "1"}, {"lsn", "0/9000148"}}, primary).find("WAL from"),
              std::string::npos);
}

TEST(StandbyTrouble, IsNotToldOfAStandbyWhosePrimaryIsDown) {
    auto primary = up({{"timeline", "1"}});
    primary.health = probe::Health::kDown;
    EXPECT_EQ(standby_trouble(kWest, up({{"role", "standby"}, {"streaming", "false"}}), primary),
              "");
}

}  // namespace
}  // namespace muster::component
