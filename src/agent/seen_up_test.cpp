#include "agent/seen_up.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

probe::Settings settings(const std::string& conninfo) {
    probe::Settings made;
    made.plan.type = "postgres";
    made.target = {ServiceId("shop"), ComponentId("orders"), SiteId("east"), ""};
    made.variables = {{"conninfo", conninfo}, {"epoch", "3"}, {"expect_role", "primary"}};
    return made;
}

std::vector<state::KeyValue> stored(const state::Transaction& transaction) {
    std::vector<state::KeyValue> entries;
    for (const auto& op : transaction.ops) {
        state::KeyValue entry;
        entry.key = op.key;
        entry.value = op.value;
        entries.push_back(entry);
    }
    return entries;
}

TEST(SeenUp, ForgetsATargetWhoseAddressChanged) {
    const auto right = settings("host=a port=5432");
    SeenUp seen;
    seen.expect(right.target, address_of(right));
    EXPECT_FALSE(seen.has(right.target));
    EXPECT_TRUE(seen.note(right.target));
    EXPECT_TRUE(seen.has(right.target));
    EXPECT_FALSE(seen.note(right.target)) << "it is known already";
    seen.expect(right.target, address_of(settings("host=a port=5433")));
    EXPECT_FALSE(seen.has(right.target));
}

TEST(SeenUp, KeepsATargetWhosePartInTheServiceChanged) {
    auto before = settings("host=a");
    auto after = before;
    after.variables["epoch"] = "4";
    after.variables["expect_role"] = "standby";
    EXPECT_EQ(address_of(before), address_of(after));
}

TEST(SeenUp, TellsTheNextProcessOfIt) {
    const auto target = settings("host=a").target;
    const auto address = address_of(settings("host=a"));
    SeenUp first;
    first.expect(target, address);
    first.note(target);
    const auto change = first.unkept(SiteId("arbiter"));
    ASSERT_EQ(change.ops.size(), 1U);
    EXPECT_EQ(change.ops[0].key, "seen/arbiter/shop/orders@east");
    first.kept(change);
    EXPECT_TRUE(first.unkept(SiteId("arbiter")).ops.empty());

    SeenUp second;
    second.load(stored(change));
    second.expect(target, address);
    EXPECT_TRUE(second.has(target));
    EXPECT_TRUE(second.unkept(SiteId("arbiter")).ops.empty());

    SeenUp elsewhere;
    elsewhere.load(stored(change));
    elsewhere.expect(target, address_of(settings("host=b")));
    EXPECT_FALSE(elsewhere.has(target)) << "another server was up there";
}

TEST(SeenUp, WritesAgainWhatChangedWhileItWasWritten) {
    const auto target = settings("host=a").target;
    SeenUp seen;
    seen.expect(target, address_of(settings("host=a")));
    seen.note(target);
    const auto change = seen.unkept(SiteId("arbiter"));
    seen.expect(target, address_of(settings("host=b")));
    seen.note(target);
    seen.kept(change);
    EXPECT_EQ(seen.unkept(SiteId("arbiter")).ops.size(), 1U);
}

}  // namespace
}  // namespace muster::agent
