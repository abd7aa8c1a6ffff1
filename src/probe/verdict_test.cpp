#include "probe/verdict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

namespace muster::probe {
namespace {

using namespace std::chrono_literals;

class VerdictTest : public testing::Test {
  protected:
    // One sample a second for each letter: g good, w slow, s silence, h hard, b blind.
    void see(std::string_view letters) {
        for (const char letter : letters) {
            Sample sample;
            sample.evidence = letter == 'g'                    ? Evidence::kGood
                              : letter == 'w'                  ? Evidence::kSlow
                              : letter == 's' || letter == 'b' ? Evidence::kSilence
                                                               : Evidence::kHard;
            sample.is_blind = letter == 'b';
            sample.detail = std::string(1, letter);
            now_ += 1s;
            is_changed_ = detector_.observe(sample, now_);
        }
    }
    [[nodiscard]] Health health() const { return detector_.verdict().health; }
    [[nodiscard]] Evidence evidence() const { return detector_.verdict().evidence; }

    Detector detector_{plan::Probe{}};
    Instant now_{};
    bool is_changed_ = false;
};

TEST_F(VerdictTest, StartsUnknownAndNeedsTwoGoodSamples) {
    see("g");
    EXPECT_EQ(health(), Health::kUnknown);
    see("g");
    EXPECT_EQ(health(), Health::kUp);
    EXPECT_TRUE(is_changed_);
    EXPECT_EQ(detector_.verdict().since, Instant(1s));
    EXPECT_EQ(detector_.verdict().changed, Instant(2s));
}

TEST_F(VerdictTest, StaysUpUntilTheFourthSilenceInARow) {
    see("gggsss");
    EXPECT_EQ(health(), Health::kUp);
    EXPECT_TRUE(detector_.verdict().is_suspect);
    see("s");
    EXPECT_EQ(health(), Health::kDown);
    EXPECT_EQ(evidence(), Evidence::kSilence);
    EXPECT_EQ(detector_.verdict().since, Instant(4s));
    EXPECT_EQ(detector_.verdict().changed, Instant(7s));
}

TEST_F(VerdictTest, TwoHardFailuresBringItDown) {
    see("ggh");
    EXPECT_EQ(health(), Health::kUp);
    EXPECT_TRUE(detector_.wants_recheck());
    see("h");
    EXPECT_EQ(health(), Health::kDown);
    EXPECT_EQ(evidence(), Evidence::kHard);
    EXPECT_FALSE(detector_.wants_recheck());
    EXPECT_EQ(detector_.verdict().since, Instant(3s));
}

TEST_F(VerdictTest, OneGoodSampleClearsASuspicion) {
    see("ggsssgsss");
    EXPECT_EQ(health(), Health::kUp);
    see("g");
    EXPECT_FALSE(detector_.verdict().is_suspect);
    EXPECT_TRUE(is_changed_);
    see("g");
    EXPECT_FALSE(is_changed_);
}

TEST_F(VerdictTest, AMixedStreakCountsAsSilence) {
    see("gghshs");
    EXPECT_EQ(health(), Health::kDown);
    EXPECT_EQ(evidence(), Evidence::kSilence);
}

TEST_F(VerdictTest, HardFailuresAloneNeverCountAsSilence) {
    plan::Probe settings;
    settings.fall = 2;
    settings.fall_hard = 5;
    detector_ = Detector(settings);
    see("gghhhh");
    EXPECT_EQ(health(), Health::kUp);
    see("h");
    EXPECT_EQ(evidence(), Evidence::kHard);
}

TEST_F(VerdictTest, ComesBackAfterTwoGoodSamplesInARow) {
    see("gghhgsg");
    EXPECT_EQ(health(), Health::kDown);
    see("g");
    EXPECT_EQ(health(), Health::kUp);
    EXPECT_EQ(detector_.verdict().since, Instant(7s));
}

TEST_F(VerdictTest, EvidenceOfADownTargetFollowsWhatIsSeen) {
    see("hhsss");
    EXPECT_EQ(evidence(), Evidence::kHard);
    see("s");
    EXPECT_EQ(evidence(), Evidence::kSilence);
    EXPECT_TRUE(is_changed_);
    see("h");
    EXPECT_EQ(evidence(), Evidence::kSilence);
    EXPECT_TRUE(detector_.wants_recheck());
    see("h");
    EXPECT_EQ(evidence(), Evidence::kHard);
    EXPECT_EQ(detector_.verdict().since, Instant(1s));
}

TEST_F(VerdictTest, ATargetThatRefusesTheProbeIsNeitherUpNorDown) {
    see("ggb");
    EXPECT_EQ(health(), Health::kUp);
    EXPECT_TRUE(detector_.verdict().is_suspect);
    see("b");
    EXPECT_EQ(health(), Health::kUnknown);
    EXPECT_TRUE(detector_.verdict().is_blind);
    see("bbbbbbbbbb");
    EXPECT_EQ(health(), Health::kUnknown) << "however long it lasts";
    EXPECT_EQ(detector_.verdict().detail, "b");
    see("g");
    EXPECT_EQ(health(), Health::kUnknown);
    see("g");
    EXPECT_EQ(health(), Health::kUp);
    EXPECT_FALSE(detector_.verdict().is_blind);
}

TEST_F(VerdictTest, RefusingTheProbeDisprovesThatTheTargetIsLost) {
    see("gg"
        "sss"
        "b"
        "sss");
    EXPECT_EQ(health(), Health::kUp);
    see("s");
    EXPECT_EQ(health(), Health::kDown);
    see("bb");
    EXPECT_EQ(health(), Health::kUnknown);
    see("hh");
    EXPECT_EQ(health(), Health::kDown) << "and it can still die";
}

TEST_F(VerdictTest, TenSlowOfFifteenLowerTheWeightButKeepItUp) {
    see("wwwwwwwww");
    EXPECT_EQ(evidence(), Evidence::kGood);
    see("w");
    EXPECT_EQ(health(), Health::kUp);
    EXPECT_EQ(evidence(), Evidence::kSlow);
    see("ggggg");
    EXPECT_EQ(evidence(), Evidence::kSlow);
    see("g");
    EXPECT_EQ(evidence(), Evidence::kGood);
}

TEST_F(VerdictTest, KeepsTheNewestFactsAndWhenTheyWereSeen) {
    Sample sample{.evidence = Evidence::kGood, .detail = "", .facts = {{"role", "primary"}}};
    detector_.observe(sample, Instant(1s));
    detector_.observe(Sample{.detail = "", .facts = {}}, Instant(2s));
    EXPECT_EQ(detector_.verdict().facts.at("role"), "primary");
    EXPECT_EQ(detector_.verdict().facts_at, Instant(1s));
    EXPECT_EQ(detector_.verdict().sampled, Instant(2s));
}

TEST_F(VerdictTest, RememberTheNewestTwentySamples) {
    see(std::string(25, 'g'));
    ASSERT_EQ(detector_.history().size(), Detector::kHistory);
    EXPECT_EQ(detector_.history().front().at, Instant(6s));
    EXPECT_EQ(detector_.history().back().at, Instant(25s));
}

TEST_F(VerdictTest, ResetForgetsTheVerdictButNotTheHistory) {
    see("gggs");
    detector_.reset();
    EXPECT_EQ(health(), Health::kUnknown);
    EXPECT_EQ(detector_.history().size(), 4U);
    see("sss");
    EXPECT_EQ(health(), Health::kUnknown);
    see("s");
    EXPECT_EQ(health(), Health::kDown);
}

// The same rules, read off the whole list of samples each time.
struct NaiveTwin {
    plan::Probe settings;
    std::vector<Evidence> seen;
    Health health = Health::kUnknown;
    Evidence evidence = Evidence::kGood;
    bool is_suspect = false;

    static bool is_bad(Evidence e) { return e == Evidence::kHard || e == Evidence::kSilence; }
    template <class Fits>
    [[nodiscard]] int trailing(Fits fits) const {
        return static_cast<int>(std::find_if_not(seen.rbegin(), seen.rend(), fits) - seen.rbegin());
    }
    void observe(Evidence next) {
        seen.push_back(next);
        const int bad = trailing(is_bad);
        const int hard = trailing([](Evidence e) { return e == Evidence::kHard; });
        const int silent = trailing([](Evidence e) { return e == Evidence::kSilence; });
        const int good = trailing([](Evidence e) { return !is_bad(e); });
        const bool has_silence = std::any_of(seen.end() - bad, seen.end(),
                                             [](Evidence e) { return e == Evidence::kSilence; });
        if (hard >= settings.fall_hard) {
            health = Health::kDown;
            evidence = Evidence::kHard;
        } else if (health == Health::kDown ? silent >= settings.fall
                                           : bad >= settings.fall && has_silence) {
            health = Health::kDown;
            evidence = Evidence::kSilence;
        } else if (good >= settings.rise || (health == Health::kUp && good > 0)) {
            const auto from = seen.end() - std::min<std::ptrdiff_t>(15, std::ssize(seen));
            health = Health::kUp;
            evidence = std::count(from, seen.end(), Evidence::kSlow) >= settings.slow
                           ? Evidence::kSlow
                           : Evidence::kGood;
        }
        is_suspect = health == Health::kUp && is_bad(next);
    }
};

TEST(DetectorProperty, AgreesWithItsNaiveTwin) {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        SeededRandom random(seed);
        plan::Probe settings;
        settings.rise = 1 + static_cast<int>(random.below(4));
        settings.fall = 1 + static_cast<int>(random.below(6));
        settings.fall_hard = 1 + static_cast<int>(random.below(5));
        settings.slow = 1 + static_cast<int>(random.below(15));
        Detector detector(settings);
        NaiveTwin twin{.settings = settings, .seen = {}};
        auto evidence = Evidence::kGood;
        for (int step = 0; step < 300; ++step) {
            if (random.below(100) < 40) {
                evidence = static_cast<Evidence>(random.below(4));
            }
            const auto before = detector.verdict();
            const bool is_changed =
                detector.observe(Sample{.evidence = evidence, .detail = "", .facts = {}},
                                 Instant(std::chrono::seconds(step)));
            twin.observe(evidence);
            const auto& now = detector.verdict();
            ASSERT_EQ(now.health, twin.health) << "seed " << seed << " step " << step;
            ASSERT_EQ(now.evidence, twin.evidence) << "seed " << seed << " step " << step;
            ASSERT_EQ(now.is_suspect, twin.is_suspect) << "seed " << seed << " step " << step;
            ASSERT_EQ(is_changed, before.health != now.health || before.evidence != now.evidence ||
                                      before.is_suspect != now.is_suspect);
            ASSERT_LE(now.since, now.changed);
        }
    }
}

}  // namespace
}  // namespace muster::probe
