#include "agent/recorder.h"

#include <algorithm>
#include <utility>

namespace muster::agent {

namespace {
constexpr std::size_t kFrameBytes = 32U << 10U;
}  // namespace

Recorder::Recorder(Options options, Clock& clock, SegmentSink* sink)
    : options_(std::move(options)), clock_(clock), sink_(sink) {
}

// A segment can be read by itself: it begins with what holds now.
void Recorder::begin() {
    if (session_ == 0) {
        session_ = static_cast<std::uint64_t>(clock_.wall().time_since_epoch().count());
    }
    writer_ = {};
    has_begun_ = true;
    written_ = 0;
    writer_.add(Began{session_, segments_++, clock_.wall(), clock_.now(), options_.node,
                      options_.site, options_.vantages, plan_digest_});
    repeat();
    sink_->begin(ObservationWriter::head() + writer_.take_frame());
}

void Recorder::repeat() {
    for (const auto& [service, watched] : services_) {
        writer_.add(watched);
    }
    for (const auto& [target, known] : known_) {
        writer_.add(known);
    }
    for (const auto& [service, standing] : standings_) {
        writer_.add(standing);
    }
    writer_.add(self_);
    Decided decided{clock_.now(), {}};
    for (const auto& [service, outcome] : outcomes_) {
        decided.changed.push_back(outcome);
    }
    writer_.add(decided);
    writer_.add(Repeated{});
}

void Recorder::add(const Observation& observation) {
    if (!has_begun_ || written_ > options_.segment_bytes) {
        flush();
        begin();
    }
    writer_.add(observation);
    if (writer_.pending() > kFrameBytes) {
        flush();
    }
}

void Recorder::flush() {
    if (!is_on() || !has_begun_) {
        return;
    }
    auto frame = writer_.take_frame();
    written_ += frame.size();
    if (!frame.empty()) {
        sink_->append(std::move(frame));
    }
}

void Recorder::adopted(const std::string& plan_digest) {
    plan_digest_ = plan_digest;
    services_.clear();
    standings_.clear();
    targets_.clear();
    if (is_on()) {
        add(Adopted{plan_digest});
    }
}

void Recorder::watched(const Watched& service) {
    if (!is_on()) {
        return;
    }
    add(service);
    services_[service.service] = service;
}

void Recorder::unwatched(const ServiceId& service) {
    if (!is_on()) {
        return;
    }
    std::erase_if(targets_,
                  [&service](const auto& entry) { return entry.first.service == service; });
    add(Unwatched{service});
    services_.erase(service);
}

void Recorder::forgot() {
    if (!is_on()) {
        return;
    }
    for (auto& [target, kept] : targets_) {
        kept.calm = 0;
        kept.health = probe::Health::kUnknown;
    }
    add(Forgot{});
}

void Recorder::known_up(const KnownUp& target) {
    if (is_on()) {
        add(target);
        known_[target.target] = target;
    }
}

bool Recorder::may_leave_out(const Target& target, const probe::Sample& sample, Instant now) {
    return target.calm >= kCalm && now - target.written < kKeepEvery &&
           sample.facts == target.facts &&
           sample.latency <= 2 * target.latency + std::chrono::milliseconds(1);
}

void Recorder::sampled(const probe::TargetId& target, const probe::Sample& sample,
                       const probe::Verdict& verdict, bool is_changed) {
    if (!is_on() || target.service.empty()) {
        return;
    }
    auto& kept = targets_[target];
    const auto now = verdict.sampled;
    const bool is_calm = sample.evidence == probe::Evidence::kGood && !is_changed &&
                         verdict.health == probe::Health::kUp && !verdict.is_suspect;
    if (is_calm && may_leave_out(kept, sample, now)) {
        ++kept.left_out;
        return;
    }
    // A verdict becomes unknown only when its detector was told to forget.
    const bool was_reset =
        verdict.health == probe::Health::kUnknown && kept.health != probe::Health::kUnknown;
    add(Sampled{target, now, sample, is_changed, was_reset, std::exchange(kept.left_out, 0)});
    kept.calm = is_calm ? std::min(kept.calm + 1, kCalm) : 0;
    kept.health = verdict.health;
    kept.written = now;
    kept.latency = sample.latency;
    kept.facts = sample.facts;
}

void Recorder::heard(std::string ballot) {
    if (is_on()) {
        add(Heard{clock_.now(), std::move(ballot)});
    }
}

void Recorder::judged(const Judged& self) {
    if (is_on() && (self.is_eligible != self_.is_eligible || self.why_not != self_.why_not)) {
        add(self);
        self_ = self;
    }
}

void Recorder::standing(const Standing& service) {
    if (!is_on()) {
        return;
    }
    const auto known = standings_.find(service.service);
    if (known == standings_.end() || known->second != service) {
        add(service);
        standings_[service.service] = service;
    }
}

void Recorder::decided(Instant at, const std::vector<Outcome>& all) {
    if (!is_on()) {
        return;
    }
    Decided decided{at, {}};
    for (const auto& one : all) {
        const auto known = outcomes_.find(one.service);
        if (known == outcomes_.end() || !known->second.is_like(one)) {
            decided.changed.push_back(one);
        }
    }
    add(decided);
    for (auto& one : decided.changed) {
        outcomes_[one.service] = std::move(one);
    }
}

}  // namespace muster::agent
