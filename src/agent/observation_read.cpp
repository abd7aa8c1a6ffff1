#include <utility>

#include "agent/observation.h"
#include "agent/observation_format.h"
#include "base/random.h"

namespace muster::agent {
namespace {

/// Reads past nothing: after the first fault all is empty, and `is_good` is false.
class Reader {
  public:
    Reader(std::string_view* in, SegmentState* state) : in_(in), state_(state) {}
    [[nodiscard]] bool is_good() const { return is_good_; }

    unsigned byte() {
        if (in_->empty()) {
            is_good_ = false;
            return 0;
        }
        const auto value = static_cast<unsigned char>(in_->front());
        in_->remove_prefix(1);
        return value;
    }
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto part = byte();
            value |= static_cast<std::uint64_t>(part & 0x7FU) << shift;
            if ((part & 0x80U) == 0) {
                return value;
            }
        }
        is_good_ = false;
        return 0;
    }
    std::int64_t signed_number() {
        const auto bits = number();
        return static_cast<std::int64_t>((bits >> 1U) ^ (~(bits & 1U) + 1));
    }
    /// A count of things of which each takes a byte at least.
    std::size_t count() {
        const auto value = number();
        if (value > in_->size()) {
            is_good_ = false;
            return 0;
        }
        return static_cast<std::size_t>(value);
    }
    std::string raw() {
        const auto size = count();
        std::string value(in_->substr(0, size));
        in_->remove_prefix(size);
        return value;
    }
    std::string text() {
        const auto mark = number();
        if (mark >= 2) {
            is_good_ &= mark - 2 < state_->texts.size();
            return is_good_ ? state_->texts[mark - 2] : std::string();
        }
        auto value = raw();
        if (mark == 0) {
            is_good_ &= state_->texts.size() < SegmentState::kMostTexts;
            state_->texts.push_back(value);
        }
        return value;
    }
    Instant time() {
        // Wraps like the writer's subtraction; only nonsense does.
        const auto distance = static_cast<std::uint64_t>(signed_number());
        const auto last = static_cast<std::uint64_t>(state_->last.time_since_epoch().count());
        state_->last = Instant(Duration(static_cast<Duration::rep>(last + distance)));
        return state_->last;
    }
    std::size_t target() {
        const auto mark = number();
        if (mark == 0) {
            probe::TargetId made;
            made.service = ServiceId(text());
            made.component = ComponentId(text());
            made.site = SiteId(text());
            made.instance = text();
            state_->targets.push_back(std::move(made));
            state_->facts.emplace_back();
            return state_->targets.size() - 1;
        }
        is_good_ &= mark - 1 < state_->targets.size();
        return is_good_ ? static_cast<std::size_t>(mark - 1) : 0;
    }
    probe::TargetId target_id() {
        const auto at = target();
        return is_good_ ? state_->targets[at] : probe::TargetId{};
    }
    Fields facts(std::size_t at) {
        const auto mode = static_cast<FactsMode>(byte());
        if (mode > FactsMode::kFull) {
            is_good_ = false;
        }
        if (mode == FactsMode::kNone || !is_good_) {
            return {};
        }
        auto& facts = state_->facts[at];
        if (mode == FactsMode::kFull) {
            facts.clear();
        }
        const auto changed = mode == FactsMode::kSame ? 0 : count();
        for (std::size_t i = 0; i < changed && is_good_; ++i) {
            auto name = text();
            facts[std::move(name)] = raw();
        }
        return facts;
    }
    std::vector<SiteId> sites() {
        std::vector<SiteId> all;
        const auto number_of = count();
        for (std::size_t i = 0; i < number_of && is_good_; ++i) {
            all.emplace_back(text());
        }
        return all;
    }

    Observation began() {
        Began o;
        o.session = number();
        o.segment = number();
        o.wall = WallTime(WallTime::duration(signed_number()));
        o.now = Instant(Duration(signed_number()));
        state_->last = o.now;
        o.node = NodeId(text());
        o.site = SiteId(text());
        o.vantages = sites();
        o.plan_digest = text();
        return o;
    }
    Observation watched() {
        Watched o;
        o.service = ServiceId(text());
        o.primary = SiteId(text());
        o.epoch = Epoch{number()};
        return o;
    }
    Observation known() {
        KnownUp o;
        o.target = target_id();
        o.address = number();
        return o;
    }
    Observation sampled() {
        Sampled o;
        const auto at = target();
        o.at = time();
        const auto flags = byte();
        o.sample.evidence = static_cast<probe::Evidence>(flags & 3U);
        o.is_changed = (flags & 4U) != 0;
        o.was_reset = (flags & 8U) != 0;
        o.left_out = (flags & 16U) != 0 ? static_cast<std::uint32_t>(number()) : 0;
        o.sample.latency = Duration(signed_number());
        o.sample.detail = text();
        if (!is_good_ || state_->targets.empty()) {
            is_good_ = false;
            return o;
        }
        o.target = state_->targets[at];
        o.sample.facts = facts(at);
        return o;
    }
    Observation heard() {
        Heard o;
        o.at = time();
        o.ballot = raw();
        return o;
    }
    Observation judged() {
        Judged o;
        o.is_eligible = byte() == 1;
        o.why_not = text();
        return o;
    }
    Observation standing() {
        Standing o;
        o.service = ServiceId(text());
        o.site = SiteId(text());
        o.epoch = Epoch{number()};
        o.moving_to = SiteId(text());
        o.active_run = text();
        if (byte() == 1) {
            o.waiting = text();
        }
        const auto moves = count();
        for (std::size_t i = 0; i < moves && is_good_; ++i) {
            o.moves.emplace_back(Duration(signed_number()));
        }
        const auto managed = state_->version < 2 ? 0 : count();
        for (std::size_t i = 0; i < managed && is_good_; ++i) {
            InSync one;
            one.component = ComponentId(text());
            one.site = SiteId(text());
            one.detail = text();
            o.in_sync.push_back(std::move(one));
        }
        if (state_->version >= 3) {
            o.rebuilding = SiteId(text());
        }
        return o;
    }
    Observation decided() {
        Decided o;
        o.at = time();
        const auto changed = count();
        for (std::size_t i = 0; i < changed && is_good_; ++i) {
            Outcome one;
            one.service = ServiceId(text());
            one.kind = text();
            one.target = text();
            one.stops = text();
            one.summary = raw();
            o.changed.push_back(std::move(one));
        }
        return o;
    }
    /// In the order of the variant.
    Observation read(unsigned tag) {
        switch (tag) {
            case 0:
                return began();
            case 1:
                return Repeated{};
            case 2:
                return Adopted{text()};
            case 3:
                return watched();
            case 4:
                return Unwatched{ServiceId(text())};
            case 5:
                return Forgot{};
            case 6:
                return known();
            case 7:
                return sampled();
            case 8:
                return heard();
            case 9:
                return judged();
            case 10:
                return standing();
            case 11:
                return decided();
            default:
                is_good_ = false;
                return Repeated{};
        }
    }

  private:
    std::string_view* in_;
    SegmentState* state_;
    bool is_good_ = true;
};

std::uint64_t from_little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
        value = (value << 8U) | static_cast<unsigned char>(bytes[i - 1]);
    }
    return value;
}

}  // namespace

Result<ObservationReader> ObservationReader::open(std::string_view bytes) {
    for (const auto& [version, magic] :
         {std::pair(3, kMagic), std::pair(2, kMagicOfVersion2), std::pair(1, kMagicOfVersion1)}) {
        if (bytes.starts_with(magic)) {
            return ObservationReader(bytes.substr(magic.size()), version);
        }
    }
    const bool is_newer = bytes.starts_with(kMagic.substr(0, kMagicName));
    return Error{is_newer ? Errc::kInvalid : Errc::kCorrupt,
                 is_newer ? "a newer muster wrote this record of observations"
                          : "this is no record of observations"};
}

bool ObservationReader::next_frame() {
    if (rest_.size() < kFrameHead) {
        return false;
    }
    const auto size = from_little_endian(rest_.substr(0, 4));
    if (size > kLargestFrame || size > rest_.size() - kFrameHead) {
        return false;
    }
    const auto payload = rest_.substr(kFrameHead, size);
    if (stable_hash(payload) != from_little_endian(rest_.substr(4, 8))) {
        return false;
    }
    frame_ = payload;
    rest_.remove_prefix(kFrameHead + size);
    return true;
}

Result<std::optional<Observation>> ObservationReader::next() {
    while (frame_.empty()) {
        if (!next_frame()) {
            return std::optional<Observation>();
        }
    }
    Reader reader(&frame_, &state_);
    const auto tag = reader.byte();
    auto read = reader.read(tag);
    if (!reader.is_good()) {
        frame_ = {};
        rest_ = {};
        return Error{Errc::kCorrupt, "a record of observations can't be understood"};
    }
    return std::optional(std::move(read));
}

}  // namespace muster::agent
