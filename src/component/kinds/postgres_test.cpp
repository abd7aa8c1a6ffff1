#include <gtest/gtest.h>

#include "component/fakes_test.h"
#include "component/kinds/postgres_server.h"

namespace muster::component {
namespace {

using probe::Health;

const Instant kNow = Instant(std::chrono::seconds(100));

std::unique_ptr<Component> made(const plan::Component& component = orders()) {
    return *make_component(shop({component}), component);
}

probe::Verdict verdict(Health health, Fields facts) {
    probe::Verdict verdict;
    verdict.health = health;
    verdict.facts = std::move(facts);
    verdict.sampled = kNow;
    verdict.facts_at = kNow;
    return verdict;
}

SiteReport report(const std::string& site, const probe::Verdict& verdict) {
    return made()->assess(SiteId(site), SiteId("east"), {{target_of("orders", site), verdict}},
                          kNow);
}

TEST(PostgresAssess, IsUnknownBeforeTheFirstVerdict) {
    const auto report = made()->assess(SiteId("east"), SiteId("east"), {}, kNow);
    EXPECT_EQ(report.health, Health::kUnknown);
    EXPECT_FALSE(report.is_writable);
    EXPECT_FALSE(report.lag);
}

TEST(PostgresAssess, LagIsTheAgeOfTheNewestHeartbeatThatArrived) {
    const auto standby = report("west", verdict(Health::kUp, {{"role", "standby"},
                                                              {"heartbeat_at_ns", "98500000000"},
                                                              {"lag_bytes", "512"}}));
    EXPECT_EQ(standby.role, "standby");
    EXPECT_EQ(standby.data_as_of, Instant(std::chrono::milliseconds(98500)));
    EXPECT_EQ(standby.lag, Duration(std::chrono::milliseconds(1500)));
    EXPECT_EQ(standby.lag_bytes, ByteCount{512});
}

TEST(PostgresAssess, LagGoesOnGrowingWhenSamplesStop) {
    auto stale = verdict(Health::kUp, {{"heartbeat_at_ns", "98500000000"}});
    const auto later =
        made()->assess(SiteId("west"), SiteId("east"), {{target_of("orders", "west"), stale}},
                       kNow + std::chrono::seconds(10));
    EXPECT_EQ(later.lag, Duration(std::chrono::milliseconds(11500)));
}

TEST(PostgresAssess, FallsBackToTheAgeOfTheHeartbeat) {
    const auto standby = report("west", verdict(Health::kUp, {{"heartbeat_age_ms", "250"}}));
    EXPECT_EQ(standby.data_as_of, kNow - std::chrono::milliseconds(250));
}

TEST(PostgresAssess, LagIsUnknownWithoutAHeartbeat) {
    EXPECT_FALSE(report("west", verdict(Health::kUp, {{"role", "standby"}})).lag);
    EXPECT_FALSE(report("west", verdict(Health::kUp, {{"heartbeat_at_ns", "junk"}})).data_as_of);
}

TEST(PostgresAssess, StandbySeesThePrimaryWhileMessagesAreFresh) {
    const auto sees = [](const Fields& facts) {
        return report("west", verdict(Health::kUp, facts)).sees_primary;
    };
    EXPECT_EQ(sees({{"streaming", "true"}, {"last_msg_age_ms", "2999"}}), true);
    EXPECT_EQ(sees({{"streaming", "true"}, {"last_msg_age_ms", "3000"}}), false);
    EXPECT_EQ(sees({{"streaming", "true"}}), false);
    EXPECT_EQ(sees({{"streaming", "false"}, {"last_msg_age_ms", "1"}}), false);
    EXPECT_EQ(sees({{"role", "standby"}}), std::nullopt);
}

TEST(PostgresAssess, OldFactsNeitherProveWritesNorDeath) {
    auto stale = verdict(Health::kDown, {{"writable", "true"}, {"process", "stopped"}});
    stale.facts_at = kNow - std::chrono::seconds(1);
    EXPECT_FALSE(report("east", stale).is_writable);
    EXPECT_FALSE(report("east", stale).is_confirmed_stopped);
    stale.facts_at = kNow;
    EXPECT_TRUE(report("east", stale).is_writable);
    EXPECT_TRUE(report("east", stale).is_confirmed_stopped);
}

TEST(PostgresAssess, AFrozenProcessIsNotConfirmedStopped) {
    EXPECT_FALSE(
        report("east", verdict(Health::kDown, {{"process", "frozen"}})).is_confirmed_stopped);
}

TEST(PostgresAssess, IsInSyncOnlyWhenDeclaredAndLatelyConfirmed) {
    auto component = orders();
    const auto in_sync = [&component](const probe::Verdict& primary) {
        return made(component)
            ->assess(SiteId("west"), SiteId("east"),
                     {{target_of("orders", "west"), verdict(Health::kUp, {{"role", "standby"}})},
                      {target_of("orders", "east"), primary}},
                     kNow)
            .is_in_sync;
    };
    auto primary = verdict(Health::kDown, {{"sync_state", "sync"}});
    primary.since = kNow - std::chrono::seconds(2);
    primary.facts_at = kNow - std::chrono::seconds(3);
    EXPECT_FALSE(in_sync(primary));
    component.settings = map({{"sync", "true"}});
    EXPECT_TRUE(in_sync(primary));
    primary.facts_at = kNow - std::chrono::seconds(30);
    EXPECT_FALSE(in_sync(primary));
    EXPECT_FALSE(in_sync(verdict(Health::kUp, {{"sync_state", "async"}})));
}

TEST(PostgresProbes, ExpectTheRoleOfEachSite) {
    const auto probes = made()->probes(SiteId("west"));
    ASSERT_EQ(probes.size(), 2U);
    EXPECT_EQ(probes[0].variables.at("expect_role"), "standby");
    EXPECT_EQ(probes[1].variables.at("expect_role"), "primary");
    EXPECT_EQ(probes[1].plan.type, "postgres");
    EXPECT_EQ(probes[1].plan.settings.text("postgres"), "{conninfo}");
    EXPECT_EQ(probes[1].variables.at("conninfo"), "host=west.db dbname=orders");
    EXPECT_EQ(probes[1].plan.interval, Duration(std::chrono::seconds(1)));
}

TEST(PostgresProbes, TakeTheTimingOfThePlan) {
    auto component = orders();
    component.probe = plan::Probe{};
    component.probe->interval = std::chrono::milliseconds(250);
    const auto probes = made(component)->probes(SiteId("east"));
    EXPECT_EQ(probes[0].plan.type, "postgres");
    EXPECT_EQ(probes[0].plan.interval, Duration(std::chrono::milliseconds(250)));
}

TEST(PostgresFenceClass, NeedsControlOfTheHostAtEverySite) {
    auto component = orders();
    EXPECT_EQ(made(component)->fence_class(), plan::FenceClass::kActuated);
    component.sites[1].settings = map({{"conninfo", "host=west.db"}});
    EXPECT_EQ(made(component)->fence_class(), plan::FenceClass::kAdvisory);
    component.sites[1].settings =
        std::move(Parameters().text("conninfo", "host=west.db").texts("fence", {"power-off"}))
            .build();
    EXPECT_EQ(made(component)->fence_class(), plan::FenceClass::kActuated);
}

TEST(PostgresSteps, AskAPersonWhereNothingCanFence) {
    auto component = orders();
    component.sites[0].settings = map({{"conninfo", "host=east.db"}});
    const auto steps = made(component)->steps(move_of(Move::Kind::kFailover));
    ASSERT_EQ(steps.size(), 3U);
    EXPECT_EQ(steps[0].step.action, "approve");
    EXPECT_EQ(steps[1].step.with.text("proof"), "a person approved step orders.fence");
}

TEST(PostgresMake, RefusesAPasswordInAConninfo) {
    for (const std::string conninfo :
         {"host=a password=x", "password = x", "postgresql://me:x@host/db", "sslpassword=x",
          "postgresql://me@host/db?password=x"}) {
        auto component = orders();
        component.sites[0].settings = map({{"conninfo", conninfo}});
        const auto result = make_component(shop({component}), component);
        ASSERT_FALSE(result) << conninfo;
        EXPECT_EQ(result.error().code(), Errc::kInvalid);
        EXPECT_EQ(result.error().message().find("x@"), std::string::npos);
    }
    EXPECT_FALSE(has_password("host=a passfile=/etc/muster/pgpass"));
    EXPECT_FALSE(has_password("postgresql://me@host:5432/db"));
}

TEST(PostgresMake, RefusesASampleThatCouldFindNothing) {
    const auto made_with = [](const plan::Node& sample) {
        auto component = orders();
        Parameters settings;
        settings.node("acknowledged", sample);
        component.settings = std::move(settings).build();
        return make_component(shop({component}), component);
    };
    const std::string query = "SELECT id FROM orders WHERE id = ANY($1)";
    EXPECT_TRUE(made_with(map({{"file", "/srv/ids"}, {"query", query}})));
    const auto without_ids = made_with(map({{"file", "/srv/ids"}, {"query", "SELECT 1"}}));
    ASSERT_FALSE(without_ids);
    EXPECT_NE(without_ids.error().message().find("no $1"), std::string::npos);
    EXPECT_NE(without_ids.error().hint().find(query), std::string::npos);
    const auto without_source = made_with(map({{"query", query}}));
    ASSERT_FALSE(without_source);
    EXPECT_NE(without_source.error().message().find("either `file` or `exec`"), std::string::npos);
    EXPECT_NE(without_source.error().hint(), "");
}

TEST(PostgresServer, SurvivesTheWayThroughAStep) {
    postgres::Server server;
    server.site = SiteId("east");
    server.conninfo = "host=a";
    server.data = "/srv/east";
    server.bin = "/usr/bin";
    server.ssh = "me@east";
    server.run_as = "postgres";
    server.replication_conninfo = "host=b";
    server.fence_command = {"power", "off"};
    const auto back = server_from(to_node(server));
    EXPECT_EQ(back.site, server.site);
    EXPECT_EQ(back.conninfo, server.conninfo);
    EXPECT_EQ(back.data, server.data);
    EXPECT_EQ(back.bin, server.bin);
    EXPECT_EQ(back.ssh, server.ssh);
    EXPECT_EQ(back.run_as, server.run_as);
    EXPECT_EQ(back.replication_conninfo, server.replication_conninfo);
    EXPECT_EQ(back.fence_command, server.fence_command);
}

}  // namespace
}  // namespace muster::component
