#include "probe/scheduler.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "probe/probe_test_support.h"

namespace muster::probe {
namespace {

using namespace std::chrono_literals;
using test::FakeAnswer;
using test::FakeProbe;

class SchedulerTest : public testing::Test {
  protected:
    ~SchedulerTest() override {
        if (scheduler_) {
            static_cast<void>(clock_.run(scheduler_->stop()).has_value());
        }
    }
    void start(Scheduler::Options options = {.vantage = SiteId("west")}) {
        scheduler_ = std::make_unique<Scheduler>(
            std::move(options), Deps{loop_.get_executor(), clock_, random_, log_, {}},
            [this](const TargetId& target, const Sample&, const Verdict&, bool) {
                samples_[target.component.str()].push_back(clock_.now());
            });
    }
    void watch(const std::string& component) {
        ASSERT_TRUE(scheduler_->add(settings(component), registry_));
    }
    [[nodiscard]] Settings settings(const std::string& component) const {
        auto made = test::fake_settings(component);
        made.plan.interval = interval_;
        return made;
    }
    Health health(const std::string& component) {
        return scheduler_->find(settings(component).target)->verdict().health;
    }

    boost::asio::io_context loop_;
    test::VirtualClock clock_{loop_};
    SeededRandom random_{7};
    NullLog log_;
    std::map<std::string, FakeAnswer> answers_;
    Duration interval_ = 1s;
    Registry registry_ = FakeProbe::registry([this](const Settings& settings) {
        ++checks_;
        return answers_[settings.target.component.str()];
    });
    std::map<std::string, std::vector<Instant>> samples_;
    int checks_ = 0;
    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, ChecksOncePerIntervalWithinTheJitter) {
    start();
    watch("web");
    clock_.advance(100s);
    const auto& times = samples_["web"];
    EXPECT_NEAR(static_cast<double>(times.size()), 100, 1);
    for (std::size_t i = 1; i < times.size(); ++i) {
        EXPECT_GE(times[i] - times[i - 1], 900ms);
        EXPECT_LE(times[i] - times[i - 1], 1100ms);
    }
}

TEST_F(SchedulerTest, SpreadsTargetsOverTheInterval) {
    start();
    for (int i = 0; i < 200; ++i) {
        watch("c" + std::to_string(i));
    }
    clock_.advance(1s);
    std::map<long, int> tenths;
    for (const auto& [component, times] : samples_) {
        ++tenths[(times.front().time_since_epoch() % 1s) / 100ms];
    }
    EXPECT_EQ(tenths.size(), 10U);
    for (const auto& [tenth, count] : tenths) {
        EXPECT_LT(count, 50) << tenth;
    }
}

TEST_F(SchedulerTest, HasTheFullPictureOnceEveryTargetHasAVerdict) {
    start();
    watch("web");
    watch("db");
    EXPECT_FALSE(scheduler_->has_full_picture());
    clock_.advance(2500ms);
    EXPECT_TRUE(scheduler_->has_full_picture());
}

TEST_F(SchedulerTest, FirstVerdictComesSoonAlsoWithALongInterval) {
    interval_ = 60s;
    start();
    watch("web");
    clock_.advance(3s);
    EXPECT_EQ(health("web"), Health::kUp);
    const auto before = samples_["web"].size();
    clock_.advance(600s);
    EXPECT_NEAR(static_cast<double>(samples_["web"].size() - before), 10, 1);
}

TEST_F(SchedulerTest, HardFailuresAreCheckedAgainAtOnce) {
    start();
    watch("web");
    clock_.advance(3s);
    answers_["web"] = {.evidence = Evidence::kHard};
    const auto before = samples_["web"].size();
    clock_.advance(1200ms);
    EXPECT_EQ(health("web"), Health::kDown);
    const auto& times = samples_["web"];
    ASSERT_GE(times.size(), before + 2);
    EXPECT_EQ(times[before + 1] - times[before], 50ms);
}

TEST_F(SchedulerTest, AHungTargetDelaysNoOther) {
    answers_["hung"] = {.takes = 1h};
    start({.vantage = SiteId("west"), .max_in_flight = 2});
    for (const auto* component : {"hung", "hung2", "hung3", "web"}) {
        answers_[component].takes = component == std::string("web") ? Duration(1ms) : Duration(1h);
        watch(component);
    }
    clock_.advance(20s);
    const auto before = samples_["web"].size();
    static_cast<void>(scheduler_->take_worst_lag());
    clock_.advance(100s);
    EXPECT_NEAR(static_cast<double>(samples_["web"].size() - before), 100, 1);
    EXPECT_EQ(health("hung"), Health::kDown);
    EXPECT_LT(scheduler_->take_worst_lag(), 10ms);
}

TEST_F(SchedulerTest, NeverRunsMoreChecksThanItsPlaces) {
    start({.vantage = SiteId("west"), .max_in_flight = 3});
    for (int i = 0; i < 50; ++i) {
        answers_["c" + std::to_string(i)].takes = 200ms;
        watch("c" + std::to_string(i));
    }
    clock_.advance(10s);
    EXPECT_LE(checks_, 10 * 3 * 5 + 3);
    EXPECT_GT(scheduler_->take_worst_lag(), 200ms);
    EXPECT_EQ(scheduler_->take_worst_lag(), 0ms);
}

TEST_F(SchedulerTest, PokeChecksNowAndOnlyOnceAtATime) {
    interval_ = 60s;
    start();
    watch("web");
    clock_.advance(10s);
    const auto before = samples_["web"].size();
    answers_["web"].takes = 10ms;
    scheduler_->poke(settings("web").target);
    clock_.settle();
    scheduler_->poke(settings("web").target);
    scheduler_->poke(settings("web").target);
    clock_.advance(200ms);
    EXPECT_EQ(samples_["web"].size(), before + 2);
    scheduler_->poke(settings("not there").target);
}

TEST_F(SchedulerTest, ManyPokesDoNotPostponeTheNextTurn) {
    start();
    watch("web");
    clock_.advance(5s);
    for (int i = 0; i < 100; ++i) {
        scheduler_->poke(settings("web").target);
        clock_.advance(20ms);
    }
    const auto before = samples_["web"].size();
    clock_.advance(10s);
    EXPECT_GE(samples_["web"].size(), before + 9);
}

TEST_F(SchedulerTest, AVerdictFromBeforeAGapIsForgotten) {
    start();
    watch("web");
    clock_.advance(5s);
    ASSERT_EQ(health("web"), Health::kUp);
    clock_.jump(30s);
    clock_.advance(100ms);
    EXPECT_EQ(health("web"), Health::kUnknown);
    EXPECT_GT(scheduler_->take_worst_lag(), 20s);
}

TEST_F(SchedulerTest, SilenceIsTriedAgainWithinTheSample) {
    registry_ = FakeProbe::registry(
        [this](const Settings&) {
            return FakeAnswer{.takes = ++checks_ % 3 == 0 ? Duration(10ms) : Duration(1h)};
        },
        true);
    start();
    watch("web");
    clock_.advance(2500ms);
    EXPECT_EQ(health("web"), Health::kUp);
    ASSERT_GE(samples_["web"].size(), 2U);
    EXPECT_EQ(checks_ / 3, static_cast<int>(samples_["web"].size()));
}

TEST_F(SchedulerTest, AnAnswerNeedsNoFurtherAttempt) {
    registry_ = FakeProbe::registry(
        [this](const Settings&) {
            ++checks_;
            return FakeAnswer{.takes = 250ms};
        },
        true);
    start();
    watch("web");
    clock_.advance(10s);
    EXPECT_EQ(checks_, static_cast<int>(samples_["web"].size()));
}

TEST_F(SchedulerTest, AttemptsThatAllStaySilentAreOneSampleAtTheTimeout) {
    registry_ = FakeProbe::registry([](const Settings&) { return FakeAnswer{.takes = 1h}; }, true);
    start();
    watch("web");
    std::vector<Evidence> seen;
    clock_.advance(10s);
    for (const auto& sample : scheduler_->find(settings("web").target)->history()) {
        seen.push_back(sample.evidence);
    }
    EXPECT_EQ(seen, std::vector(seen.size(), Evidence::kSilence));
    EXPECT_NEAR(static_cast<double>(seen.size()), 10, 1);
    EXPECT_EQ(health("web"), Health::kDown);
}

TEST_F(SchedulerTest, RemovingATargetEndsItsAttemptsAndLeavesTheOthers) {
    registry_ = FakeProbe::registry([](const Settings&) { return FakeAnswer{.takes = 1h}; }, true);
    start();
    watch("web");
    auto other = settings("db");
    other.target.service = ServiceId("books");
    ASSERT_TRUE(scheduler_->add(other, registry_));
    clock_.advance(1700ms);
    ASSERT_TRUE(clock_.run(scheduler_->remove(ServiceId("shop"))));
    EXPECT_EQ(scheduler_->find(settings("web").target), nullptr);
    const auto before = samples_["db"].size();
    clock_.advance(10s);
    EXPECT_NEAR(static_cast<double>(samples_["db"].size() - before), 10, 1);
    ASSERT_TRUE(scheduler_->add(settings("web"), registry_));
    clock_.advance(10s);
    EXPECT_EQ(health("web"), Health::kDown);
}

TEST_F(SchedulerTest, ThousandsThatAreDueAtOnceAllHaveTheirTurn) {
    start();
    for (int i = 0; i < 3000; ++i) {
        answers_["c" + std::to_string(i)].takes = 1ms;
        watch("c" + std::to_string(i));
    }
    clock_.jump(5s);  // All of them are late now.
    clock_.advance(1s);
    EXPECT_EQ(samples_.size(), 3000U);
    static_cast<void>(scheduler_->take_worst_lag());
    clock_.advance(5s);
    EXPECT_LT(scheduler_->take_worst_lag(), 10ms);
}

TEST_F(SchedulerTest, StopWaitsForChecksUnderWay) {
    answers_["web"].takes = 1h;
    start();
    watch("web");
    clock_.advance(1200ms);
    ASSERT_TRUE(clock_.run(scheduler_->stop()));
    const auto before = samples_["web"].size();
    EXPECT_TRUE(scheduler_->detectors().empty());
    scheduler_->poke(settings("web").target);
    clock_.advance(10s);
    EXPECT_EQ(samples_["web"].size(), before);
}

TEST_F(SchedulerTest, RefusesATargetTwiceAndWhatTheRegistryRefuses) {
    start();
    watch("web");
    EXPECT_EQ(scheduler_->add(settings("web"), registry_).error().code(), Errc::kInvalid);
    auto odd = settings("db");
    odd.plan.type = "gopher";
    EXPECT_EQ(scheduler_->add(odd, registry_).error().code(), Errc::kInvalid);
    odd = settings("db");
    odd.plan.interval = 0s;
    EXPECT_EQ(scheduler_->add(odd, registry_).error().code(), Errc::kInvalid);
    EXPECT_EQ(scheduler_->find(odd.target), nullptr);
}

TEST_F(SchedulerTest, ASimulatedDayIsCheap) {
    start();
    watch("web");
    const auto began = std::chrono::steady_clock::now();
    clock_.advance(24h);
    EXPECT_EQ(health("web"), Health::kUp);
    EXPECT_NEAR(static_cast<double>(samples_["web"].size()), 86'400, 10);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

}  // namespace
}  // namespace muster::probe
