#pragma once

#include "store_fixture.h"
#include "store_lease_cases.h"

namespace muster::conformance {

TYPED_TEST_P(StoreSuite, FindsNothingInAnEmptyStore) {
    EXPECT_FALSE(this->get("absent").has_value());
    EXPECT_TRUE(this->keys({"", "", 0}).empty());
    const auto revision = this->run(this->store().revision(this->deadline()));
    ASSERT_TRUE(revision.has_value());
    EXPECT_EQ(revision->value, 0);
}

TYPED_TEST_P(StoreSuite, ReadsBackWhatWasPut) {
    const std::string odd("\0 \xff \n ü", 8);
    const auto first = this->put("a", odd);
    ASSERT_TRUE(first.has_value());
    const auto found = this->get("a");
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->value, odd);
    EXPECT_EQ(found->created, *first);
    EXPECT_EQ(found->modified, *first);
    const auto second = this->put("a", "");
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(this->get("a")->value, "");
    EXPECT_EQ(this->get("a")->created, *first);
    EXPECT_EQ(this->get("a")->modified, *second);
}

TYPED_TEST_P(StoreSuite, RaisesTheRevisionByOneWithEachTransactionThatChangesSomething) {
    const auto first = this->commit({{}, {state::Op::put("a", "1"), state::Op::put("b", "1")}});
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->value, 1);
    EXPECT_EQ(this->get("a")->modified, this->get("b")->modified);
    const auto nothing = this->commit({{}, {state::Op::erase("absent")}});
    ASSERT_TRUE(nothing.has_value());
    EXPECT_EQ(nothing->value, 1);
    EXPECT_EQ(this->commit({{}, {state::Op::erase("a")}})->value, 2);
    EXPECT_FALSE(this->get("a").has_value());
    EXPECT_EQ(this->run(this->store().revision(this->deadline()))->value, 2);
}

TYPED_TEST_P(StoreSuite, CommitsOnlyWhenEveryComparisonHolds) {
    const auto first = this->commit({{{"a", {}}}, {state::Op::put("a", "1")}});
    ASSERT_TRUE(first.has_value());
    const auto again = this->commit({{{"a", {}}}, {state::Op::put("a", "2")}});
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code(), Errc::kConflict);
    const auto half = this->commit({{{"a", *first}, {"b", {7}}}, {state::Op::put("a", "3")}});
    ASSERT_FALSE(half.has_value());
    EXPECT_EQ(half.error().code(), Errc::kConflict);
    EXPECT_EQ(this->get("a")->value, "1");
    EXPECT_TRUE(this->commit({{{"a", *first}}, {state::Op::put("a", "4")}}).has_value());
    EXPECT_FALSE(this->commit({{{"a", *first}}, {state::Op::put("a", "5")}}).has_value());
    EXPECT_EQ(this->get("a")->value, "4");
}

TYPED_TEST_P(StoreSuite, MakesADeletedKeyNewAgain) {
    ASSERT_TRUE(this->put("a", "1").has_value());
    ASSERT_TRUE(this->commit({{}, {state::Op::erase("a")}}).has_value());
    const auto again = this->commit({{{"a", {}}}, {state::Op::put("a", "2")}});
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(this->get("a")->created, *again);
}

TYPED_TEST_P(StoreSuite, ListsByPrefixInOrderWithinBounds) {
    for (const char* key : {"b/2", "a", "b/1", "b", "c", "b/3", "b0"}) {
        ASSERT_TRUE(this->put(key, "x").has_value());
    }
    using Keys = std::vector<std::string>;
    EXPECT_EQ(this->keys({"b/", "", 0}), (Keys{"b/1", "b/2", "b/3"}));
    EXPECT_EQ(this->keys({"b/", "", 2}), (Keys{"b/1", "b/2"}));
    EXPECT_EQ(this->keys({"b/", "b/2", 0}), (Keys{"b/2", "b/3"}));
    EXPECT_EQ(this->keys({"b/", "b/11", 1}), (Keys{"b/2"}));
    EXPECT_EQ(this->keys({"b/", "a", 0}), (Keys{"b/1", "b/2", "b/3"}));
    EXPECT_EQ(this->keys({"", "", 0}), (Keys{"a", "b", "b/1", "b/2", "b/3", "b0", "c"}));
    EXPECT_TRUE(this->keys({"d", "", 0}).empty());
}

TYPED_TEST_P(StoreSuite, TreatsSpecialCharactersOfAPrefixAsText) {
    for (const char* key : {"a%b", "axb", "a_b", "a*b", "A%b"}) {
        ASSERT_TRUE(this->put(key, "x").has_value());
    }
    EXPECT_EQ(this->keys({"a%", "", 0}), (std::vector<std::string>{"a%b"}));
    EXPECT_EQ(this->keys({"a_", "", 0}), (std::vector<std::string>{"a_b"}));
    EXPECT_EQ(this->keys({"a*", "", 0}), (std::vector<std::string>{"a*b"}));
}

TYPED_TEST_P(StoreSuite, KeepsWhatWasAcknowledgedAcrossAReopening) {
    const auto first = this->put("a", "1");
    ASSERT_TRUE(first.has_value());
    ASSERT_TRUE(this->put("a", "2").has_value());
    if (!this->world_.reopen()) {
        return;
    }
    ASSERT_TRUE(this->get("a").has_value());
    EXPECT_EQ(this->get("a")->value, "2");
    EXPECT_EQ(this->get("a")->created, *first);
    EXPECT_EQ(this->put("b", "3")->value, 3);
}

TYPED_TEST_P(StoreSuite, LetsExactlyOneOfManyRacersWin) {
    std::vector<Result<state::Revision>> results;
    using Commit = decltype(this->begin(this->store().commit({}, Instant{})));
    std::vector<Commit> racers;
    for (int i = 0; i < 20; ++i) {
        racers.push_back(this->begin(this->store().commit(
            {{{"lock", {}}}, {state::Op::put("lock", std::to_string(i))}}, this->deadline())));
    }
    int winners = 0;
    for (auto& racer : racers) {
        winners += this->finish(std::move(racer)).has_value() ? 1 : 0;
    }
    EXPECT_EQ(winners, 1);
}

REGISTER_TYPED_TEST_SUITE_P(StoreSuite, FindsNothingInAnEmptyStore, ReadsBackWhatWasPut,
                            RaisesTheRevisionByOneWithEachTransactionThatChangesSomething,
                            CommitsOnlyWhenEveryComparisonHolds, MakesADeletedKeyNewAgain,
                            ListsByPrefixInOrderWithinBounds,
                            TreatsSpecialCharactersOfAPrefixAsText, DropsTheKeysOfALeaseThatExpires,
                            DropsTheKeysOfALeaseThatIsRevoked, WatchesFromARevisionOn,
                            WakesAWatcherWhenAKeyChanges, WakesAWatcherWhenALeaseExpires,
                            EndsAWatchAtItsDeadlineWithNothing, LosesNoChangeBetweenTwoWatches,
                            KeepsWhatWasAcknowledgedAcrossAReopening,
                            LetsExactlyOneOfManyRacersWin);

}  // namespace muster::conformance
