#include "probe/probe.h"

#include <gtest/gtest.h>

#include "probe/probe_test_support.h"
#include "probe/reference.h"

namespace muster::probe {
namespace {

using namespace std::chrono_literals;
using test::FakeAnswer;
using test::FakeProbe;

TEST(TargetId, ReadsAsServiceComponentSiteAndInstance) {
    TargetId target{ServiceId("shop"), ComponentId("web"), SiteId("east"), ""};
    EXPECT_EQ(target.str(), "shop/web@east");
    target.instance = "10.0.1.10:8080";
    EXPECT_EQ(target.str(), "shop/web@east#10.0.1.10:8080");
}

TEST(Fill, ReplacesEveryName) {
    EXPECT_EQ(fill("http://{address}:{port}/{address}", {{"address", "::1"}, {"port", "80"}}),
              "http://::1:80/::1");
    EXPECT_EQ(fill("", {}), "");
    EXPECT_EQ(fill("plain", {}), "plain");
}

TEST(Fill, LeavesBracesThatHoldNoName) {
    for (const auto* text : {"a{2}b", "{\"ok\": true}", "{}", "{", "}{", "{Name}", "x{1,3}"}) {
        EXPECT_EQ(fill(text, {}), text);
    }
}

TEST(Fill, RefusesAnUnknownNameAndSaysWhichAreKnown) {
    const auto filled = fill("{adress}", {{"address", "x"}});
    ASSERT_FALSE(filled);
    EXPECT_EQ(filled.error().code(), Errc::kInvalid);
    EXPECT_EQ(filled.error().hint(), "known are: {address}");
}

class RegistryTest : public testing::Test {
  protected:
    boost::asio::io_context loop_;
    test::VirtualClock clock_{loop_};
    SeededRandom random_{1};
    NullLog log_;
    Deps deps_{loop_.get_executor(), clock_, random_, log_, {}};
};

TEST_F(RegistryTest, AnUnknownTypeIsInvalidAndTheKnownAreNamed) {
    const auto probes = FakeProbe::registry([](const Settings&) { return FakeAnswer{}; });
    auto settings = test::fake_settings("web");
    settings.plan.type = "gopher";
    const auto made = probes.make(settings, deps_);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Errc::kInvalid);
    EXPECT_TRUE(made.error().hint().contains("fake"));
}

TEST_F(RegistryTest, SilenceIsRetriedBesideTheFirstAttempt) {
    int started = 0;
    const auto probes = FakeProbe::registry(
        [&started](const Settings&) {
            return FakeAnswer{.takes = ++started < 3 ? Duration(1h) : Duration(10ms)};
        },
        true);
    const auto probe = probes.make(test::fake_settings("web"), deps_).value();
    const auto began = clock_.now();
    const auto sample = clock_.run(probe->check(began + 800ms));
    EXPECT_EQ(sample->evidence, Evidence::kGood);
    EXPECT_EQ(started, 3);
    EXPECT_EQ(clock_.now() - began, 610ms);
}

TEST_F(RegistryTest, ASlowFirstAttemptMayStillAnswer) {
    int started = 0;
    const auto probes = FakeProbe::registry(
        [&started](const Settings&) {
            return FakeAnswer{.takes = ++started == 1 ? Duration(700ms) : Duration(1h)};
        },
        true);
    const auto probe = probes.make(test::fake_settings("web"), deps_).value();
    EXPECT_EQ(clock_.run(probe->check(clock_.now() + 800ms))->evidence, Evidence::kGood);
}

TEST_F(RegistryTest, HardEvidenceIsNotRetried) {
    int started = 0;
    const auto probes = FakeProbe::registry(
        [&started](const Settings&) {
            ++started;
            return FakeAnswer{.evidence = Evidence::kHard};
        },
        true);
    const auto probe = probes.make(test::fake_settings("web"), deps_).value();
    EXPECT_EQ(clock_.run(probe->check(clock_.now() + 800ms))->evidence, Evidence::kHard);
    EXPECT_EQ(started, 1);
}

TEST_F(RegistryTest, NothingButSilenceEndsAtTheDeadline) {
    for (const auto timeout : {100ms, 800ms}) {
        const auto probes =
            FakeProbe::registry([](const Settings&) { return FakeAnswer{.takes = 1h}; }, true);
        const auto probe = probes.make(test::fake_settings("web"), deps_).value();
        const auto began = clock_.now();
        EXPECT_EQ(clock_.run(probe->check(began + timeout))->evidence, Evidence::kSilence);
        EXPECT_EQ(clock_.now() - began, timeout);
    }
}

TEST(JudgeSelf, APlainVantageIsEligible) {
    EXPECT_TRUE(judge_self({}).is_eligible);
    EXPECT_TRUE(judge_self({.references = 3,
                            .references_failing = 1,
                            .targets = 10,
                            .targets_turned_bad = 3,
                            .loop_lag = 200ms,
                            .since_resume = 3s})
                    .is_eligible);
}

TEST(JudgeSelf, ACutOffVantageAbstains) {
    const auto judged = judge_self({.references = 3, .references_failing = 2});
    EXPECT_FALSE(judged.is_eligible);
    EXPECT_TRUE(judged.why_not.contains("2 of 3")) << judged.why_not;
    EXPECT_FALSE(judge_self({.references = 1, .references_failing = 1}).is_eligible);
}

TEST(JudgeSelf, ALateOrResumedOrSuddenlyBlindVantageAbstains) {
    EXPECT_FALSE(judge_self({.loop_lag = 201ms}).is_eligible);
    EXPECT_FALSE(judge_self({.since_resume = 2s}).is_eligible);
    EXPECT_FALSE(judge_self({.targets = 10, .targets_turned_bad = 4}).is_eligible);
}

}  // namespace
}  // namespace muster::probe
