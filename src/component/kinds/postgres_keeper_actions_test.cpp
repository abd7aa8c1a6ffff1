#include <gtest/gtest.h>

#include <algorithm>

#include "component/fakes_test.h"
#include "component/kinds/postgres_component.h"

namespace muster::component {
namespace {

using postgres::Process;
using postgres::Role;

plan::Node server(const std::string& site) {
    auto made = servers_at(orders(), SiteId(site)).front();
    made.fence_command = {"power-off", site};
    return to_node(made);
}

struct KeeperActions : testing::Test {
    Bench bench;
    FakeControl& control = bench.control;

    void SetUp() override {
        auto& west = control.marks["west"];
        west.state.accepts_connections = true;
        west.state.role = Role::kPrimary;
        west.state.is_writable = true;
        west.state.timeline = 2;
        west.state.system_identifier = "7";
        west.canary = Epoch{3};
        auto& east = control.marks["east"];
        east = west;
        east.state.timeline = 1;
        east.canary = Epoch{0};
        east.sessions = 4;
        control.states["east"].process = Process::kStopped;
    }
    Result<Fields> refuse() {
        return bench.apply("postgres.refuse", std::move(Parameters()
                                                            .node("server", server("east"))
                                                            .node("primary", server("west"))
                                                            .number("left", 3))
                                                  .build());
    }
    [[nodiscard]] bool called(const std::string& call) const {
        return std::ranges::find(control.calls, call) != control.calls.end();
    }
};

TEST_F(KeeperActions, AFormerPrimaryIsFencedOnItsHost) {
    const auto outputs = refuse();
    ASSERT_TRUE(outputs) << outputs.error().message();
    EXPECT_EQ(outputs->at("found"), "fenced");
    EXPECT_EQ(outputs->at("sessions"), "4");
    EXPECT_FALSE(outputs->at("proof").empty());
    EXPECT_TRUE(called("fence east"));
    EXPECT_FALSE(called("fence by command east"));
    EXPECT_FALSE(called("fence west"));
}

TEST_F(KeeperActions, AnUnprovenWriterIsNotTouched) {
    control.marks["east"].canary = Epoch{3};
    const auto outputs = refuse();
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code(), Errc::kDenied);
    EXPECT_FALSE(called("fence east"));
}

TEST_F(KeeperActions, AStandbyIsLeftInPeaceWithoutAskingThePrimary) {
    control.marks["east"].state.role = Role::kStandby;
    control.marks["east"].state.is_writable = false;
    EXPECT_EQ(refuse()->at("found"), "standby");
    EXPECT_FALSE(called("marks west"));
    EXPECT_FALSE(called("fence east"));
}

TEST_F(KeeperActions, AStoppedServerWithoutTheSignalIsSealed) {
    auto& east = control.marks["east"];
    east = {};
    east.state.process = Process::kStopped;
    east.state.system_identifier = "7";
    east.has_signal = false;
    EXPECT_EQ(refuse()->at("found"), "sealed");
    EXPECT_TRUE(called("fence east"));
}

TEST_F(KeeperActions, AFenceThatIsNotProvenIsNotToldAsDone) {
    control.states["east"].process = Process::kRunning;
    const auto outputs = refuse();
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code(), Errc::kOutcomeUnknown);
}

TEST_F(KeeperActions, AHostThatDoesNotAnswerLeavesTheFenceUndurable) {
    control.errors.emplace("fence east", Error(Errc::kUnavailable, "no route"));
    const auto with = [] { return std::move(Parameters().node("server", server("east"))).build(); };
    EXPECT_EQ(bench.apply("postgres.seal", with())->at("durable"), "false");
    control.errors.clear();
    EXPECT_EQ(bench.apply("postgres.seal", with())->at("durable"), "true");
}

TEST_F(KeeperActions, ExamineTellsWhatASideHas) {
    const auto outputs = bench.apply(
        "postgres.examine", std::move(Parameters().node("server", server("east"))).build());
    ASSERT_TRUE(outputs);
    EXPECT_EQ(outputs->at("summary"),
              "takes writes, timeline 1 at 0/0, epoch mark 0, newest write unknown, 4 client "
              "sessions, cluster 7");
    EXPECT_EQ(outputs->at("mend"), "pg_ctl -D /srv/east -m fast stop");
}

TEST(KeeperSteps, ARebuildNeverRunsTheFenceCommand) {
    auto part = orders();
    for (auto& site : part.sites) {
        auto server = servers_at(part, site.site).front();
        server.fence_command = {"power-off"};
        site.settings = to_node(server);
    }
    const PostgresComponent component(shop({part}), part);
    const auto rebuild = component.steps({Move::Kind::kRebuild, SiteId("west"), SiteId("east")});
    ASSERT_FALSE(rebuild.empty());
    EXPECT_EQ(rebuild[0].step.action, "postgres.fence");
    const auto fenced = server_from(rebuild[0].step.with.find("server") == nullptr
                                        ? plan::Node()
                                        : *rebuild[0].step.with.find("server"));
    EXPECT_TRUE(fenced.fence_command.empty());
    const auto failover = component.steps({Move::Kind::kFailover, SiteId("east"), SiteId("west")});
    const auto has_seal = std::ranges::any_of(
        failover, [](const auto& one) { return one.step.action == "postgres.seal"; });
    EXPECT_TRUE(has_seal) << "the command's fence is made durable";
}

}  // namespace
}  // namespace muster::component
