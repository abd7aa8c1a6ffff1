#include <gtest/gtest.h>

#include "component/fakes_test.h"
#include "component/kinds/postgres_server.h"

// Several servers at one site: which is watched, chosen, fenced and followed.
namespace muster::component {
namespace {

using postgres::Process;
using postgres::Role;
using postgres::ServerState;
using probe::Health;

const Instant kNow = Instant(std::chrono::seconds(100));

plan::Node server_node(const std::string& name, const std::string& upstream = "") {
    return map({{"name", name},
                {"conninfo", "host=" + name + ".db dbname=orders"},
                {"data", "/srv/" + name},
                {"upstream", upstream}});
}

plan::Node list_of(std::vector<plan::Node> nodes) {
    plan::Node list;
    list.kind = plan::Node::Kind::kList;
    list.items = std::move(nodes);
    return std::move(Parameters().node("servers", std::move(list))).build();
}

/// As under `sites:` the first, and `more`.
plan::Node site_of(std::vector<plan::Node> nodes) {
    auto site = nodes.front();
    plan::Node more;
    more.kind = plan::Node::Kind::kList;
    more.items.assign(nodes.begin() + 1, nodes.end());
    site.entries.push_back({"more", {}, std::move(more)});
    return site;
}

/// East has one server, west two, north one that streams from west's second.
plan::Component cluster() {
    auto component = orders();
    component.sites[1].settings = site_of({server_node("west-1"), server_node("west-2")});
    component.sites.push_back({SiteId("north"), server_node("north", "west-2")});
    return component;
}

ServerState state(Role role, const std::string& received) {
    ServerState made;
    made.process = Process::kRunning;
    made.accepts_connections = true;
    made.role = role;
    made.is_writable = role == Role::kPrimary;
    made.timeline = 1;
    made.received = *postgres::parse_lsn(received);
    return made;
}

probe::Verdict verdict(Health health, Fields facts) {
    probe::Verdict made;
    made.health = health;
    made.evidence = health == Health::kDown ? probe::Evidence::kHard : probe::Evidence::kGood;
    made.facts = std::move(facts);
    made.sampled = kNow;
    made.facts_at = kNow;
    made.since = kNow;
    return made;
}

std::unique_ptr<Component> made(const plan::Component& component) {
    return *make_component(shop({component}), component);
}

const plan::Step* find(const std::vector<PhaseStep>& steps, const std::string& id) {
    for (const auto& step : steps) {
        if (step.step.id.str() == id) {
            return &step.step;
        }
    }
    return nullptr;
}

TEST(PostgresGroup, EachOfSeveralServersIsWatched) {
    std::vector<std::string> targets;
    for (const auto& settings : made(cluster())->probes(SiteId("west"))) {
        targets.push_back(settings.target.str() + " " + settings.variables.at("expect_role"));
    }
    EXPECT_EQ(targets,
              (std::vector<std::string>{"shop/orders@east standby", "shop/orders@west#west-1 ",
                                        "shop/orders@west#west-2 ", "shop/orders@north standby"}));
}

TEST(PostgresGroup, TheSiteIsItsPrimaryWhateverItsStandbysAre) {
    Verdicts verdicts{
        {target_of("orders", "west", "west-1"), verdict(Health::kDown, {{"role", "standby"}})},
        {target_of("orders", "west", "west-2"),
         verdict(Health::kUp, {{"role", "primary"}, {"writable", "true"}})}};
    const auto up = made(cluster())->assess(SiteId("west"), SiteId("west"), verdicts, kNow);
    EXPECT_EQ(up.health, Health::kUp);
    EXPECT_TRUE(up.is_writable);
    EXPECT_EQ(up.healthy, 1);
    verdicts[target_of("orders", "west", "west-2")] = verdict(Health::kDown, {{"role", "primary"}});
    verdicts[target_of("orders", "west", "west-1")] = verdict(Health::kUp, {{"role", "standby"}});
    const auto down = made(cluster())->assess(SiteId("west"), SiteId("west"), verdicts, kNow);
    EXPECT_EQ(down.health, Health::kDown);
    EXPECT_FALSE(down.is_writable);
}

// Whether replication is managed does not depend on which of the servers takes writes just now.
TEST(PostgresGroup, ReplicationIsManagedAlsoFromASiteWithTwoServers) {
    auto component = cluster();
    component.settings =
        std::move(Parameters().text("kind", "postgres").text("sync", "managed")).build();
    const auto part = made(component);
    const auto unseen = part->replication(SiteId("west"), {});
    ASSERT_TRUE(unseen);
    EXPECT_EQ(unseen->mode, ReplicationView::Mode::kManaged);
    EXPECT_FALSE(unseen->is_current) << "nothing is done before its primary is seen";
    auto primary = verdict(Health::kUp, {{"role", "primary"}, {"writable", "true"}});
    primary.facts.insert({"lsn", "0/3000"});
    const auto seen =
        part->replication(SiteId("west"), {{target_of("orders", "west", "west-2"), primary}});
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->is_current);
    EXPECT_EQ(seen->primary.name, "west-2");
    ASSERT_EQ(seen->standbys.size(), 1U) << "none at its own site, none at the end of a cascade";
    EXPECT_EQ(seen->standbys[0].server.site, SiteId("east"));
}

TEST(PostgresGroup, WithoutAnyPrimaryTheSiteIsDownOnlyWhenAllWereHeard) {
    Verdicts verdicts{
        {target_of("orders", "west", "west-1"), verdict(Health::kUp, {{"role", "standby"}})}};
    const auto early = made(cluster())->assess(SiteId("west"), SiteId("west"), verdicts, kNow);
    EXPECT_EQ(early.health, Health::kUnknown);
    verdicts[target_of("orders", "west", "west-2")] = verdict(Health::kDown, {});
    const auto late = made(cluster())->assess(SiteId("west"), SiteId("west"), verdicts, kNow);
    EXPECT_EQ(late.health, Health::kDown);
    EXPECT_EQ(late.evidence, probe::Evidence::kHard);
}

TEST(PostgresGroup, AStandbySiteIsItsStandbyThatHasMost) {
    const Verdicts verdicts{
        {target_of("orders", "west", "west-1"),
         verdict(Health::kUp, {{"role", "standby"}, {"heartbeat_at_ns", "98000000000"}})},
        {target_of("orders", "west", "west-2"),
         verdict(Health::kUp, {{"role", "standby"}, {"heartbeat_at_ns", "99000000000"}})}};
    const auto report = made(cluster())->assess(SiteId("west"), SiteId("east"), verdicts, kNow);
    EXPECT_EQ(report.data_as_of, Instant(std::chrono::seconds(99)));
    EXPECT_EQ(report.healthy, 2);
}

TEST(PostgresGroup, AStandbyThatLeftThePrimarysHistoryIsDown) {
    const Verdicts verdicts{
        {target_of("orders", "east"),
         verdict(Health::kUp,
                 {{"role", "primary"}, {"timeline", "2"}, {"history", "1\t0/3000000\tx\n"}})},
        {target_of("orders", "west"),
         verdict(Health::kUp, {{"role", "standby"}, {"timeline", "1"}, {"lsn", "0/3000100"}})}};
    const auto report = made(orders())->assess(SiteId("west"), SiteId("east"), verdicts, kNow);
    EXPECT_EQ(report.health, Health::kDown);
    EXPECT_NE(report.detail.find("256 bytes of its own"), std::string::npos) << report.detail;
}

TEST(PostgresGroup, AFailoverChoosesPromotesAndPointsTheOthers) {
    const auto steps =
        made(cluster())->steps({Move::Kind::kFailover, SiteId("east"), SiteId("west")});
    ASSERT_NE(find(steps, "choose"), nullptr);
    const auto* promote = find(steps, "promote");
    ASSERT_NE(promote, nullptr);
    EXPECT_EQ(promote->with.find("server")->text("chosen"), "${steps.orders.choose.name}");
    EXPECT_NE(find(steps, "follow-west_1"), nullptr);
    EXPECT_NE(find(steps, "follow-west_2"), nullptr);
    const auto* cascade = find(steps, "follow-north");
    ASSERT_NE(cascade, nullptr);
    EXPECT_EQ(cascade->with.find("primary")->text("name"), "west-2");
}

TEST(PostgresGroup, EveryServerOfALostSiteIsFencedOrProvenAStandby) {
    const auto steps =
        made(cluster())->steps({Move::Kind::kFailover, SiteId("west"), SiteId("east")});
    for (const auto* id : {"fence-west_1", "fence-west_2"}) {
        ASSERT_NE(find(steps, id), nullptr) << id;
        EXPECT_TRUE(find(steps, id)->with.flag("unless_standby", false)) << id;
    }
    EXPECT_EQ(find(steps, "promote")->with.text("proof"),
              "${steps.orders.fence-west_1.proof}; ${steps.orders.fence-west_2.proof}");
    EXPECT_EQ(find(steps, "follow-north")->with.find("primary")->text("name"), "")
        << "its upstream is at the site that is left";
}

TEST(PostgresGroup, ARunningStandbyOfALostSiteIsLeftAlone) {
    Bench bench;
    bench.control.states["west-1"] = state(Role::kStandby, "0/3000000");
    const auto with =
        std::move(Parameters().node("server", server_node("west-1")).flag("unless_standby", true))
            .build();
    const auto done = bench.apply("postgres.fence", with);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(done->at("process"), "standby");
    EXPECT_EQ(bench.control.calls, std::vector<std::string>{"inspect west-1"});
    EXPECT_TRUE(bench.undo("postgres.fence", with, *done));
    EXPECT_EQ(bench.control.calls.size(), 1U) << "what was left running is not started again";
}

TEST(PostgresGroup, AFrozenServerIsNotTakenForAStandby) {
    Bench bench;
    bench.control.states["west-1"] = state(Role::kStandby, "0/3000000");
    bench.control.states["west-1"].process = Process::kFrozen;
    static_cast<void>(bench.apply(
        "postgres.fence",
        std::move(Parameters().node("server", server_node("west-1")).flag("unless_standby", true))
            .build()));
    EXPECT_EQ(bench.control.calls.back(), "fence west-1");
}

plan::Node both(const std::string& chosen = "") {
    auto list = list_of({server_node("west-1"), server_node("west-2")});
    list.entries.push_back({"chosen", {}, text_node(chosen)});
    return list;
}

TEST(PostgresGroup, TheStandbyThatReceivedMostIsChosen) {
    Bench bench;
    bench.control.states["west-1"] = state(Role::kStandby, "0/3000000");
    bench.control.states["west-2"] = state(Role::kStandby, "0/3000100");
    const auto chosen =
        bench.apply("postgres.choose", std::move(Parameters().node("servers", both())).build());
    ASSERT_TRUE(chosen) << chosen.error().message();
    EXPECT_EQ(chosen->at("name"), "west-2");
    EXPECT_EQ(chosen->at("received_lsn"), "0/3000100");
}

TEST(PostgresGroup, OneThatWasPromotedAlreadyStaysTheChoice) {
    Bench bench;
    bench.control.states["west-1"] = state(Role::kPrimary, "0/0");
    bench.control.states["west-2"] = state(Role::kStandby, "0/3000100");
    const auto chosen =
        bench.apply("postgres.choose", std::move(Parameters().node("servers", both())).build());
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->at("name"), "west-1");
}

TEST(PostgresGroup, NothingIsChosenWhereNoneAnswers) {
    Bench bench;
    bench.control.errors.emplace("inspect west-1", Error(Errc::kUnavailable, "no answer"));
    const auto chosen =
        bench.apply("postgres.choose", std::move(Parameters().node("servers", both())).build());
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().code(), Errc::kUnavailable);
    EXPECT_NE(chosen.error().message().find("west-1: no answer"), std::string::npos);
}

TEST(PostgresGroup, TheWriterIsMeantWhileNoneIsChosen) {
    Bench bench;
    bench.control.states["west-1"] = state(Role::kStandby, "0/3000000");
    bench.control.states["west-2"] = state(Role::kPrimary, "0/3000100");
    ASSERT_TRUE(
        bench.apply("postgres.verify", std::move(Parameters().node("server", both())).build()));
    EXPECT_EQ(bench.control.calls.back(), "canary west-2");
    ASSERT_TRUE(bench.apply("postgres.verify",
                            std::move(Parameters().node("server", both("west-1"))).build()));
    EXPECT_EQ(bench.control.calls.back(), "canary west-1");
}

TEST(PostgresGroup, TwoWritersAtOneSiteAreNotChosenFrom) {
    Bench bench;
    bench.control.states["west-1"] = state(Role::kPrimary, "0/3000000");
    bench.control.states["west-2"] = state(Role::kPrimary, "0/3000100");
    const auto done =
        bench.apply("postgres.verify", std::move(Parameters().node("server", both())).build());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kConflict);
}

TEST(PostgresGroup, AStandbyThatCannotFollowDoesNotHoldTheMove) {
    Bench bench;
    bench.control.errors.emplace("follow north", Error(Errc::kDenied, "it has left that history"));
    const auto done = bench.apply(
        "postgres.follow",
        std::move(Parameters().node("server", server_node("north")).node("primary", both("west-1")))
            .build());
    ASSERT_TRUE(done);
    EXPECT_EQ(done->at("follows"), "nothing");
    EXPECT_NE(done->at("next").find("muster rebuild"), std::string::npos);
}

TEST(PostgresGroup, BadGroupsAreRefusedWithTheReason) {
    const auto refusal = [](plan::Component component) {
        const auto made = make_component(shop({component}), component);
        return made ? std::string() : made.error().message();
    };
    auto nameless = cluster();
    nameless.sites[1].settings = site_of({server_node("west-1"), map({{"conninfo", "host=a"}})});
    EXPECT_NE(refusal(nameless).find("no `name`"), std::string::npos);
    auto twins = cluster();
    twins.sites[1].settings = site_of({server_node("west-1"), server_node("west.1")});
    EXPECT_NE(refusal(twins).find("two servers are named"), std::string::npos);
    auto doubled = cluster();
    doubled.sites[1].settings = site_of({map({{"name", "west-1"}, {"conninfo", "host=w"}}),
                                         map({{"name", "west-2"}, {"conninfo", "host=w"}})});
    EXPECT_NE(refusal(doubled).find("the same conninfo"), std::string::npos);
    auto lost = cluster();
    lost.sites[2].settings = server_node("north", "south");
    EXPECT_NE(refusal(lost).find("the upstream south"), std::string::npos);
}

}  // namespace
}  // namespace muster::component
