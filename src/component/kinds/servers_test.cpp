#include <gtest/gtest.h>

#include "component/fakes_test.h"

namespace muster::component {
namespace {

using probe::Evidence;
using probe::Health;
using State = workflow::Observation::State;

std::unique_ptr<Component> made(const plan::Component& component = web()) {
    return *make_component(shop({component}), component);
}

Verdicts verdicts(const std::map<std::string, Health>& hosts, Evidence bad = Evidence::kHard) {
    Verdicts verdicts;
    for (const auto& [host, health] : hosts) {
        probe::Verdict verdict;
        verdict.health = health;
        verdict.evidence = health == Health::kDown ? bad : Evidence::kGood;
        verdict.detail = "refused";
        verdicts[target_of("web", host.starts_with("10.0") ? "east" : "west", host)] = verdict;
    }
    return verdicts;
}

SiteReport east(const Verdicts& verdicts) {
    return made()->assess(SiteId("east"), SiteId("east"), verdicts, Instant());
}

TEST(ServersAssess, IsUpWhileOneServes) {
    const auto report =
        east(verdicts({{"10.0.1.10:8080", Health::kUp}, {"10.0.1.11:8080", Health::kDown}}));
    EXPECT_EQ(report.health, Health::kUp);
    EXPECT_EQ(report.healthy, 1);
    EXPECT_EQ(report.wanted, 2);
    EXPECT_EQ(report.detail, "1 of 2 healthy, 10.0.1.11:8080: refused");
}

TEST(ServersAssess, IsDownOnlyWhenAllAreDown) {
    EXPECT_EQ(east(verdicts({{"10.0.1.10:8080", Health::kDown}})).health, Health::kUnknown);
    const auto both = std::map<std::string, Health>{{"10.0.1.10:8080", Health::kDown},
                                                    {"10.0.1.11:8080", Health::kDown}};
    EXPECT_EQ(east(verdicts(both)).health, Health::kDown);
    EXPECT_EQ(east(verdicts(both)).evidence, Evidence::kHard);
    EXPECT_EQ(east(verdicts(both, Evidence::kSilence)).evidence, Evidence::kSilence);
}

TEST(ServersAssess, NoneWantedAtAPilotLightIsNoFailure) {
    auto component = web();
    component.capacity->standby = 0;
    const auto report = made(component)->assess(
        SiteId("west"), SiteId("east"),
        verdicts({{"10.1.1.10:8080", Health::kDown}, {"10.1.1.11:8080", Health::kDown}}),
        Instant());
    EXPECT_EQ(report.health, Health::kUp);
    EXPECT_EQ(report.wanted, 0);
}

TEST(ServersProbes, WatchEveryInstance) {
    const auto probes = made()->probes(SiteId("east"));
    ASSERT_EQ(probes.size(), 4U);
    EXPECT_EQ(probes[0].target.instance, "10.0.1.10:8080");
    EXPECT_EQ(probes[0].variables.at("address"), "10.0.1.10:8080");
    EXPECT_EQ(probes[0].variables.at("host"), "10.0.1.10");
    EXPECT_EQ(probes[0].variables.at("port"), "8080");
}

TEST(ServersMake, NeedsAProbeHostsAndKnownNames) {
    auto component = web();
    component.probe.reset();
    EXPECT_EQ(make_component(shop({component}), component).error().code(), Errc::kInvalid);
    component = web();
    component.sites[0].settings = {};
    EXPECT_EQ(make_component(shop({component}), component).error().code(), Errc::kInvalid);
    component = web();
    component.settings = std::move(Parameters().texts("start", {"start", "{hots}"})).build();
    EXPECT_EQ(make_component(shop({component}), component).error().code(), Errc::kInvalid);
}

TEST(ServersSteps, NothingIsFenced) {
    EXPECT_FALSE(made()->fence_class());
    for (const auto& step : made()->steps(move_of(Move::Kind::kFailover))) {
        EXPECT_NE(step.phase, Phase::kFence);
    }
}

struct ServersActions : testing::Test {
    Bench bench;

    static plan::Node scale(const plan::Component& component = web()) {
        return made(component)->steps(move_of(Move::Kind::kFailover)).front().step.with;
    }
    static plan::Node release() {
        return made()->steps(move_of(Move::Kind::kFailover)).back().step.with;
    }
    [[nodiscard]] std::vector<std::string> ran() const {
        std::vector<std::string> lines;
        for (const auto& command : bench.commands.ran) {
            std::string line;
            for (const auto& word : command.argv) {
                line += (line.empty() ? "" : " ") + word;
            }
            lines.push_back(line);
        }
        return lines;
    }
};

TEST_F(ServersActions, ScaleStartsOnlyWhatDoesNotServe) {
    bench.world.good_after["10.1.1.10:8080"] = 0;
    bench.commands.on_run = [this](const std::string&) {
        bench.world.good_after["10.1.1.11:8080"] = 3;
    };
    const auto outputs = bench.apply("servers.scale", scale());
    ASSERT_TRUE(outputs) << outputs.error().message();
    EXPECT_EQ(ran(), std::vector<std::string>{"startweb 10.1.1.11 1"});
    EXPECT_EQ(outputs->at("healthy"), "2");
    EXPECT_EQ(outputs->at("started"), "1");
    EXPECT_TRUE(bench.commands.ran[0].is_daemon);
}

TEST_F(ServersActions, ScaleStartsNothingWhenEnoughServe) {
    bench.world.good_after = {{"10.1.1.10:8080", 0}, {"10.1.1.11:8080", 0}};
    EXPECT_EQ(bench.observe("servers.scale", scale())->state, State::kDone);
    EXPECT_TRUE(bench.apply("servers.scale", scale()));
    EXPECT_TRUE(ran().empty());
}

TEST_F(ServersActions, ScaleThatStartedSomethingDoesNotPromiseThatNothingHappened) {
    EXPECT_EQ(bench.observe("servers.scale", scale())->state, State::kNotDone);
    const auto outputs = bench.apply("servers.scale", scale());
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code(), Errc::kOutcomeUnknown);
    EXPECT_NE(outputs.error().message().find("0 of 2 healthy"), std::string::npos);
}

TEST_F(ServersActions, ScaleWithoutStartCommandTimesOut) {
    auto component = web();
    component.settings = {};
    const auto outputs = bench.apply("servers.scale", scale(component));
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code(), Errc::kTimedOut);
}

TEST_F(ServersActions, OneBrokenHostDoesNotKeepTheOthersFromStarting) {
    bench.commands.results["startweb 10.1.1.10 0"].exit_code = 1;
    bench.commands.results["startweb 10.1.1.10 0"].error = "no disk\n";
    const auto outputs = bench.apply("servers.scale", scale());
    ASSERT_FALSE(outputs);
    EXPECT_EQ(ran().size(), 2U);
    EXPECT_NE(outputs.error().message().find("no disk"), std::string::npos);
}

TEST_F(ServersActions, CountCommandAddsUpTheHosts) {
    auto component = web();
    component.capacity = plan::Capacity{4, 1, 4};
    component.settings = std::move(Parameters()
                                       .texts("start", {"startweb", "{host}", "{index}"})
                                       .texts("count", {"countweb", "{host}"}))
                             .build();
    bench.world.good_after = {{"10.1.1.10:8080", 0}, {"10.1.1.11:8080", 0}};
    bench.commands.results["countweb 10.1.1.10"].output = "2\n";
    bench.commands.results["countweb 10.1.1.11"].output = "1\n";
    EXPECT_EQ(bench.observe("servers.scale", scale(component))->state, State::kNotDone);
    bench.commands.results["countweb 10.1.1.11"].output = "2\n";
    EXPECT_EQ(bench.observe("servers.scale", scale(component))->state, State::kDone);
    bench.commands.results["countweb 10.1.1.11"].exit_code = 2;
    EXPECT_EQ(bench.observe("servers.scale", scale(component)).error().code(), Errc::kUnavailable);
}

TEST_F(ServersActions, UndoStopsOnlyWhatWasStarted) {
    ASSERT_TRUE(bench.undo("servers.scale", scale(), {{"started", "0,1"}}));
    EXPECT_EQ(ran(), (std::vector<std::string>{"stopweb 10.1.1.10 0", "stopweb 10.1.1.11 1"}));
    bench.commands.ran.clear();
    ASSERT_TRUE(bench.undo("servers.scale", scale()));
    EXPECT_TRUE(ran().empty());
}

TEST_F(ServersActions, ReleaseKeepsTheStandbyAndNeverBlocks) {
    bench.commands.errors.insert_or_assign("stopweb 10.0.1.11 1",
                                           Error(Errc::kUnavailable, "no route"));
    const auto outputs = bench.apply("servers.release", release());
    ASSERT_TRUE(outputs);
    EXPECT_EQ(ran(), std::vector<std::string>{"stopweb 10.0.1.11 1"});
    EXPECT_EQ(outputs->at("stopped"), "0");
    EXPECT_EQ(outputs->at("not_stopped"), "no route");
}

}  // namespace
}  // namespace muster::component
