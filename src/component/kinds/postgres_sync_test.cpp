#include <gtest/gtest.h>

#include "component/fakes_test.h"
#include "component/kinds/postgres_component.h"

namespace muster::component {
namespace {

using Mode = ReplicationView::Mode;

plan::Service service_of(const plan::Component& component, Duration rpo) {
    auto service = shop({component});
    service.objectives.rpo = rpo;
    return service;
}

ReplicationView view_of(const plan::Component& component, Duration rpo = Duration(0),
                        const Verdicts& verdicts = {}) {
    const PostgresComponent made(service_of(component, rpo), component);
    return *made.replication(SiteId("east"), verdicts);
}

plan::Component with(std::vector<std::pair<std::string, std::string>> settings) {
    auto component = orders();
    Parameters parameters;
    for (auto& [key, value] : settings) {
        parameters.text(key, std::move(value));
    }
    component.settings = std::move(parameters).build();
    return component;
}

TEST(PostgresSync, RefusesADegradeThatWouldDoNothing) {
    const auto make = [](const plan::Component& component, Duration rpo) {
        return make_component(service_of(component, rpo), component);
    };
    EXPECT_TRUE(make(with({{"degrade", "5s"}}), Duration{}));
    EXPECT_TRUE(make(with({{"degrade", "5s"}, {"sync", "managed"}}), std::chrono::seconds(5)));
    for (const auto& useless : {make(with({{"degrade", "5s"}}), std::chrono::seconds(5)),
                                make(with({{"degrade", "5s"}, {"sync", "off"}}), Duration{})}) {
        ASSERT_FALSE(useless);
        EXPECT_NE(useless.error().message().find("`degrade` does nothing"), std::string::npos);
    }
}

TEST(PostgresSync, IsManagedWhereTheRpoIsZeroUnlessThePlanSaysOtherwise) {
    EXPECT_EQ(view_of(orders()).mode, Mode::kManaged);
    EXPECT_EQ(view_of(orders(), std::chrono::seconds(5)).mode, Mode::kOff);
    EXPECT_EQ(view_of(with({{"sync", "true"}})).mode, Mode::kObserved);
    EXPECT_EQ(view_of(with({{"sync", "observed"}})).mode, Mode::kObserved);
    EXPECT_EQ(view_of(with({{"sync", "false"}})).mode, Mode::kOff);
    EXPECT_EQ(view_of(with({{"sync", "managed"}}), std::chrono::seconds(5)).mode, Mode::kManaged);
}

TEST(PostgresSync, DegradesNeverWithAnRpoOfZeroElseAfterTenSeconds) {
    const auto managed = with({{"sync", "managed"}});
    EXPECT_EQ(view_of(managed).degrade_after, std::nullopt);
    EXPECT_EQ(view_of(managed, std::chrono::seconds(5)).degrade_after,
              Duration(std::chrono::seconds(10)));
    EXPECT_EQ(view_of(with({{"sync", "managed"}, {"degrade", "30s"}})).degrade_after,
              Duration(std::chrono::seconds(30)));
    EXPECT_EQ(view_of(with({{"sync", "managed"}, {"degrade", "never"}}), std::chrono::seconds(5))
                  .degrade_after,
              std::nullopt);
}

TEST(PostgresSync, ReadsThePrimarysSample) {
    probe::Verdict verdict;
    verdict.health = probe::Health::kUp;
    verdict.sampled = verdict.facts_at = Instant(std::chrono::seconds(9));
    verdict.facts = {{"writable", "true"},
                     {"lsn", "0/3000"},
                     {"sync_names", "x"},
                     {"replicas", "muster_west streaming sync 0/2000, walreceiver catchup async"}};
    auto view = view_of(orders(), {}, {{target_of("orders", "east"), verdict}});
    EXPECT_TRUE(view.is_current);
    EXPECT_EQ(view.setting, "x");
    EXPECT_EQ(view.position.value, 0x3000U);
    ASSERT_EQ(view.standbys.size(), 1U);
    EXPECT_EQ(view.standbys[0].named, 1);
    EXPECT_TRUE(view.standbys[0].is_streaming);
    EXPECT_EQ(view.standbys[0].flushed.value, 0x2000U);
    verdict.facts_at -= std::chrono::seconds(1);
    view = view_of(orders(), {}, {{target_of("orders", "east"), verdict}});
    EXPECT_FALSE(view.is_current) << "old facts are not acted on";
}

TEST(PostgresSync, ManagedReplicationIsNotJudgedByWhatAProbeSaw) {
    const auto component = with({{"sync", "managed"}});
    probe::Verdict primary;
    primary.health = probe::Health::kUp;
    primary.facts = {{"sync_state", "sync"}};
    const auto report = (*make_component(service_of(component, {}), component))
                            ->assess(SiteId("west"), SiteId("east"),
                                     {{target_of("orders", "east"), primary},
                                      {target_of("orders", "west"), probe::Verdict{}}},
                                     Instant{});
    EXPECT_FALSE(report.is_in_sync);
}

TEST(PostgresSync, ItsServersBeginAPromotionWithoutNames) {
    auto component = with({{"sync", "managed"}});
    const auto steps = (*make_component(service_of(component, {}), component))
                           ->steps(move_of(Move::Kind::kFailover));
    for (const auto& step : steps) {
        if (step.step.action == "postgres.promote") {
            EXPECT_TRUE(server_from(part(step.step.with, "server")).is_sync_managed);
        }
    }
    EXPECT_EQ(steps.back().step.action, "postgres.keep_divergence");
}

TEST(PostgresSync, WatchesCloselyWhatMustBeKnownToHalfASecond) {
    const auto probes =
        PostgresComponent(service_of(orders(), {}), orders()).probes(SiteId("east"));
    EXPECT_EQ(probes[0].plan.interval, Duration(std::chrono::milliseconds(250)));
    EXPECT_EQ(probes[1].plan.interval, Duration(std::chrono::milliseconds(125)));
}

class Acknowledged : public ::testing::Test {
  protected:
    Result<Fields> check(const std::string& file = "/srv/ids") {
        return bench_.apply(
            "postgres.check_acknowledged",
            std::move(Parameters()
                          .node("server", to_node(servers_at(orders(), SiteId("west")).front()))
                          .text("file", file)
                          .text("query", "SELECT 1"))
                .build());
    }
    workflow::CommandResult& printed() {
        return bench_.commands.results["tail -n 10000 -- /srv/ids"];
    }
    Bench bench_;
};

TEST_F(Acknowledged, CountsTheNewestAndNamesTheMissing) {
    for (int i = 0; i < 10'005; ++i) {
        printed().output += "i" + std::to_string(i) + "\n";
    }
    printed().output += "half a li";
    bench_.control.missing = {"i3", "i10004", "i10003"};
    const auto outputs = check().value();
    EXPECT_EQ(outputs.at("acknowledged_sampled"), "10000");
    EXPECT_EQ(outputs.at("acknowledged_missing"), "2");
    EXPECT_EQ(outputs.at("missing_ids"), "i10003, i10004");
    EXPECT_EQ(bench_.control.checked.ids.front(), "i5");
    EXPECT_EQ(bench_.control.checked.query, "SELECT 1");
}

TEST_F(Acknowledged, TellsWhyItCouldNotSampleAndHoldsUpNothing) {
    printed().exit_code = 1;
    printed().error = "no such file";
    const auto outputs = check().value();
    EXPECT_FALSE(outputs.contains("acknowledged_sampled"));
    EXPECT_EQ(outputs.at("sample_error"), "tail ended with 1: no such file");
    printed() = {};
    printed().output = "a\n";
    printed().is_cut = true;
    EXPECT_TRUE(check().value().contains("sample_error"));
}

}  // namespace
}  // namespace muster::component
