#include <gtest/gtest.h>

#include "agent/event_log.h"
#include "agent/primacy.h"
#include "agent/votes.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

Ballot ballot() {
    Ballot made;
    made.vantage = {SiteId("west"), true, ""};
    made.votes.push_back({SiteId("west"),
                          {ServiceId("shop"), ComponentId("orders"), SiteId("east"), "a:1"},
                          probe::Health::kDown,
                          probe::Evidence::kHard,
                          Instant(90s),
                          Instant(99s),
                          "connection refused"});
    decide::Witness witness;
    witness.name = "orders@west sees the primary";
    witness.site = SiteId("west");
    witness.says = decide::Witness::Says::kDead;
    witness.at = Instant(98s);
    witness.service = ServiceId("shop");
    made.witnesses.push_back(witness);
    return made;
}

TEST(Ballot, TravelsAsAgesOntoTheReadersClock) {
    const auto read = decode_ballot(encode(ballot(), Instant(100s)), Instant(5'000s)).value();
    ASSERT_EQ(read.votes.size(), 1U);
    EXPECT_EQ(read.votes[0].vantage, SiteId("west"));
    EXPECT_EQ(read.votes[0].target, ballot().votes[0].target);
    EXPECT_EQ(read.votes[0].health, probe::Health::kDown);
    EXPECT_EQ(read.votes[0].evidence, probe::Evidence::kHard);
    EXPECT_EQ(read.votes[0].since, Instant(4'990s));
    EXPECT_EQ(read.votes[0].received, Instant(4'999s));
    ASSERT_EQ(read.witnesses.size(), 1U);
    EXPECT_EQ(read.witnesses[0].says, decide::Witness::Says::kDead);
    EXPECT_EQ(read.witnesses[0].at, Instant(4'998s));
    EXPECT_EQ(read.witnesses[0].service, ServiceId("shop"));
}

TEST(Ballot, DamageIsRefusedNotGuessed) {
    const auto whole = encode(ballot(), Instant(100s));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(decode_ballot(whole.substr(0, length), Instant(100s))) << length;
    }
    EXPECT_FALSE(decode_ballot(R"({"is_eligible":true,"votes":[["a"]],"witnesses":[]})", {}));
    EXPECT_FALSE(decode_ballot(
        R"({"is_eligible":true,"votes":[["s","c","e","",9,0,0,0,""]],"witnesses":[]})", {}));
}

TEST(Primacy, ReadsBackAndKeepsItsRevision) {
    Primacy primacy{SiteId("east"), Epoch{7}, SiteId("west"), RunId("r-1"), {}};
    primacy.left[SiteId("north")] = Epoch{5};
    const state::KeyValue entry{primacy_key(ServiceId("shop")), encode(primacy), {}, {12}, {}};
    const auto read = decode_primacy(entry).value();
    EXPECT_EQ(read.site, SiteId("east"));
    EXPECT_EQ(read.epoch, Epoch{7});
    EXPECT_EQ(read.moving_to, SiteId("west"));
    EXPECT_EQ(read.run, RunId("r-1"));
    EXPECT_EQ(read.revision.value, 12);
    EXPECT_EQ(read.left, primacy.left);
}

TEST(Primacy, ARecordOfAnOlderVersionHasLeftNoSite) {
    const state::KeyValue entry{
        "services/shop/primacy", R"({"version":1,"site":"east","epoch":3})", {}, {1}, {}};
    EXPECT_TRUE(decode_primacy(entry).value().left.empty());
}

TEST(Primacy, ADamagedRecordIsCorrupt) {
    for (const auto* text : {"", "{}", "[]", R"({"epoch":"7"})", "{\"epoch\":7"}) {
        const state::KeyValue entry{"services/shop/primacy", text, {}, {1}, {}};
        const auto read = decode_primacy(entry);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code(), Errc::kCorrupt);
    }
}

TEST(Primacy, OnlyItsOwnKeysNameAService) {
    EXPECT_EQ(service_of_key(primacy_key(ServiceId("shop"))), ServiceId("shop"));
    EXPECT_FALSE(service_of_key("services/shop/other"));
    EXPECT_FALSE(service_of_key("runs/shop/primacy"));
}

TEST(Event, ReadsBack) {
    Event event;
    event.id = 42;
    event.at = WallTime(1'800'000'000s);
    event.name = "run.started";
    event.severity = "info";
    event.subject = "r-1";
    event.message = "failover of \"shop\"\n";
    event.data = {{"service", "shop"}};
    const auto read = decode_event(encode(event)).value();
    EXPECT_EQ(read.id, 42);
    EXPECT_EQ(read.at, event.at);
    EXPECT_EQ(read.name, event.name);
    EXPECT_EQ(read.message, event.message);
    EXPECT_EQ(read.data, event.data);
    EXPECT_FALSE(decode_event("{}"));
    EXPECT_FALSE(decode_event("not json"));
}

}  // namespace
}  // namespace muster::agent
