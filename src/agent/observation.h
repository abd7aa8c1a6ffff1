#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "probe/verdict.h"

namespace muster::agent {

// What a node saw and what it made of it, so that it can be gone through again under other
// thresholds. As bytes: docs/design/observations.md.

/// A process takes up its work, or a new segment of its record begins.
struct Began {
    std::uint64_t session = 0;  ///< Of the process.
    std::uint64_t segment = 0;  ///< Within the session, from 0.
    WallTime wall{};
    Instant now{};
    NodeId node;
    SiteId site;
    std::vector<SiteId> vantages;
    std::string plan_digest;
};
/// The end of what a segment repeats of those before it.
struct Repeated {};
/// Another plan is in force; nothing is watched yet.
struct Adopted {
    std::string plan_digest;
};
/// A service's detectors begin anew.
struct Watched {
    ServiceId service;
    SiteId primary;
    Epoch epoch;
};
/// And are gone; without a name: all.
struct Unwatched {
    ServiceId service;
};
/// All detectors forget: the process stood still.
struct Forgot {};
/// A target that was up in an earlier life of the process.
struct KnownUp {
    probe::TargetId target;
    std::uint64_t address = 0;
};
struct Sampled {
    probe::TargetId target;
    Instant at{};
    probe::Sample sample;
    bool is_changed = false;     ///< What Detector::observe said.
    bool was_reset = false;      ///< The detector forgot before it.
    std::uint32_t left_out = 0;  ///< Samples like the last one, between it and this one.
};
/// Another vantage's ballot, as it was published.
struct Heard {
    Instant at{};
    std::string ballot;
};
/// Whether this vantage may vote.
struct Judged {
    bool is_eligible = true;
    std::string why_not;
};
/// Managed synchronous replication of a component, as a decision takes it.
struct InSync {
    ComponentId component;
    SiteId site;         ///< Whose standby has every acknowledged commit; empty: nobody's.
    std::string detail;  ///< One line: what it means now.
    bool operator==(const InSync&) const = default;
};
/// What a decision looks at beside verdicts.
struct Standing {
    ServiceId service;
    SiteId site;
    Epoch epoch;
    SiteId moving_to;
    std::string active_run;              ///< Empty: none.
    std::optional<std::string> waiting;  ///< An approval that nobody has given.
    std::vector<Instant> moves;          ///< Automatic ones.
    std::vector<InSync> in_sync{};       ///< Of what muster manages; version 1 does not tell.
    SiteId rebuilding{};  ///< What that run makes a standby again; before version 3: empty.
    bool operator==(const Standing&) const = default;
};
struct Outcome {
    ServiceId service;
    std::string kind;    ///< "failover", …
    std::string target;  ///< Where to; empty: nowhere.
    std::string stops;   ///< The gates that stopped it, in order.
    std::string summary;
    /// Same kind, target and gates: the summary has times in it.
    [[nodiscard]] bool is_like(const Outcome& other) const {
        return kind == other.kind && target == other.target && stops == other.stops;
    }
};
/// A decision was made now; only those services whose outcome is another one.
struct Decided {
    Instant at{};
    std::vector<Outcome> changed;
};

using Observation = std::variant<Began, Repeated, Adopted, Watched, Unwatched, Forgot, KnownUp,
                                 Sampled, Heard, Judged, Standing, Decided>;

/// The texts that a segment has named already, and what its times and facts build upon.
struct SegmentState {
    int version = 0;  ///< The reader's.
    static constexpr std::size_t kMostTexts = 65'536;
    static constexpr std::size_t kLongestKept = 96;
    std::map<std::string, std::uint64_t> numbers;  ///< The writer's.
    std::vector<std::string> texts;                ///< The reader's.
    std::map<probe::TargetId, std::uint64_t> target_numbers;
    std::vector<probe::TargetId> targets;
    std::vector<Fields> facts;  ///< By target: of the newest sample that had any.
    Instant last{};
};

/// Writes one segment; frames are to be appended as they come.
class ObservationWriter {
  public:
    /// The first bytes of a segment.
    static std::string head();
    void add(const Observation& observation);
    [[nodiscard]] std::size_t pending() const { return payload_.size(); }
    /// What was added since, as one frame with its checksum; empty: nothing.
    std::string take_frame();

  private:
    SegmentState state_;
    std::string payload_;
};

/// Reads a segment until its end, or until what is no whole frame: a torn tail is no error.
class ObservationReader {
  public:
    /// kInvalid when a newer muster wrote it, kCorrupt when it is no record at all.
    static Result<ObservationReader> open(std::string_view bytes);
    /// Nothing at the end; kCorrupt when a frame that is whole can't be understood.
    Result<std::optional<Observation>> next();
    /// Bytes at the end that are no whole frame.
    [[nodiscard]] std::size_t torn() const { return rest_.size(); }
    /// False of a record from before standings told of managed replication.
    [[nodiscard]] bool tells_who_is_in_sync() const { return state_.version >= 2; }

  private:
    ObservationReader(std::string_view rest, int version) : rest_(rest) {
        state_.version = version;
    }
    bool next_frame();

    std::string_view rest_;   ///< After the current frame.
    std::string_view frame_;  ///< What is left of it.
    SegmentState state_;
};

}  // namespace muster::agent
