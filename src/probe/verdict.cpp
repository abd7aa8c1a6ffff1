// Damping: from single samples to a verdict that others may act on.
//
// Three counters run over the samples: good ones in a row, bad ones in a row, and within the bad
// ones hard ones and silent ones in a row. A good sample clears all bad counters at once, because
// one answer disproves a suspicion (health-dns section 4.1: it divides false alarms by twelve);
// recovery is the slower way, `rise` good ones. Hard failures cannot be forged by lost packets, so
// few of them are enough; silence can, so it takes more, and a streak of both counts as silence
// until enough of its newest samples in a row were hard.
//
// A target that refuses the probe itself has answered, so it is not lost; and whether it works is
// not known. So a blind sample counts neither as good nor as bad, and some of them make the target
// unknown.
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

bool is_bad(const Sample& sample) {
    return !sample.is_blind && is_bad(sample.evidence);
}

bool is_good(const Sample& sample) {
    return !sample.is_blind && !is_bad(sample.evidence);
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

std::uint16_t Detector::History::place_of(const std::string& text) {
    if (const auto known = std::ranges::find(texts_, text); known != texts_.end()) {
        return static_cast<std::uint16_t>(known - texts_.begin());
    }
    std::array<bool, kHistory> is_used{};
    for (std::size_t i = 0; i < size_; ++i) {
        is_used[ring_[i].text] = true;
    }
    // The oldest sample has made room, so that a place is free among as many as there are samples.
    const auto place =
        static_cast<std::size_t>(std::ranges::find(is_used, false) - is_used.begin());
    if (place >= texts_.size()) {
        texts_.push_back(text);
        return static_cast<std::uint16_t>(texts_.size() - 1);
    }
    texts_[place] = text;
    return static_cast<std::uint16_t>(place);
}

void Detector::History::add(Instant at, const Sample& sample) {
    if (next_ == kHistory) {
        next_ = 0;
    }
    auto& kept = ring_[next_];
    if (next_ < size_) {
        // Its text is free now unless another sample said the same.
        kept.text = ring_[(next_ + 1U) % size_].text;
    }
    const auto text = place_of(sample.detail);
    kept = {at, sample.latency, sample.evidence, text};
    size_ = std::max<std::uint16_t>(size_, ++next_);
}

std::vector<Detector::Seen> Detector::History::samples() const {
    std::vector<Seen> samples;
    samples.reserve(size_);
    for (std::size_t i = 0; i < size_; ++i) {
        const auto& kept = ring_[(next_ + i) % size_];
        samples.push_back({kept.at, kept.evidence, kept.latency, texts_[kept.text]});
    }
    return samples;
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
    blind_in_row_ = 0;
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
    const bool is_now_bad = is_bad(sample);
    const bool is_now_good = is_good(sample);
    if ((is_now_bad && bad_in_row_ == 0) || (is_now_good && good_in_row_ == 0) ||
        (sample.is_blind && blind_in_row_ == 0)) {
        streak_began_ = now;
        has_silence_ = false;
    }
    good_in_row_ = is_now_good ? good_in_row_ + 1 : 0;
    bad_in_row_ = is_now_bad ? bad_in_row_ + 1 : 0;
    blind_in_row_ = sample.is_blind ? blind_in_row_ + 1 : 0;
    hard_in_row_ = is_now_bad && sample.evidence == Evidence::kHard ? hard_in_row_ + 1 : 0;
    silent_in_row_ = is_now_bad && sample.evidence == Evidence::kSilence ? silent_in_row_ + 1 : 0;
    has_silence_ = has_silence_ || silent_in_row_ > 0;
    slow_seen_ = ((slow_seen_ << 1U) | (sample.evidence == Evidence::kSlow ? 1U : 0U)) & kSlowMask;

    history_.add(now, sample);
}

// The state that the counters now call for.
Detector::State Detector::wanted() const {
    if (blind_in_row_ >= fall_hard_) {
        return {Health::kUnknown, Evidence::kGood};
    }
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
    const bool is_suspect = next.health == Health::kUp && !is_good(sample);
    const bool is_blind = next.health == Health::kUnknown && blind_in_row_ >= fall_hard_;
    const bool is_changed = next.health != verdict_.health || next.evidence != verdict_.evidence ||
                            is_suspect != verdict_.is_suspect || is_blind != verdict_.is_blind;
    if (next.health != verdict_.health) {
        verdict_.since = streak_began_;
        verdict_.changed = now;
    }
    verdict_.health = next.health;
    verdict_.evidence = next.evidence;
    verdict_.is_suspect = is_suspect;
    verdict_.is_blind = is_blind;
    return is_changed;
}

bool Detector::observe(const Sample& sample, Instant now) {
    count(sample, now);
    const bool is_changed = settle(sample, now);
    verdict_.sampled = now;
    verdict_.latency = sample.latency;
    verdict_.is_answering = is_good(sample);
    if (verdict_.health == Health::kUnknown || sample.evidence == verdict_.evidence ||
        (verdict_.health == Health::kUp && is_good(sample))) {
        verdict_.detail = sample.detail;
    }
    if (!sample.facts.empty()) {
        verdict_.facts = sample.facts;
        verdict_.facts_at = now;
    }
    return is_changed;
}

}  // namespace muster::probe
