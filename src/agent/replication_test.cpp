#include "agent/replication.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using namespace std::chrono_literals;
using component::ReplicationView;
using component::ReplicaView;
using Kind = SyncAct::Kind;

constexpr Instant kNow{1h};
const std::string kWest = "FIRST 1 (\"muster_west\")";

ReplicaView standby(const std::string& site, std::uint64_t flushed) {
    ReplicaView made;
    made.server.site = SiteId(site);
    made.named = 1;
    made.is_streaming = true;
    made.flushed = {flushed};
    made.says_streaming = true;
    return made;
}

ReplicationView managed() {
    ReplicationView view;
    view.mode = ReplicationView::Mode::kManaged;
    view.primary.site = SiteId("east");
    view.is_current = true;
    view.position = {1000};
    view.seen = kNow;
    view.standbys = {standby("west", 1000)};
    return view;
}

SyncWatch nobody() {
    SyncWatch watch;
    watch.is_loaded = true;
    return watch;
}

SyncWatch west_in_sync() {
    auto watch = nobody();
    watch.record = {SiteId("east"), SiteId("west"), "muster_west", {7}};
    return watch;
}

/// A second later on every clock of the view.
void pass(ReplicationView* view, Duration time) {
    view->seen += time;
}

TEST(SyncAct, ProtectsWhenAStandbyStreamsNearby) {
    auto watch = nobody();
    const auto act = next_act(managed(), &watch, kNow);
    EXPECT_EQ(act.kind, Kind::kProtect);
    EXPECT_EQ(act.standby->site, SiteId("west"));
    EXPECT_EQ(state_of(managed(), watch), SyncState::kDegraded);
}

TEST(SyncAct, NeitherWaitsForAStandbyFarBehindNorForAClone) {
    auto watch = nobody();
    auto view = managed();
    view.position = {1U << 30U};
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
    EXPECT_EQ(watch.why, "muster_west is far behind");
    view = managed();
    view.standbys[0].named = 2;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
    EXPECT_EQ(watch.why, "several servers stream under the name muster_west");
}

TEST(SyncAct, PrefersTheMostAdvancedStandby) {
    auto watch = nobody();
    auto view = managed();
    view.standbys = {standby("west", 900), standby("north", 990)};
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone) << "neither has confirmed anything";
    pass(&view, 500ms);
    view.standbys = {standby("west", 1000), standby("north", 1010)};
    EXPECT_EQ(next_act(view, &watch, kNow).standby->site, SiteId("north"));
}

TEST(SyncAct, HasAStandbyUnderAnotherNameTakeItsOwn) {
    auto watch = nobody();
    auto view = managed();
    view.standbys[0].named = 0;
    view.standbys[0].is_streaming = false;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kName);
    view.standbys[0].says_streaming = false;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
}

TEST(SyncAct, RelaxesWhatItLeftBehindButNotAStrangersSetting) {
    auto watch = nobody();
    auto view = managed();
    view.standbys[0].is_streaming = false;
    view.setting = kWest;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kRelax);
    view.setting = "ANY 1 (a, b)";
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
}

TEST(SyncAct, RestsAfterAFailedAttempt) {
    auto watch = nobody();
    watch.retry_at = kNow + 1s;
    EXPECT_EQ(next_act(managed(), &watch, kNow).kind, Kind::kNone);
    EXPECT_EQ(next_act(managed(), &watch, kNow + 1s).kind, Kind::kProtect);
}

TEST(SyncAct, WaitsForEverWhereDegradeIsNever) {
    auto watch = west_in_sync();
    auto view = managed();
    view.setting = kWest;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
    EXPECT_EQ(state_of(view, watch), SyncState::kInSync);
    view.standbys[0].is_streaming = false;
    view.standbys[0].named = 0;
    view.standbys[0].says_streaming = false;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
    EXPECT_EQ(state_of(view, watch), SyncState::kWaiting);
    EXPECT_EQ(next_act(view, &watch, kNow + 24h).kind, Kind::kNone);
    view.standbys[0] = standby("west", 1000);
    EXPECT_EQ(next_act(view, &watch, kNow + 24h).kind, Kind::kNone);
    EXPECT_EQ(state_of(view, watch), SyncState::kInSync);
}

TEST(SyncAct, DegradesAfterThePlansTime) {
    auto watch = west_in_sync();
    auto view = managed();
    view.setting = kWest;
    view.degrade_after = 10s;
    view.standbys[0].is_streaming = false;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
    EXPECT_EQ(next_act(view, &watch, kNow + 9s).kind, Kind::kNone);
    EXPECT_EQ(next_act(view, &watch, kNow + 10s).kind, Kind::kForget);
}

TEST(SyncAct, AConnectionThatConfirmsNothingIsLost) {
    auto watch = west_in_sync();
    auto view = managed();
    view.setting = kWest;
    static_cast<void>(next_act(view, &watch, kNow));
    view.position = {2000};
    pass(&view, 500ms);
    view.standbys[0].flushed = {999};
    static_cast<void>(next_act(view, &watch, kNow + 500ms));
    EXPECT_EQ(state_of(view, watch), SyncState::kInSync);
    pass(&view, 500ms);
    static_cast<void>(next_act(view, &watch, kNow + 1s));
    EXPECT_EQ(state_of(view, watch), SyncState::kWaiting);
    view.standbys[0].flushed = {1500};
    static_cast<void>(next_act(view, &watch, kNow + 2s));
    EXPECT_EQ(state_of(view, watch), SyncState::kInSync) << "it has what there was a look before";
}

/// The network is back: both ends answer, the connection between them is of before.
ReplicationView after_a_cut(SyncWatch* watch) {
    auto view = managed();
    view.setting = kWest;
    view.degrade_after = 1s;
    view.standbys[0].answers = true;
    static_cast<void>(next_act(view, watch, kNow));
    view.position = {2000};
    pass(&view, 45s);
    return view;
}

TEST(SyncAct, RenewsTheConnectionThatOutlivedACut) {
    for (auto watch : {nobody(), west_in_sync()}) {
        auto view = after_a_cut(&watch);
        const auto act = next_act(view, &watch, kNow + 45s);
        EXPECT_EQ(act.kind, Kind::kRenew);
        EXPECT_EQ(act.standby->site, SiteId("west"));
        view.standbys[0].flushed = {2000};
        pass(&view, 500ms);
        EXPECT_EQ(next_act(view, &watch, kNow + 46s).kind,
                  watch.record.site.empty() ? Kind::kProtect : Kind::kNone);
    }
}

TEST(SyncAct, RenewsItAfterAMoveThatCameToNothing) {
    auto watch = west_in_sync();
    const auto view = after_a_cut(&watch);
    watch = forgotten(std::move(watch));
    EXPECT_EQ(state_of(view, watch), SyncState::kUnknown) << "the record is read again";
    EXPECT_EQ(next_act(view, &watch, kNow + 45s).kind, Kind::kRenew);
}

TEST(SyncAct, CommitsWaitForAConnectionThatConfirmsNothingOnlyWhereThePlanSaysSo) {
    for (const bool is_never : {false, true}) {
        auto watch = nobody();
        auto view = after_a_cut(&watch);
        view.degrade_after = is_never ? std::nullopt : std::optional(Duration(1s));
        note_renewal(&watch.streams["muster_west"], kNow + 45s);
        EXPECT_EQ(next_act(view, &watch, kNow + 45s).kind, Kind::kNone) << "it has its time";
        pass(&view, 1s);
        EXPECT_EQ(next_act(view, &watch, kNow + 46s).kind, is_never ? Kind::kNone : Kind::kRelax);
        EXPECT_EQ(watch.why, "muster_west confirms nothing");
        view.setting.clear();
        EXPECT_EQ(next_act(view, &watch, kNow + 46s).kind, Kind::kNone) << "it is not protected";
    }
}

TEST(SyncAct, AnotherStandbyTakesThePlaceOfALostOne) {
    auto watch = west_in_sync();
    auto view = managed();
    view.setting = kWest;
    view.standbys.push_back(standby("north", 1000));
    view.standbys[0].is_streaming = false;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kNone);
    const auto act = next_act(view, &watch, kNow + 3s);
    EXPECT_EQ(act.kind, Kind::kReplace);
    EXPECT_EQ(act.standby->site, SiteId("north"));
}

TEST(SyncAct, ForgetsAtOnceWhenTheSettingIsNotItsOwnAnyMore) {
    auto watch = west_in_sync();
    EXPECT_EQ(next_act(managed(), &watch, kNow).kind, Kind::kForget);
}

TEST(SyncAct, ARecordOfAnotherPrimaryIsWorthNothing) {
    auto watch = west_in_sync();
    watch.record.primary = SiteId("north");
    EXPECT_EQ(state_of(managed(), watch), SyncState::kDegraded);
    EXPECT_EQ(next_act(managed(), &watch, kNow).kind, Kind::kProtect);
}

TEST(SyncAct, GivesTheSettingBackWhenThePlanNoLongerAsks) {
    auto watch = west_in_sync();
    auto view = managed();
    view.mode = ReplicationView::Mode::kOff;
    view.setting = kWest;
    EXPECT_EQ(next_act(view, &watch, kNow).kind, Kind::kForget);
    auto never = nobody();
    EXPECT_EQ(next_act(view, &never, kNow).kind, Kind::kNone) << "that setting is not ours";
}

TEST(SyncRecord, SurvivesTheStore) {
    const auto record = west_in_sync().record;
    const auto read = decode_sync({"k", encode(record), {1}, {9}, {}}).value();
    EXPECT_EQ(read.primary, record.primary);
    EXPECT_EQ(read.site, record.site);
    EXPECT_EQ(read.standby, record.standby);
    EXPECT_EQ(read.revision, state::Revision{9});
    EXPECT_EQ(decode_sync({"k", "{}", {}, {}, {}}).error().code(), Errc::kCorrupt);
}

}  // namespace
}  // namespace muster::agent
