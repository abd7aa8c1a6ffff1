#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/observation.h"
#include "base/clock.h"
#include "base/segment_sink.h"

namespace muster::agent {

/// Records what the agent sees and decides, in few bytes: samples that say what the last one said
/// are counted and left out, but for one every kKeepEvery.
class Recorder {
  public:
    struct Options {
        NodeId node;
        SiteId site;
        std::vector<SiteId> vantages;
        std::size_t segment_bytes = 4U << 20U;
    };
    /// A good sample that changes nothing is written at least so often.
    static constexpr Duration kKeepEvery = std::chrono::seconds(5);
    /// So many good samples in a row leave no trace of others in a detector.
    static constexpr int kCalm = 15;

    /// Without a sink nothing is recorded.
    Recorder(Options options, Clock& clock, SegmentSink* sink);

    [[nodiscard]] bool is_on() const { return sink_ != nullptr; }
    void adopted(const std::string& plan_digest);
    void watched(const Watched& service);
    void unwatched(const ServiceId& service);
    void forgot();
    void known_up(const KnownUp& target);
    void sampled(const probe::TargetId& target, const probe::Sample& sample,
                 const probe::Verdict& verdict, bool is_changed);
    void heard(std::string ballot);
    void judged(const Judged& self);
    void standing(const Standing& service);
    void decided(Instant at, const std::vector<Outcome>& all);
    /// Hands over what has gathered; call it every second or so.
    void flush();

  private:
    struct Target {
        int calm = 0;  ///< Good samples in a row.
        std::uint32_t left_out = 0;
        probe::Health health = probe::Health::kUnknown;
        Instant written{};
        Duration latency{};
        Fields facts;
    };
    [[nodiscard]] static bool may_leave_out(const Target& target, const probe::Sample& sample,
                                            Instant now);
    void add(const Observation& observation);
    void begin();
    void repeat();

    Options options_;
    Clock& clock_;
    SegmentSink* sink_;
    ObservationWriter writer_;
    std::uint64_t session_ = 0;
    std::uint64_t segments_ = 0;
    std::size_t written_ = 0;  ///< To this segment.
    bool has_begun_ = false;
    // What a new segment repeats.
    std::string plan_digest_;
    Judged self_;
    std::map<ServiceId, Watched> services_;
    std::map<ServiceId, Standing> standings_;
    std::map<ServiceId, Outcome> outcomes_;
    std::map<probe::TargetId, KnownUp> known_;
    std::map<probe::TargetId, Target> targets_;
};

}  // namespace muster::agent
