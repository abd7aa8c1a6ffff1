#include "decide/expectation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "base/random.h"

namespace muster::decide {
namespace {

using namespace std::chrono_literals;
using probe::Evidence;
using probe::Health;

Watching watching(int vantages, int fall, Duration interval = 1s) {
    Watching made;
    made.probe.interval = interval;
    made.probe.timeout = std::min<Duration>(800ms, interval * 4 / 5);
    made.probe.fall = fall;
    made.vantages = vantages;
    made.recheck = 50ms;
    made.attempt_spacing = 300ms;
    return made;
}

/// The channel as it is: solid bursts and the quiet between them, one after the other.
class Line {
  public:
    Line(Random& random, double loss, double burst)
        : random_(random), burst_(burst), quiet_(burst * (1 - loss) / loss) {
        is_bad_ = random_.unit() < loss;
        until_ = exponential(is_bad_ ? burst_ : quiet_);
    }
    /// Times must not go back.
    bool is_bad(double time) {
        while (until_ <= time) {
            is_bad_ = !is_bad_;
            until_ += exponential(is_bad_ ? burst_ : quiet_);
        }
        return is_bad_;
    }

  private:
    double exponential(double mean) { return -mean * std::log(1 - random_.unit()); }
    Random& random_;
    double burst_;
    double quiet_;
    bool is_bad_ = false;
    double until_ = 0;
};

/// A vantage: the real detector, fed from its line (and the line that all share).
struct Vantage {
    std::unique_ptr<Line> line;
    probe::Detector detector;
    double phase = 0;
    double next = 0;
};

/// Twin of `false_silence` without its formulas: real detectors over lines of random bursts. The
/// rule of the decision is spelled out: all down, and for long enough.
struct World {
    Watching watching;
    Duration hold{};
    Channel channel;
    double years = 1;
    bool has_own_loss = true;  ///< Each vantage's line loses, too.

    double alarms_a_year(std::uint64_t seed) {
        SeededRandom random(seed);
        Line shared(random, std::max(1e-12, channel.loss * channel.own_line),
                    to_seconds(channel.burst));
        std::vector<Vantage> vantages;
        const double interval = to_seconds(watching.probe.interval);
        for (int i = 0; i < watching.vantages; ++i) {
            Vantage made{std::make_unique<Line>(random, channel.loss, to_seconds(channel.burst)),
                         probe::Detector(watching.probe), random.unit() * interval, 0};
            made.next = made.phase;
            vantages.push_back(std::move(made));
        }
        const bool has_own = channel.own_line > 0;
        const double end = years * 365 * 86400;
        int alarms = 0;
        bool is_over = false;
        while (true) {
            auto* vantage = &*std::min_element(
                vantages.begin(), vantages.end(),
                [](const Vantage& a, const Vantage& b) { return a.next < b.next; });
            if (vantage->next > end) {
                return alarms / years;
            }
            sample(vantage, has_own ? &shared : nullptr);
            const bool holds = all_hold(vantages, vantage->next);
            alarms += holds && !is_over ? 1 : 0;
            is_over = holds || (is_over && any_down(vantages));
            vantage->next += interval;
        }
    }

  private:
    void sample(Vantage* vantage, Line* shared) const {
        bool is_bad = true;
        const int attempts = watching.is_retried ? watching.probe.attempts : 1;
        for (int i = 0; i < attempts; ++i) {
            const double at = vantage->next + i * to_seconds(watching.attempt_spacing);
            const bool is_own = has_own_loss && vantage->line->is_bad(at);
            is_bad &= is_own || (shared != nullptr && shared->is_bad(vantage->next));
        }
        probe::Sample sample;
        sample.evidence = is_bad ? Evidence::kSilence : Evidence::kGood;
        vantage->detector.observe(sample, at(vantage->next));
    }
    [[nodiscard]] bool all_hold(const std::vector<Vantage>& vantages, double now) const {
        return std::all_of(vantages.begin(), vantages.end(), [&](const Vantage& one) {
            const auto& verdict = one.detector.verdict();
            return verdict.health == Health::kDown && at(now) - verdict.since >= hold - 1us;
        });
    }
    static bool any_down(const std::vector<Vantage>& vantages) {
        return std::any_of(vantages.begin(), vantages.end(), [](const Vantage& one) {
            return one.detector.verdict().health == Health::kDown;
        });
    }
    static Instant at(double seconds) {
        return Instant(
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    }
};

void expect_near(double formula, double simulated, double tolerance, const std::string& what) {
    EXPECT_GT(simulated, 0) << what;
    EXPECT_LT(std::abs(formula - simulated), tolerance * simulated)
        << what << ": formula " << formula << ", simulated " << simulated;
}

/// Loss without a share on the target's own line, so that each term is seen alone.
Channel channel(double loss, Duration burst) {
    return {.loss = loss, .burst = burst, .own_line = 0};
}

TEST(FalseSilence, OfOneVantageIsWhatASimulationOfTheSameChannelGives) {
    std::uint64_t seed = 1;
    for (const auto burst : {1s, 3s}) {
        for (const int fall : {3, 4}) {
            const auto made = watching(1, fall);
            World world{made, {}, channel(0.01, burst), 0.2};
            expect_near(false_silence(made, {}, {}, world.channel).independent,
                        world.alarms_a_year(seed++), 0.1,
                        "fall " + std::to_string(fall) + ", bursts of " + format_duration(burst));
        }
    }
}

TEST(FalseSilence, CountsTheHoldDown) {
    const auto made = watching(1, 4);
    World world{made, 10s, channel(0.02, 3s), 0.3};
    expect_near(false_silence(made, 10s, {}, world.channel).independent, world.alarms_a_year(11),
                0.15, "held for 10 s");
}

TEST(FalseSilence, CountsTheAttemptsWithinASample) {
    auto made = watching(1, 3);
    made.is_retried = true;
    World world{made, {}, channel(0.01, 1s), 0.3};
    expect_near(false_silence(made, {}, {}, world.channel).independent, world.alarms_a_year(21),
                0.1, "three attempts");
}

TEST(FalseSilence, OfSeveralVantagesNeedsAllOfThem) {
    for (const int vantages : {2, 3}) {
        const auto made = watching(vantages, 2);
        World world{made, {}, channel(vantages == 2 ? 0.05 : 0.1, 3s), vantages == 2 ? 0.3 : 0.3};
        expect_near(false_silence(made, {}, {}, world.channel).independent,
                    world.alarms_a_year(30 + static_cast<std::uint64_t>(vantages)), 0.25,
                    std::to_string(vantages) + " vantages");
    }
}

TEST(FalseSilence, OnTheTargetsOwnLineIsSeenByAll) {
    const auto made = watching(3, 3);
    const Channel line{.loss = 0.02, .burst = 3s, .own_line = 1};
    World world{made, {}, line, 0.2};
    world.has_own_loss = false;
    expect_near(false_silence(made, {}, {}, line).own_line, world.alarms_a_year(41), 0.15,
                "three vantages on one line");
}

TEST(FalseSilence, OfFiveVantagesMeetsOneInAThousandYears) {
    auto made = watching(5, 4);
    made.is_retried = true;
    for (const auto burst : {1s, 3s}) {
        EXPECT_LT(false_silence(made, {}, {}, channel(0.01, burst)).independent, 1e-3);
    }
}

TEST(FalseSilence, FallsWithEachVantageEachSampleAndAWitness) {
    const auto loss = channel(0.01, 3s);
    double before = 1e18;
    for (int vantages = 1; vantages <= 5; ++vantages) {
        const auto now = false_silence(watching(vantages, 4), {}, {}, loss).independent;
        EXPECT_LT(now, before / 50);
        before = now;
    }
    const auto alone = false_silence(watching(1, 4), 3s, {}, loss).independent;
    EXPECT_LT(false_silence(watching(1, 4), 3s, 3s, loss).independent, alone / 50);
    EXPECT_LT(false_silence(watching(1, 5), {}, {}, loss).independent,
              false_silence(watching(1, 4), {}, {}, loss).independent);
}

/// Draws faults at random moments; the sorted times until the verdict.
std::vector<double> drawn(const Watching& watching, int needed, double more) {
    SeededRandom random(5);
    const double interval = to_seconds(watching.probe.interval);
    std::vector<double> times;
    for (int i = 0; i < 20'000; ++i) {
        std::vector<double> first;
        for (int vantage = 0; vantage < watching.vantages; ++vantage) {
            first.push_back(random.unit() * interval);
        }
        std::sort(first.begin(), first.end());
        times.push_back(first[static_cast<std::size_t>(needed) - 1] + more);
    }
    std::sort(times.begin(), times.end());
    return times;
}

TEST(DetectionTime, IsTheQuantileOfDrawnFaults) {
    for (const int vantages : {1, 3, 5}) {
        const auto made = watching(vantages, 4);
        const auto hard = drawn(made, vantages / 2 + 1, 0.05);
        const auto silent = drawn(made, vantages, 0.8 + 3);
        const auto by_hard = detect_hard(made, {}).seen;
        const auto by_silence = detect_silence(made, {}).seen;
        EXPECT_NEAR(to_seconds(by_hard.p50), hard[hard.size() / 2], 0.02);
        EXPECT_NEAR(to_seconds(by_hard.p99), hard[hard.size() * 99 / 100], 0.02);
        EXPECT_NEAR(to_seconds(by_silence.p50), silent[silent.size() / 2], 0.02);
        EXPECT_NEAR(to_seconds(by_silence.p99), silent[silent.size() * 99 / 100], 0.02);
    }
}

TEST(DetectionTime, OfTheDefaultsIsFourPointEightSecondsOfSilenceAtWorst) {
    EXPECT_NEAR(to_seconds(detect_silence(watching(5, 4), {}).seen.p99), 4.8, 0.01);
    EXPECT_NEAR(to_seconds(detect_hard(watching(1, 4), {}).seen.p99), 1.04, 0.01);
}

TEST(DetectionTime, CountsTheHoldDownFromTheFirstBadSample) {
    const auto made = watching(1, 4);
    EXPECT_EQ(detect_silence(made, 3s).acted.p99, detect_silence(made, {}).seen.p99);
    EXPECT_NEAR(to_seconds(detect_silence(made, 60s).acted.p99), 0.99 + 0.8 + 60, 0.01);
    EXPECT_NEAR(to_seconds(detect_hard(made, 10s).acted.p99), 0.99 + 10, 0.01);
}

TEST(DetectionTime, OfAProbeThatOutlastsItsIntervalIsThatOfEverySecondTurn) {
    auto made = watching(1, 3);
    made.probe.timeout = 1500ms;
    EXPECT_NEAR(to_seconds(detect_silence(made, {}).seen.p99), 0.99 * 2 + 1.5 + 4, 0.01);
}

plan::Service service(plan::Preset preset) {
    plan::Service made;
    made.id = ServiceId("shop");
    made.failover.mode = plan::Mode::kAutomatic;
    made.failover.preset = preset;
    return made;
}

const std::vector<Channel> kChannels{{}, {.loss = 0.01, .burst = 3s, .own_line = 0.01}};

TEST(Expectation, TakesTheHoldDownsFromThePreset) {
    Watched watched{ComponentId("orders"), watching(1, 4), 3s, plan::FenceClass::kActuated};
    EXPECT_EQ(expect(service(plan::Preset::kFast), watched, kChannels).hold_silence, 3s);
    EXPECT_EQ(expect(service(plan::Preset::kBalanced), watched, kChannels).hold_silence, 60s);
    EXPECT_EQ(expect(service(plan::Preset::kCareful), watched, kChannels).hold_hard, 30s);
}

TEST(Expectation, OfOneVantageAsksAPersonWithoutAWitnessOrAConfirmedFence) {
    Watched watched{ComponentId("web"), watching(1, 4), {}, plan::FenceClass::kActuated};
    auto made = expect(service(plan::Preset::kFast), watched, kChannels);
    EXPECT_FALSE(made.is_moved_by_silence);
    EXPECT_EQ(made.hold_silence, 15s);
    watched.witness = 3s;
    watched.fence = plan::FenceClass::kLease;
    EXPECT_FALSE(expect(service(plan::Preset::kFast), watched, kChannels).is_moved_by_silence);
    watched.fence = plan::FenceClass::kActuated;
    made = expect(service(plan::Preset::kFast), watched, kChannels);
    EXPECT_TRUE(made.is_moved_by_silence);
    ASSERT_EQ(made.silence_rates.size(), 2U);
    EXPECT_LT(made.silence_rates[0].alarms.in_all(), made.silence_rates[1].alarms.in_all());
}

TEST(Expectation, OfThreeVantagesNeedsNoWitnessButHoldsLonger) {
    Watched watched{ComponentId("web"), watching(3, 4), {}, plan::FenceClass::kLease};
    const auto made = expect(service(plan::Preset::kBalanced), watched, kChannels);
    EXPECT_TRUE(made.is_moved_by_silence);
    EXPECT_EQ(made.hold_silence, 120s);
}

}  // namespace
}  // namespace muster::decide
