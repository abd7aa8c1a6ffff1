#include "component/wait_action.h"

#include <gtest/gtest.h>

#include "component/fakes_test.h"
#include "component/probe_round.h"

namespace muster::component {
namespace {

struct WaitActionTest : testing::Test {
    Bench bench;

    static plan::Node entry_wait() {
        const auto service = shop({web(), entry()});
        return (*make_component(service, entry()))
            ->steps(move_of(Move::Kind::kFailover))
            .back()
            .step.with;
    }
    void point_at(std::vector<std::string> answers) {
        bench.steerer.records["shop.example.com"].answers = std::move(answers);
    }
};

TEST_F(WaitActionTest, WaitsForADuration) {
    const Instant began = bench.clock.now();
    const auto outputs = bench.apply("wait", map({{"duration", "1500ms"}}));
    ASSERT_TRUE(outputs);
    EXPECT_EQ(bench.clock.now() - began, Duration(std::chrono::milliseconds(1500)));
    EXPECT_EQ(outputs->at("waited_ms"), "1500");
}

TEST_F(WaitActionTest, RefusesADurationBeyondItsDeadline) {
    EXPECT_EQ(bench.apply("wait", map({{"duration", "1h"}})).error().code(), Errc::kInvalid);
    EXPECT_EQ(bench.apply("wait", map({{"duration", "soon"}})).error().code(), Errc::kInvalid);
    EXPECT_EQ(bench.apply("wait", map({})).error().code(), Errc::kInvalid);
}

TEST_F(WaitActionTest, RepeatsAProbeUntilItIsGood) {
    bench.world.good_after["a:1"] = 3;
    const auto with = std::move(Parameters()
                                    .node("probe", map({{"http", "http://{address}/"}}))
                                    .node("variables", map({{"address", "a:1"}})))
                          .build();
    const auto outputs = bench.apply("wait", with);
    ASSERT_TRUE(outputs) << outputs.error().message();
    EXPECT_EQ(outputs->at("first_good_ms"), "150");
    EXPECT_EQ(outputs->at("rounds"), "4");
}

TEST_F(WaitActionTest, NeedsSoManyGoodRoundsInARow) {
    bench.world.good_after["a:1"] = 0;
    const auto with = std::move(Parameters()
                                    .node("probe", map({{"http", "http://{address}/"}}))
                                    .node("variables", map({{"address", "a:1"}}))
                                    .number("for", 3))
                          .build();
    const auto outputs = bench.apply("wait", with);
    ASSERT_TRUE(outputs);
    EXPECT_EQ(outputs->at("first_good_ms"), "0");
    EXPECT_EQ(outputs->at("rounds"), "3");
}

TEST_F(WaitActionTest, TimesOutWithTheLastReason) {
    const auto outputs = bench.apply(
        "wait", std::move(Parameters().node("probe", map({{"http", "http://x/"}}))).build());
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code(), Errc::kTimedOut);
    EXPECT_NE(outputs.error().message().find("connection refused"), std::string::npos);
}

TEST_F(WaitActionTest, RefusesAnUnknownProbeType) {
    EXPECT_EQ(
        bench.apply("wait", std::move(Parameters().node("probe", map({{"smoke", "x"}}))).build())
            .error()
            .code(),
        Errc::kInvalid);
}

TEST_F(WaitActionTest, GoesThroughTheAddressesThatTheSteererAnswers) {
    point_at({"10.1.1.11"});
    bench.world.good_after["10.1.1.11:8080"] = 1;
    const auto outputs = bench.apply("wait", entry_wait());
    ASSERT_TRUE(outputs) << outputs.error().message();
    EXPECT_EQ(outputs->at("first_good_ms"), "50");
}

TEST_F(WaitActionTest, IsNotSatisfiedByTheOldSite) {
    point_at({"10.0.1.10"});
    bench.world.good_after["10.0.1.10:8080"] = 0;
    const auto outputs = bench.apply("wait", entry_wait());
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code(), Errc::kTimedOut);
    EXPECT_NE(outputs.error().message().find("still answers 10.0.1.10"), std::string::npos);
}

TEST_F(WaitActionTest, OutlivesASteererThatIsAway) {
    bench.steerer.error = Error(Errc::kUnavailable, "no answer");
    EXPECT_EQ(bench.apply("wait", entry_wait()).error().code(), Errc::kTimedOut);
}

TEST_F(WaitActionTest, AnAddressWithoutInstanceIsProbedItself) {
    point_at({"192.0.2.1"});
    bench.world.good_after["192.0.2.1"] = 0;
    const auto with = std::move(Parameters()
                                    .node("probe", map({{"http", "http://{address}/"}}))
                                    .node("record", map({{"name", "shop.example.com"}})))
                          .build();
    EXPECT_TRUE(bench.apply("wait", with));
}

TEST(AddressFields, TellHostFromPort) {
    EXPECT_EQ(address_fields("10.0.1.10:80").at("host"), "10.0.1.10");
    EXPECT_EQ(address_fields("10.0.1.10:80").at("port"), "80");
    EXPECT_EQ(address_fields("10.0.1.10").at("port"), "");
    EXPECT_EQ(address_fields("[2001:db8::1]:443").at("host"), "2001:db8::1");
    EXPECT_EQ(address_fields("[2001:db8::1]:443").at("port"), "443");
    EXPECT_EQ(address_fields("2001:db8::1").at("host"), "2001:db8::1");
}

TEST(ProbeRound, StepsCarryTheProbeWithItsTiming) {
    probe::Registry registry;
    registry.add("http", {});
    plan::Probe probe = http_probe();
    probe.interval = std::chrono::milliseconds(250);
    const auto back = probe_from(to_node(probe), registry);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->type, "http");
    EXPECT_EQ(back->interval, probe.interval);
    EXPECT_EQ(back->settings.text("http"), "http://{address}/health");
    EXPECT_FALSE(probe_from(map({{"http", "x"}, {"timeout", "1 year"}}), registry));
}

}  // namespace
}  // namespace muster::component
