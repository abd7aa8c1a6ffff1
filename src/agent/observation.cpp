#include "agent/observation.h"

#include "agent/observation_format.h"
#include "base/random.h"

// One frame holds many observations; one observation is a tag and its fields. Numbers are varints
// of seven bits a byte, times the distance to the time before, texts a number where the segment has
// had them already. Facts of a sample are told as what changed since that target's last ones.

namespace muster::agent {
namespace {

class Writer {
  public:
    Writer(std::string* out, SegmentState* state) : out_(out), state_(state) {}

    void byte(unsigned value) { out_->push_back(static_cast<char>(value)); }
    void number(std::uint64_t value) {
        while (value >= 0x80) {
            byte(static_cast<unsigned>(value & 0x7FU) | 0x80U);
            value >>= 7U;
        }
        byte(static_cast<unsigned>(value));
    }
    void signed_number(std::int64_t value) {
        const auto bits = static_cast<std::uint64_t>(value);
        number((bits << 1U) ^ (value < 0 ? ~std::uint64_t{0} : 0));
    }
    void raw(std::string_view value) {
        number(value.size());
        out_->append(value);
    }
    /// 0: named now, 1: not kept, else the number of one that was named, plus 2.
    void text(const std::string& value) {
        const auto known = state_->numbers.find(value);
        if (known != state_->numbers.end()) {
            number(known->second + 2);
            return;
        }
        const bool is_kept = value.size() <= SegmentState::kLongestKept &&
                             state_->numbers.size() < SegmentState::kMostTexts;
        number(is_kept ? 0 : 1);
        raw(value);
        if (is_kept) {
            state_->numbers.emplace(value, state_->numbers.size());
        }
    }
    void time(Instant at) {
        signed_number((at - state_->last).count());
        state_->last = at;
    }
    std::size_t target(const probe::TargetId& value) {
        const auto [known, is_new] =
            state_->target_numbers.try_emplace(value, state_->target_numbers.size());
        number(is_new ? 0 : known->second + 1);
        if (is_new) {
            text(value.service.str());
            text(value.component.str());
            text(value.site.str());
            text(value.instance);
            state_->facts.emplace_back();
        }
        return static_cast<std::size_t>(known->second);
    }
    void facts(const Fields& now, Fields* before) {
        if (now.empty()) {
            byte(static_cast<unsigned>(FactsMode::kNone));
            return;
        }
        Fields changed;
        std::size_t kept = 0;
        for (const auto& [name, value] : now) {
            const auto old = before->find(name);
            kept += old == before->end() ? 0 : 1;
            if (old == before->end() || old->second != value) {
                changed.emplace(name, value);
            }
        }
        const bool is_full = kept < before->size();
        if (changed.empty() && !is_full) {
            byte(static_cast<unsigned>(FactsMode::kSame));
            return;
        }
        byte(static_cast<unsigned>(is_full ? FactsMode::kFull : FactsMode::kDelta));
        const auto& told = is_full ? now : changed;
        number(told.size());
        for (const auto& [name, value] : told) {
            text(name);
            raw(value);
        }
        *before = now;
    }
    void texts(const std::vector<SiteId>& all) {
        number(all.size());
        for (const auto& one : all) {
            text(one.str());
        }
    }

    void write(const Began& o) {
        state_->last = o.now;
        number(o.session);
        number(o.segment);
        signed_number(o.wall.time_since_epoch().count());
        signed_number(o.now.time_since_epoch().count());
        text(o.node.str());
        text(o.site.str());
        texts(o.vantages);
        text(o.plan_digest);
    }
    void write(const Repeated& /*o*/) {}
    void write(const Adopted& o) { text(o.plan_digest); }
    void write(const Watched& o) {
        text(o.service.str());
        text(o.primary.str());
        number(o.epoch.value);
    }
    void write(const Unwatched& o) { text(o.service.str()); }
    void write(const Forgot& /*o*/) {}
    void write(const KnownUp& o) {
        target(o.target);
        number(o.address);
    }
    void write(const Sampled& o) {
        const auto at = target(o.target);
        time(o.at);
        byte(static_cast<unsigned>(o.sample.evidence) | (o.is_changed ? 4U : 0U) |
             (o.was_reset ? 8U : 0U) | (o.left_out > 0 ? 16U : 0U));
        if (o.left_out > 0) {
            number(o.left_out);
        }
        signed_number(o.sample.latency.count());
        text(o.sample.detail);
        facts(o.sample.facts, &state_->facts[at]);
    }
    void write(const Heard& o) {
        time(o.at);
        raw(o.ballot);
    }
    void write(const Judged& o) {
        byte(o.is_eligible ? 1 : 0);
        text(o.why_not);
    }
    void write(const Standing& o) {
        text(o.service.str());
        text(o.site.str());
        number(o.epoch.value);
        text(o.moving_to.str());
        text(o.active_run);
        byte(o.waiting ? 1 : 0);
        if (o.waiting) {
            text(*o.waiting);
        }
        number(o.moves.size());
        for (const auto& move : o.moves) {
            signed_number(move.time_since_epoch().count());
        }
        number(o.in_sync.size());
        for (const auto& one : o.in_sync) {
            text(one.component.str());
            text(one.site.str());
            text(one.detail);
        }
        text(o.rebuilding.str());
    }
    void write(const Decided& o) {
        time(o.at);
        number(o.changed.size());
        for (const auto& one : o.changed) {
            text(one.service.str());
            text(one.kind);
            text(one.target);
            text(one.stops);
            raw(one.summary);
        }
    }

  private:
    std::string* out_;
    SegmentState* state_;
};

std::string little_endian(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) {
        out.push_back(static_cast<char>(value & 0xFFU));
        value >>= 8U;
    }
    return out;
}

}  // namespace

std::string ObservationWriter::head() {
    return std::string(kMagic);
}

void ObservationWriter::add(const Observation& observation) {
    Writer writer(&payload_, &state_);
    writer.byte(static_cast<unsigned>(observation.index()));
    std::visit([&writer](const auto& one) { writer.write(one); }, observation);
}

std::string ObservationWriter::take_frame() {
    if (payload_.empty()) {
        return {};
    }
    auto frame = little_endian(payload_.size(), 4) + little_endian(stable_hash(payload_), 8);
    frame += payload_;
    payload_.clear();
    return frame;
}

}  // namespace muster::agent
