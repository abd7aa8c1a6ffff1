#pragma once

#include <string>
#include <vector>

#include "decide/decide.h"

namespace muster::decide {

// What a configuration of observers is worth, reckoned beforehand: how often loss alone would move
// a service, and how soon a real outage is seen. docs/explanation/detection.md has the formulas.

/// How packets get lost between a vantage and its target: solid bursts of exponential length, in
/// which nothing arrives (a Gilbert–Elliott channel in continuous time).
struct Channel {
    double loss = 0.01;                        ///< Share of the time that is lost.
    Duration burst = std::chrono::seconds(1);  ///< Mean length of a burst.
    double own_line = 0.01;                    ///< Share of the loss that all vantages see.
};

/// How one target is watched from each vantage.
struct Watching {
    plan::Probe probe;
    bool is_retried = false;  ///< Further attempts within one sample, `probe.attempts` in all.
    Duration attempt_spacing{};
    Duration recheck{};  ///< After a hard failure.
    int vantages = 1;
};

/// Quantiles of a time; exact under the stated model.
struct Times {
    Duration p50{};
    Duration p99{};
};

/// From a fault to the verdict of enough vantages, and to the move that it allows.
struct Detection {
    Times seen;
    Times acted;  ///< With the hold-down.
};
Detection detect_hard(const Watching& watching, Duration hold);
Detection detect_silence(const Watching& watching, Duration hold);

/// False moves a year, by loss alone.
struct FalseAlarms {
    double independent = 0;  ///< Each vantage loses packets of its own.
    double own_line = 0;     ///< The loss on the target's own line: no vote helps against it.
    [[nodiscard]] double in_all() const { return independent + own_line; }
};
/// Silence at all vantages for the hold-down and, where a witness speaks, at the witness for
/// `witness` (zero: there is none).
FalseAlarms false_silence(const Watching& watching, Duration hold, Duration witness,
                          const Channel& channel);

/// What is expected of one component of a service.
struct Expectation {
    ServiceId service;
    ComponentId component;
    Watching watching;
    Detection hard;
    Detection silence;
    Duration hold_hard{};
    Duration hold_silence{};
    bool has_witness = false;
    /// Silence alone moves it, by what is configured; else a person is asked.
    bool is_moved_by_silence = false;
    std::string silence_rule;  ///< Why, for people.
    struct Rate {
        Channel channel;
        FalseAlarms alarms;
    };
    std::vector<Rate> silence_rates;  ///< Of false moves, or of persons asked in vain.
};

/// What the glue knows of a component.
struct Watched {
    ComponentId component;
    Watching watching;
    Duration witness{};  ///< A standby tells of the primary after so much silence; zero: none does.
    plan::FenceClass fence = plan::FenceClass::kEnforced;  ///< The service's.
};
Expectation expect(const plan::Service& service, const Watched& watched,
                   const std::vector<Channel>& channels);

}  // namespace muster::decide
