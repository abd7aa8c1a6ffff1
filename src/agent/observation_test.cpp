#include "agent/observation.h"

#include <gtest/gtest.h>

#include "agent/recorder.h"
#include "agent/replay.h"
#include "base/random.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

probe::TargetId target(const std::string& site) {
    return {ServiceId("shop"), ComponentId("orders"), SiteId(site), ""};
}

Sampled sample(Instant at, Fields facts = {}) {
    Sampled made;
    made.target = target("east");
    made.at = at;
    made.sample = {probe::Evidence::kSilence, "no answer in 800 ms", 800ms, std::move(facts)};
    made.is_changed = true;
    return made;
}

std::vector<Observation> read_all(const std::string& bytes) {
    auto reader = ObservationReader::open(bytes).value();
    std::vector<Observation> all;
    while (true) {
        auto next = reader.next().value();
        if (!next) {
            return all;
        }
        all.push_back(std::move(*next));
    }
}

TEST(Observation, ComesBackAsItWasWritten) {
    ObservationWriter writer;
    writer.add(Began{7,
                     2,
                     WallTime(5s),
                     Instant(100s),
                     NodeId("n"),
                     SiteId("west"),
                     {SiteId("west"), SiteId("east")},
                     "9f2c"});
    writer.add(sample(Instant(101s), {{"lsn", "0/1"}, {"role", "primary"}}));
    writer.add(sample(Instant(102s), {{"lsn", "0/2"}, {"role", "primary"}}));
    writer.add(sample(Instant(102s + 3ns), {{"lsn", "0/2"}}));
    writer.add(Standing{ServiceId("shop"),
                        SiteId("east"),
                        Epoch{3},
                        SiteId("west"),
                        "r-1",
                        "asked",
                        {Instant(90s)},
                        {{ComponentId("orders"), SiteId("west"), "commits wait for muster_west"}},
                        SiteId("north")});
    writer.add(Decided{Instant(103s), {{ServiceId("shop"), "failover", "west", "hold", "why"}}});
    const auto all = read_all(ObservationWriter::head() + writer.take_frame());
    ASSERT_EQ(all.size(), 6U);
    const auto& began = std::get<Began>(all[0]);
    EXPECT_EQ(began.session, 7U);
    EXPECT_EQ(began.vantages.size(), 2U);
    EXPECT_EQ(began.plan_digest, "9f2c");
    const auto& second = std::get<Sampled>(all[2]);
    EXPECT_EQ(second.target, target("east"));
    EXPECT_EQ(second.at, Instant(102s));
    EXPECT_EQ(second.sample.evidence, probe::Evidence::kSilence);
    EXPECT_EQ(second.sample.latency, 800ms);
    EXPECT_TRUE(second.is_changed);
    EXPECT_EQ(second.sample.facts, (Fields{{"lsn", "0/2"}, {"role", "primary"}}));
    const auto& third = std::get<Sampled>(all[3]);
    EXPECT_EQ(third.at, Instant(102s + 3ns));
    EXPECT_EQ(third.sample.facts, (Fields{{"lsn", "0/2"}})) << "a fact that is gone is gone";
    const auto& standing = std::get<Standing>(all[4]);
    EXPECT_EQ(standing.waiting, "asked");
    EXPECT_EQ(standing.moves.front(), Instant(90s));
    ASSERT_EQ(standing.in_sync.size(), 1U);
    EXPECT_EQ(standing.in_sync[0].site, SiteId("west"));
    EXPECT_EQ(standing.in_sync[0].detail, "commits wait for muster_west");
    EXPECT_EQ(standing.rebuilding, SiteId("north"));
    EXPECT_EQ(std::get<Decided>(all[5]).changed.front().summary, "why");
}

TEST(Observation, TakesFewBytesForASampleLikeTheLast) {
    ObservationWriter writer;
    writer.add(sample(Instant(101s), {{"role", "primary"}}));
    const auto first = writer.pending();
    writer.add(sample(Instant(102s), {{"role", "primary"}}));
    EXPECT_LE(writer.pending() - first, 20U);
}

std::string whole_record() {
    ObservationWriter writer;
    std::string bytes = ObservationWriter::head();
    for (int i = 0; i < 50; ++i) {
        writer.add(sample(Instant(std::chrono::seconds(100 + i)), {{"n", std::to_string(i)}}));
        if (i % 5 == 4) {
            bytes += writer.take_frame();
        }
    }
    return bytes;
}

TEST(Observation, ReadsUpToATornTail) {
    const auto bytes = whole_record();
    for (std::size_t size = ObservationWriter::head().size(); size < bytes.size(); ++size) {
        EXPECT_EQ(read_all(bytes.substr(0, size)).size() % 5, 0U);
    }
    EXPECT_EQ(read_all(bytes).size(), 50U);
}

TEST(Observation, NeverTrustsAFlippedBit) {
    const auto bytes = whole_record();
    for (std::size_t at = ObservationWriter::head().size(); at < bytes.size(); at += 3) {
        auto flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        EXPECT_LT(read_all(flipped).size(), 50U) << at;
    }
}

// Written by the last muster that wrote version 1.
constexpr std::string_view kVersion1 =
    "muster-observations 1\012_\000\000\000\363\345\356\235\337'.\315\000\007\000"
    "\200\255\342\004\200\240\267\207\351\005\000\001n\000\004west\001\003\000\0049f2c"
    "\012\000\004shop\000\004east\003\003\000\003r-1\001\000\005asked"
    "\001\200\220\330\306\236\005\001\013\200\370\202\255\026\001\005\000\010failover"
    "\003\000\004hold\003why"sv;

TEST(Observation, IsStillReadFromBeforeStandingsToldWhoIsInSync) {
    const auto all = read_all(std::string(kVersion1));
    ASSERT_EQ(all.size(), 4U);
    const auto& standing = std::get<Standing>(all[1]);
    EXPECT_EQ(standing.moves, std::vector{Instant(90s)});
    EXPECT_TRUE(standing.in_sync.empty());
    EXPECT_EQ(std::get<Decided>(all[3]).changed.front().summary, "why");
    EXPECT_FALSE(ObservationReader::open(kVersion1)->tells_who_is_in_sync());
    EXPECT_TRUE(ObservationReader::open(ObservationWriter::head())->tells_who_is_in_sync());
}

// Likewise of version 2.
constexpr std::string_view kVersion2 =
    "muster-observations 2\012\140\000\000\000\211\223\254\024\360\373\146\276\000\007\000"
    "\200\255\342\004\200\240\267\207\351\005\000\001n\000\004west\001\003\000\0049f2c"
    "\012\000\004shop\000\004east\003\003\000\003r-1\001\000\005asked"
    "\001\200\220\330\306\236\005\000\001\013\200\370\202\255\026\001\005\000\010failover"
    "\003\000\004hold\003why"sv;

TEST(Observation, IsStillReadFromBeforeStandingsToldWhatARunRebuilds) {
    const auto all = read_all(std::string(kVersion2));
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(std::get<Standing>(all[1]).active_run, "r-1");
    EXPECT_TRUE(std::get<Standing>(all[1]).rebuilding.empty());
    EXPECT_EQ(std::get<Decided>(all[3]).changed.front().summary, "why");
    EXPECT_TRUE(ObservationReader::open(kVersion2)->tells_who_is_in_sync());
}

TEST(Observation, ReplaysARecordOfVersion1AndSaysThatNobodyIsInSync) {
    plan::Plan plan;
    auto& shop = plan.services.emplace_back();
    shop.id = ServiceId("shop");
    shop.primary = SiteId("east");
    shop.standby = {SiteId("west")};
    auto& orders = shop.components.emplace_back();
    orders.id = ComponentId("orders");
    orders.kind = "postgres";
    for (const auto* site : {"east", "west"}) {
        plan::Node server;
        server.kind = plan::Node::Kind::kMap;
        plan::Node conninfo;
        conninfo.kind = plan::Node::Kind::kScalar;
        conninfo.scalar = std::string("dbname=orders host=") + site;
        server.entries.push_back({"conninfo", {}, std::move(conninfo)});
        orders.sites.push_back({SiteId(site), std::move(server)});
    }
    ReplayOf wanted;
    wanted.segments = {std::string(kVersion1), std::string(kVersion1)};
    wanted.from = WallTime::min();
    wanted.to = WallTime::max();
    wanted.plan = [&plan](const std::string&) -> Result<plan::Plan> { return plan; };
    const auto managed = replay(wanted).value();  // An RPO of zero: muster manages it.
    EXPECT_EQ(managed.decisions, 2U);
    ASSERT_EQ(managed.notes.size(), 1U);
    EXPECT_TRUE(managed.notes[0].contains("without who was in sync")) << managed.notes[0];
    shop.objectives.rpo = 1min;
    EXPECT_TRUE(replay(wanted).value().notes.empty());
}

TEST(Observation, RefusesWhatIsNoneOrNewer) {
    EXPECT_EQ(ObservationReader::open("something else").error().code(), Errc::kCorrupt);
    EXPECT_EQ(ObservationReader::open("muster-observations 3\n").error().code(), Errc::kInvalid);
}

class FixedClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] WallTime wall() const override { return WallTime(1s); }
    Task<> sleep_until(Instant when) override {
        static_cast<void>(when);
        co_return Result<>{};
    }
    Instant now_{100s};
};

class Kept final : public SegmentSink {
  public:
    void begin(std::string bytes) override { segments.push_back(std::move(bytes)); }
    void append(std::string bytes) override { segments.back() += bytes; }
    std::vector<std::string> segments;
};

TEST(Recorder, LeavesOutGoodSamplesThatSayNothingNewAndCountsThem) {
    FixedClock clock;
    Kept kept;
    Recorder recorder({NodeId("n"), SiteId("west"), {SiteId("west")}}, clock, &kept);
    recorder.adopted("9f2c");
    probe::Detector detector{plan::Probe{}};
    const probe::Sample good{probe::Evidence::kGood, "2 ms", 2ms, {}};
    for (int i = 0; i < 100; ++i) {
        const Instant now(std::chrono::seconds(100 + i));
        const bool is_changed = detector.observe(good, now);
        recorder.sampled(target("east"), good, detector.verdict(), is_changed);
    }
    recorder.flush();
    std::size_t written = 0;
    std::size_t left_out = 0;
    for (const auto& one : read_all(kept.segments.at(0))) {
        if (const auto* sampled = std::get_if<Sampled>(&one)) {
            ++written;
            left_out += sampled->left_out;
        }
    }
    EXPECT_LT(written, 40U);
    EXPECT_GE(written + left_out, 95U);
}

TEST(Recorder, BeginsEachSegmentWithWhatHolds) {
    FixedClock clock;
    Kept kept;
    Recorder recorder({NodeId("n"), SiteId("west"), {SiteId("west")}, 2'000}, clock, &kept);
    recorder.adopted("9f2c");
    recorder.watched({ServiceId("shop"), SiteId("east"), Epoch{4}});
    recorder.known_up({target("east"), 42});
    probe::Detector detector{plan::Probe{}};
    SeededRandom random(1);
    for (int i = 0; i < 500; ++i) {
        const probe::Sample bad{probe::Evidence::kSilence, random.token(20), 800ms, {}};
        detector.observe(bad, Instant(std::chrono::seconds(100 + i)));
        recorder.sampled(target("east"), bad, detector.verdict(), false);
        recorder.flush();
    }
    ASSERT_GT(kept.segments.size(), 3U);
    const auto all = read_all(kept.segments.back());
    EXPECT_EQ(std::get<Began>(all.at(0)).segment, kept.segments.size() - 1);
    EXPECT_EQ(std::get<Began>(all.at(0)).plan_digest, "9f2c");
    EXPECT_EQ(std::get<Watched>(all.at(1)).epoch, Epoch{4});
    EXPECT_EQ(std::get<KnownUp>(all.at(2)).address, 42U);
}

TEST(Thresholds, AreReadOrRefusedByName) {
    Thresholds thresholds;
    EXPECT_TRUE(thresholds.is_empty());
    EXPECT_TRUE(thresholds.set("fall=5"));
    EXPECT_TRUE(thresholds.set("hold=20s"));
    EXPECT_TRUE(thresholds.set("preset=careful"));
    EXPECT_TRUE(thresholds.set("max_per_day=0"));
    EXPECT_EQ(thresholds.fall, 5);
    EXPECT_EQ(thresholds.hold, 20s);
    EXPECT_EQ(thresholds.preset, plan::Preset::kCareful);
    for (const auto* text : {"fall", "fall=", "fall=0", "fall=x", "fall=101", "slow=16",
                             "max_per_day=-1", "hold=5", "timeout=0s", "preset=none", "x=1"}) {
        const auto refused = Thresholds().set(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_NE(refused.error().hint().find("fall"), std::string::npos);
    }
}

}  // namespace
}  // namespace muster::agent
