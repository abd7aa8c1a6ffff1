#pragma once

#include "store_fixture.h"

namespace muster::conformance {

TYPED_TEST_P(StoreSuite, DropsTheKeysOfALeaseThatExpires) {
    const auto lease = this->grant(std::chrono::seconds(10));
    ASSERT_NE(lease.value, 0);
    ASSERT_TRUE(this->put("held", "x", lease).has_value());
    ASSERT_TRUE(this->put("free", "x").has_value());
    EXPECT_EQ(this->get("held")->lease, lease);
    this->world_.advance(std::chrono::seconds(8));
    ASSERT_TRUE(this->run(this->store().renew(lease, this->deadline())).has_value());
    this->world_.advance(std::chrono::seconds(8));
    EXPECT_TRUE(this->get("held").has_value());
    this->world_.advance(std::chrono::seconds(3));
    EXPECT_FALSE(this->get("held").has_value());
    EXPECT_TRUE(this->get("free").has_value());
    const auto late = this->run(this->store().renew(lease, this->deadline()));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code(), Errc::kNotFound);
    const auto put = this->put("held", "again", lease);
    ASSERT_FALSE(put.has_value());
    EXPECT_EQ(put.error().code(), Errc::kNotFound);
}

TYPED_TEST_P(StoreSuite, DropsTheKeysOfALeaseThatIsRevoked) {
    const auto lease = this->grant(std::chrono::hours(1));
    const auto other = this->grant(std::chrono::hours(1));
    EXPECT_NE(lease, other);
    ASSERT_TRUE(this->put("one", "x", lease).has_value());
    ASSERT_TRUE(this->put("two", "x", other).has_value());
    ASSERT_TRUE(this->put("moved", "x", lease).has_value());
    ASSERT_TRUE(this->put("moved", "x").has_value());
    ASSERT_TRUE(this->run(this->store().revoke(lease, this->deadline())).has_value());
    EXPECT_EQ(this->keys({"", "", 0}), (std::vector<std::string>{"moved", "two"}));
    const auto again = this->run(this->store().revoke(lease, this->deadline()));
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code(), Errc::kNotFound);
}

TYPED_TEST_P(StoreSuite, WatchesFromARevisionOn) {
    ASSERT_TRUE(this->put("a/1", "old").has_value());
    const auto second = this->put("a/2", "new");
    ASSERT_TRUE(second.has_value());
    ASSERT_TRUE(this->put("b", "other").has_value());
    ASSERT_TRUE(this->commit({{}, {state::Op::erase("a/1")}}).has_value());
    const auto seen = this->run(this->store().watch("a/", *second, this->deadline()));
    ASSERT_TRUE(seen.has_value());
    ASSERT_EQ(seen->changes.size(), 2U);
    EXPECT_EQ(seen->changes[0].kind, state::Op::Kind::kPut);
    EXPECT_EQ(seen->changes[0].entry.key, "a/2");
    EXPECT_EQ(seen->changes[0].entry.value, "new");
    EXPECT_EQ(seen->changes[1].kind, state::Op::Kind::kDelete);
    EXPECT_EQ(seen->changes[1].entry.key, "a/1");
    EXPECT_EQ(seen->changes[1].entry.modified.value, 4);
    EXPECT_EQ(seen->next.value, 5);
}

TYPED_TEST_P(StoreSuite, WakesAWatcherWhenAKeyChanges) {
    auto watch = this->begin(this->store().watch("a/", {1}, this->deadline()));
    ASSERT_TRUE(this->put("b", "not this").has_value());
    EXPECT_FALSE(watch.is_done());
    ASSERT_TRUE(this->put("a/1", "this").has_value());
    const auto seen = this->finish(std::move(watch));
    ASSERT_TRUE(seen.has_value());
    ASSERT_EQ(seen->changes.size(), 1U);
    EXPECT_EQ(seen->changes[0].entry.value, "this");
    EXPECT_EQ(seen->next.value, 3);
}

TYPED_TEST_P(StoreSuite, WakesAWatcherWhenALeaseExpires) {
    const auto lease = this->grant(std::chrono::seconds(2));
    ASSERT_TRUE(this->put("held", "x", lease).has_value());
    auto watch = this->begin(this->store().watch("held", {2}, this->deadline()));
    this->world_.advance(std::chrono::seconds(3));
    const auto seen = this->finish(std::move(watch));
    ASSERT_TRUE(seen.has_value());
    ASSERT_EQ(seen->changes.size(), 1U);
    EXPECT_EQ(seen->changes[0].kind, state::Op::Kind::kDelete);
}

TYPED_TEST_P(StoreSuite, EndsAWatchAtItsDeadlineWithNothing) {
    ASSERT_TRUE(this->put("a", "1").has_value());
    auto watch = this->begin(
        this->store().watch("a", {2}, this->world_.clock().now() + std::chrono::seconds(1)));
    this->world_.advance(std::chrono::seconds(2));
    const auto seen = this->finish(std::move(watch));
    ASSERT_TRUE(seen.has_value());
    EXPECT_TRUE(seen->changes.empty());
    EXPECT_EQ(seen->next.value, 2);
}

TYPED_TEST_P(StoreSuite, LosesNoChangeBetweenTwoWatches) {
    state::Revision from{1};
    std::vector<std::string> seen;
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(this->put("k", std::to_string(i)).has_value());
        if (i % 7 == 0) {
            const auto changes = this->run(this->store().watch("k", from, this->deadline()));
            ASSERT_TRUE(changes.has_value());
            from = changes->next;
            for (const auto& change : changes->changes) {
                seen.push_back(change.entry.value);
            }
        }
    }
    ASSERT_EQ(seen.size(), 50U);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i], std::to_string(i));
    }
}

}  // namespace muster::conformance
