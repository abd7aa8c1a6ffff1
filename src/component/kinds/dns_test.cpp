#include <gtest/gtest.h>

#include "component/fakes_test.h"

namespace muster::component {
namespace {

using probe::Health;
using State = workflow::Observation::State;
using Texts = std::vector<std::string>;

Verdicts verdicts(const std::map<std::string, Health>& hosts) {
    Verdicts verdicts;
    for (const auto& [host, health] : hosts) {
        verdicts[target_of("web", host.starts_with("10.0") ? "east" : "west", host)].health =
            health;
    }
    return verdicts;
}

steer::Wanted wanted(const Verdicts& verdicts,
                     plan::Strategy strategy = plan::Strategy::kWarmStandby) {
    auto service = shop({web(), entry()});
    service.strategy = strategy;
    const auto component = *make_component(service, entry());
    return component->wanted(SiteId("east"), verdicts, Epoch{3}).at(0);
}

TEST(DnsWanted, LeavesDeadAddressesOut) {
    const auto result =
        wanted(verdicts({{"10.0.1.10:8080", Health::kUp}, {"10.0.1.11:8080", Health::kDown}}));
    EXPECT_EQ(result.answers, Texts{"10.0.1.10"});
    EXPECT_TRUE(result.is_suspect);
    EXPECT_EQ(result.epoch, Epoch{3});
    EXPECT_EQ(result.record.ttl, Duration(std::chrono::seconds(10)));
}

TEST(DnsWanted, KeepsAllWhenAllAreDead) {
    EXPECT_EQ(
        wanted(verdicts({{"10.0.1.10:8080", Health::kDown}, {"10.0.1.11:8080", Health::kDown}}))
            .answers,
        (Texts{"10.0.1.10", "10.0.1.11"}));
}

TEST(DnsWanted, TakesNothingOutOnAGuess) {
    const Texts both = {"10.0.1.10", "10.0.1.11"};
    EXPECT_EQ(wanted({}).answers, both);
    EXPECT_FALSE(wanted({}).is_suspect);
    EXPECT_EQ(
        wanted(verdicts({{"10.0.1.10:8080", Health::kUp}, {"10.0.1.11:8080", Health::kUnknown}}))
            .answers,
        both);
}

TEST(DnsWanted, AnAddressLivesWhileOneOfItsInstancesLives) {
    EXPECT_EQ(wanted(verdicts({{"10.0.1.10:8080", Health::kDown},
                               {"10.0.1.10:8081", Health::kUp},
                               {"10.0.1.11:8080", Health::kUp}}))
                  .answers,
              (Texts{"10.0.1.10", "10.0.1.11"}));
}

TEST(DnsWanted, IsSuspectAtTheFirstBadSample) {
    auto seen = verdicts({{"10.0.1.10:8080", Health::kUp}, {"10.0.1.11:8080", Health::kUp}});
    EXPECT_FALSE(wanted(seen).is_suspect);
    seen.begin()->second.is_suspect = true;
    EXPECT_TRUE(wanted(seen).is_suspect);
}

TEST(DnsWanted, IsNotDisturbedByOtherSitesOrServices) {
    auto seen = verdicts({{"10.1.1.10:8080", Health::kDown}});
    probe::TargetId other = target_of("web", "east", "10.0.1.10:8080");
    other.service = ServiceId("other");
    seen[other].health = Health::kDown;
    EXPECT_EQ(wanted(seen).answers.size(), 2U);
    EXPECT_FALSE(wanted(seen).is_suspect);
}

TEST(DnsWanted, MultiSiteAnswersEverySite) {
    EXPECT_EQ(
        wanted(verdicts({{"10.1.1.11:8080", Health::kDown}}), plan::Strategy::kMultiSite).answers,
        (Texts{"10.0.1.10", "10.0.1.11", "10.1.1.10"}));
}

TEST(DnsMake, NeedsANameAndAnswersForEverySite) {
    auto component = entry();
    component.settings = {};
    EXPECT_EQ(make_component(shop({component}), component).error().code(), Errc::kInvalid);
    component.settings =
        std::move(
            Parameters()
                .node("record", map({{"name", "shop.example.com"}}))
                .node("answers", std::move(Parameters().texts("east", {"10.0.1.10"})).build()))
            .build();
    const auto result = make_component(shop({component}), component);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message().find("west"), std::string::npos);
}

struct DnsPoint : testing::Test {
    Bench bench;
    steer::Actual& record = bench.steerer.records["shop.example.com"];
    plan::Node with = (*make_component(shop({entry()}), entry()))
                          ->steps(move_of(Move::Kind::kFailover))
                          .front()
                          .step.with;
    void SetUp() override { record.answers = {"10.0.1.10"}; }
};

TEST_F(DnsPoint, SetsTheAnswersOfTheNewSite) {
    EXPECT_EQ(bench.observe("dns.point", with)->state, State::kNotDone);
    const auto outputs = bench.apply("dns.point", with);
    ASSERT_TRUE(outputs);
    EXPECT_EQ(record.answers, (Texts{"10.1.1.10", "10.1.1.11"}));
    EXPECT_EQ(record.epoch, Epoch{7});
    EXPECT_EQ(outputs->at("previous"), "10.0.1.10");
    EXPECT_EQ(bench.observe("dns.point", with)->state, State::kDone);
}

TEST_F(DnsPoint, IsRefusedForAnOlderEpoch) {
    record.epoch = Epoch{8};
    EXPECT_EQ(bench.apply("dns.point", with).error().code(), Errc::kConflict);
    EXPECT_EQ(record.answers, Texts{"10.0.1.10"});
}

TEST_F(DnsPoint, SameAnswersOfAnOlderEpochAreNotDone) {
    record.answers = {"10.1.1.11", "10.1.1.10"};
    record.epoch = Epoch{6};
    EXPECT_EQ(bench.observe("dns.point", with)->state, State::kNotDone);
}

TEST_F(DnsPoint, UndoPutsThePreviousAnswersBack) {
    const auto outputs = bench.apply("dns.point", with);
    ASSERT_TRUE(bench.undo("dns.point", with, *outputs));
    EXPECT_EQ(record.answers, Texts{"10.0.1.10"});
    ASSERT_TRUE(bench.undo("dns.point", with, {{"previous", ""}}));
    EXPECT_EQ(record.answers, Texts{"10.0.1.10"});
}

TEST_F(DnsPoint, AnEmptySetIsNeverPublished) {
    EXPECT_EQ(bench.apply("dns.point", map({{"name", "shop.example.com"}})).error().code(),
              Errc::kInvalid);
}

TEST_F(DnsPoint, HandsErrorsOn) {
    bench.steerer.error = Error(Errc::kUnavailable, "no answer");
    EXPECT_EQ(bench.observe("dns.point", with).error().code(), Errc::kUnavailable);
}

}  // namespace
}  // namespace muster::component
