#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/observation.h"
#include "plan/model.h"

namespace muster::agent {

/// Other thresholds: of every probe, and of every service.
struct Thresholds {
    std::optional<int> rise;
    std::optional<int> fall;
    std::optional<int> fall_hard;
    std::optional<int> slow;
    std::optional<Duration> interval;  ///< Longer than recorded only.
    std::optional<Duration> timeout;   ///< Shorter than recorded only.
    std::optional<plan::Preset> preset;
    std::optional<Duration> hold;
    std::optional<Duration> cooldown;
    std::optional<int> max_per_day;
    std::optional<Duration> max_loss;

    /// Takes "fall=5". kInvalid, with what there is, for an unknown name or a wrong value.
    Result<> set(const std::string& text);
    [[nodiscard]] bool is_empty() const;
};

/// When a decision became another one.
struct Turn {
    WallTime at{};
    Outcome outcome;
};

/// One stretch in which a service was not calm, and that would have gone another way.
struct Difference {
    ServiceId service;
    Turn recorded;  ///< What it came to.
    Turn replayed;
    bool is_later = false;  ///< The same, later (or earlier) by `shift`.
    Duration shift{};
    std::string text;  ///< One line for people.
};

struct Replay {
    WallTime from{};  ///< What the record covers of what was asked for.
    WallTime to{};
    std::uint64_t samples = 0;
    std::uint64_t decisions = 0;
    std::vector<Turn> recorded;
    std::vector<Turn> replayed;
    std::vector<Difference> differences;
    std::vector<std::string> notes;  ///< What could not be read or judged.
};

struct ReplayOf {
    std::vector<std::string> segments;  ///< As they were written, oldest first.
    WallTime from{};
    WallTime to{};
    Thresholds thresholds;
    /// The plan of a digest. kNotFound.
    std::function<Result<plan::Plan>(const std::string& digest)> plan;
};

/// Goes through a record again: the same detectors, the same view, the same decisions, with other
/// thresholds. Without any, the decisions are those that were recorded. What was done about a
/// decision stays as it was: the record shows no other world. kInvalid when the record can't show
/// what is asked, kNotFound when there is nothing in it.
Result<Replay> replay(const ReplayOf& wanted);

}  // namespace muster::agent
