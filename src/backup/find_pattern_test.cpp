#include "backup/find_pattern.h"

#include <gtest/gtest.h>

namespace muster::backup {
namespace {

constexpr std::int64_t kDay = 1'795'219'200;  // 2026-11-21T00:00:00Z

TEST(TypedTime, ReadsTheFormsOfRestic) {
    EXPECT_EQ(*parse_typed_time("2026-11-21"), (TypedTime{kDay, std::nullopt}));
    EXPECT_EQ(*parse_typed_time("2026-11-21 15:04"), (TypedTime{kDay + 54'240, std::nullopt}));
    EXPECT_EQ(*parse_typed_time("21.11.2026 15:04:05"), (TypedTime{kDay + 54'245, std::nullopt}));
    EXPECT_EQ(*parse_typed_time("2026-11-21 15:04:05 -0130"), (TypedTime{kDay + 54'245, -5400}));
    EXPECT_EQ(*parse_typed_time("21.11.2026 15:04:05 UTC"), (TypedTime{kDay + 54'245, 0}));
    EXPECT_EQ(*parse_typed_time("2026-11-21T15:04:05.9+01:00"), (TypedTime{kDay + 54'245, 3600}));
}

TEST(TypedTime, RefusesTheRestWithAHint) {
    for (const auto* const bad :
         {"", "now", "2026-11-31", "2026-1-1", "31.02.2026", "2026-11-21 ", "2026-11-21 25:00",
          "2026-11-21 15:60", "2026-11-21 15:04:60", "2026-11-21 15", "2026-11-21 15:04:05 +2400",
          "2026-11-21 15:04:05 PST", "2026-11-21 15:04 +0100", "2026-11-21 -1:04", "2026-11-21x",
          "-026-11-21"}) {
        const auto time = parse_typed_time(bad);
        ASSERT_FALSE(time.has_value()) << bad;
        EXPECT_EQ(time.error().code(), Errc::kInvalid);
        EXPECT_FALSE(time.error().hint().empty());
    }
}

TEST(FindPattern, FindsWhatAnyPatternMatchesWithinTheTimes) {
    FindQuery query;
    query.patterns = {"*.conf", "/etc/hosts"};
    query.oldest = GoTime{100, 5, 0};
    query.newest = GoTime{200, 0, 7200};
    const auto find = FindPattern::make(query);
    ASSERT_TRUE(find.has_value());
    EXPECT_TRUE(find->matches("/etc/hosts", {150, 0, 0}));
    EXPECT_TRUE(find->matches("/srv/a.conf", {100, 5, 3600}));
    EXPECT_TRUE(find->matches("/srv/a.conf", {200, 0, 0}));
    EXPECT_FALSE(find->matches("/srv/a.conf", {100, 4, 0}));
    EXPECT_FALSE(find->matches("/srv/a.conf", {200, 1, 0}));
    EXPECT_FALSE(find->matches("/srv/a.CONF", {150, 0, 0}));
    EXPECT_TRUE(find->may_match_below("/srv"));
}

TEST(FindPattern, LooksOnlyWhereARootedPatternLeads) {
    FindQuery query;
    query.patterns = {"/etc/*/HOSTS"};
    query.ignores_case = true;
    const auto find = FindPattern::make(query);
    ASSERT_TRUE(find.has_value());
    EXPECT_TRUE(find->matches("/Etc/x/hosts", {}));
    EXPECT_TRUE(find->may_match_below("/etc"));
    EXPECT_FALSE(find->may_match_below("/srv"));
}

TEST(FindPattern, RefusesQueriesThatCanNotBeMeant) {
    FindQuery swapped;
    swapped.patterns = {"a"};
    swapped.oldest = GoTime{2, 0, 0};
    swapped.newest = GoTime{1, 0, 0};
    for (const auto& query :
         {FindQuery{}, FindQuery{{""}, false, {}, {}}, FindQuery{{"!a"}, false, {}, {}},
          FindQuery{{"["}, false, {}, {}}, swapped}) {
        const auto find = FindPattern::make(query);
        ASSERT_FALSE(find.has_value());
        EXPECT_EQ(find.error().code(), Errc::kInvalid);
        EXPECT_FALSE(find.error().hint().empty());
    }
}

}  // namespace
}  // namespace muster::backup
