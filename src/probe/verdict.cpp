// Damping: from single samples to a verdict that others may act on.
//
// Three counters run over the samples: good ones in a row, bad ones in a row, and within the bad
// ones hard ones and silent ones in a row. A good sample clears all bad counters at once, because
// one answer disproves a suspicion (health-dns section 4.1: it divides false alarms by twelve);
// recovery is the slower way, `rise` good ones. Hard failures cannot be forged by lost packets, so
// few of them are enough; silence can, so it takes more, and a streak of both counts as silence
// until enough of its newest samples in a row were hard.
//
// While a target is down its evidence may still change: a refusing host that then falls silent
// (powered off) becomes silent after `fall` silent samples, a silent one that then refuses
// (restarted without its service) becomes hard after `fall_hard`.

#include "probe/verdict.h"

#include <algorithm>
#include <bit>

namespace muster::probe {

namespace {

constexpr unsigned kSlowWindow = 15;
constexpr unsigned kSlowMask = (1U << kSlowWindow) - 1;

bool is_bad(Evidence evidence) {
    return evidence == Evidence::kHard || evidence == Evidence::kSilence;
}

}  // namespace

std::string_view to_string(Health health) {
    switch (health) {
        case Health::kUnknown:
            return "unknown";
        case Health::kUp:
            return "up";
        case Health::kDown:
            return "down";
    }
    return "unknown";
}

Detector::Detector(const plan::Probe& settings)
    : rise_(std::max(1, settings.rise)),
      fall_(std::max(1, settings.fall)),
      fall_hard_(std::max(1, settings.fall_hard)),
      slow_(std::max(1, settings.slow)) {
}

void Detector::reset() {
    good_in_row_ = 0;
    bad_in_row_ = 0;
    hard_in_row_ = 0;
    silent_in_row_ = 0;
    has_silence_ = false;
    slow_seen_ = 0;
    streak_began_ = {};
    verdict_ = {};
}

bool Detector::wants_recheck() const {
    const bool is_settled =
        verdict_.health == Health::kDown && verdict_.evidence == Evidence::kHard;
    return !is_settled && hard_in_row_ > 0 && hard_in_row_ < fall_hard_;
}

void Detector::count(const Sample& sample, Instant now) {
    const bool is_now_bad = is_bad(sample.evidence);
    if (is_now_bad ? bad_in_row_ == 0 : good_in_row_ == 0) {
        streak_began_ = now;
        has_silence_ = false;
    }
    good_in_row_ = is_now_bad ? 0 : good_in_row_ + 1;
    bad_in_row_ = is_now_bad ? bad_in_row_ + 1 : 0;
    hard_in_row_ = sample.evidence == Evidence::kHard ? hard_in_row_ + 1 : 0;
    silent_in_row_ = sample.evidence == Evidence::kSilence ? silent_in_row_ + 1 : 0;
    has_silence_ = has_silence_ || sample.evidence == Evidence::kSilence;
    slow_seen_ = ((slow_seen_ << 1U) | (sample.evidence == Evidence::kSlow ? 1U : 0U)) & kSlowMask;

    history_.push_back({now, sample.evidence, sample.latency, sample.detail});
    if (history_.size() > kHistory) {
        history_.pop_front();
    }
}

// The state that the counters now call for.
Detector::State Detector::wanted() const {
    if (hard_in_row_ >= fall_hard_) {
        return {Health::kDown, Evidence::kHard};
    }
    if (verdict_.health == Health::kDown) {
        if (silent_in_row_ >= fall_) {
            return {Health::kDown, Evidence::kSilence};
        }
    } else if (bad_in_row_ >= fall_ && has_silence_) {
        return {Health::kDown, Evidence::kSilence};
    }
    if (good_in_row_ >= rise_ || (verdict_.health == Health::kUp && good_in_row_ > 0)) {
        const bool is_slow = std::popcount(slow_seen_) >= slow_;
        return {Health::kUp, is_slow ? Evidence::kSlow : Evidence::kGood};
    }
    return {verdict_.health, verdict_.evidence};
}

bool Detector::settle(const Sample& sample, Instant now) {
    const auto next = wanted();
    const bool is_suspect = next.health == Health::kUp && is_bad(sample.evidence);
    const bool is_changed = next.health != verdict_.health || next.evidence != verdict_.evidence ||
                            is_suspect != verdict_.is_suspect;
    if (next.health != verdict_.health) {
        verdict_.since = streak_began_;
        verdict_.changed = now;
    }
    verdict_.health = next.health;
    verdict_.evidence = next.evidence;
    verdict_.is_suspect = is_suspect;
    return is_changed;
}

bool Detector::observe(const Sample& sample, Instant now) {
    count(sample, now);
    const bool is_changed = settle(sample, now);
    verdict_.sampled = now;
    verdict_.latency = sample.latency;
    if (verdict_.health == Health::kUnknown || sample.evidence == verdict_.evidence ||
        (verdict_.health == Health::kUp && !is_bad(sample.evidence))) {
        verdict_.detail = sample.detail;
    }
    if (!sample.facts.empty()) {
        verdict_.facts = sample.facts;
        verdict_.facts_at = now;
    }
    return is_changed;
}

}  // namespace muster::probe
