#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "plan/model.h"
#include "probe/probe.h"

namespace muster::probe {

enum class Health { kUnknown, kUp, kDown };
std::string_view to_string(Health health);

/// What one vantage says of one target, after damping.
struct Verdict {
    Health health = Health::kUnknown;
    /// What brought it down (kHard or kSilence), or how it is up (kGood or kSlow).
    Evidence evidence = Evidence::kGood;
    Instant since{};    ///< When the samples that led here began: the first bad one, not the last.
    Instant changed{};  ///< When the damping let it through.
    Instant sampled{};  ///< The newest sample.
    bool is_suspect = false;    ///< Up, but the newest sample was bad.
    bool is_blind = false;      ///< Unknown because the target refuses the probe: see Sample.
    bool is_answering = false;  ///< The newest sample was good, whatever the damping says.
    std::string detail;         ///< Of the newest sample of that evidence.
    Fields facts;               ///< Of the newest sample that had any.
    Duration latency{};
    Instant facts_at{};  ///< When those facts were sampled.
};

/// Damping, as a pure state machine: `fall_hard` hard failures in a row, or `fall` bad samples in a
/// row of which at least one was silence, bring a target down; `rise` good ones bring it up; one
/// good sample clears a suspicion (health-dns: r = 1 for suspicion). From unknown, the same counts
/// apply. `fall_hard` blind samples in a row make a target unknown.
class Detector {
  public:
    explicit Detector(const plan::Probe& settings);

    /// Takes one sample; true when health, suspicion or evidence class changed.
    bool observe(const Sample& sample, Instant now);
    /// Forgets everything but the history: after a gap in which nothing was sampled.
    void reset();
    [[nodiscard]] const Verdict& verdict() const { return verdict_; }
    /// A hard failure that has not yet counted: check again at once, at short spacing.
    [[nodiscard]] bool wants_recheck() const;

    struct Seen {
        Instant at;
        Evidence evidence;
        Duration latency;
        std::string detail;
    };
    static constexpr std::size_t kHistory = 20;
    /// The newest samples, oldest first, at most kHistory.
    [[nodiscard]] std::vector<Seen> history() const { return history_.samples(); }

  private:
    struct State {
        Health health;
        Evidence evidence;
    };
    // A ring; what samples say is mostly the same, so that each text is kept once. There may be
    // tens of thousands of detectors.
    class History {
      public:
        void add(Instant at, const Sample& sample);
        [[nodiscard]] std::vector<Seen> samples() const;

      private:
        struct Kept {
            Instant at;
            Duration latency;
            Evidence evidence;
            std::uint16_t text;
        };
        std::uint16_t place_of(const std::string& text);
        std::array<Kept, kHistory> ring_{};
        std::uint16_t size_ = 0;
        std::uint16_t next_ = 0;
        std::vector<std::string> texts_;
    };
    [[nodiscard]] State wanted() const;
    void count(const Sample& sample, Instant now);
    bool settle(const Sample& sample, Instant now);

    int rise_;
    int fall_;
    int fall_hard_;
    int slow_;
    int good_in_row_ = 0;
    int bad_in_row_ = 0;
    int hard_in_row_ = 0;
    int silent_in_row_ = 0;
    int blind_in_row_ = 0;
    bool has_silence_ = false;     // In the streak of bad samples that runs now.
    std::uint32_t slow_seen_ = 0;  // One bit for each of the newest samples.
    Instant streak_began_{};
    Verdict verdict_;
    History history_;
};

}  // namespace muster::probe
