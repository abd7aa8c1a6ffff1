#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "workflow/run.h"

namespace muster::evidence {

/// Quantiles of a time, by nearest rank, and from how many samples; nothing: never measured.
struct Spread {
    std::optional<Duration> p50;
    std::optional<Duration> p95;
    std::size_t samples = 0;
};

struct StepForecast {
    StepId id;
    std::string action;
    std::string phase;
    Spread time;               ///< From the moment at which it may begin.
    bool is_awaited = true;    ///< Users are not back before it is done.
    bool is_critical = false;  ///< On the critical path of the medians.
    double share = 0;          ///< Of the drawn moves, in which it was on the critical path.
};

/// How long the next move would take, from what its steps took before.
struct Forecast {
    std::string kind;  ///< "failover", "switchover", …
    SiteId to;
    Spread detect;  ///< First bad sample → verdict; a forced move's only.
    Spread decide;  ///< → the run begins.
    std::vector<StepForecast> steps;
    /// First bad sample (or, planned, the run's begin) → users back. With something in `unknown`
    /// this is what the rest takes: a lower bound.
    Spread total;
    std::vector<std::string> unknown;  ///< What was never measured: "detect", step ids, …
    std::size_t runs = 0;              ///< That the samples come from.
    Duration rto{};

    /// kUnknown unless the whole was measured, or what was measured is too long already.
    enum class Verdict { kUnknown, kFits, kExceeds };
    [[nodiscard]] Verdict verdict() const;
};
std::string_view to_string(Forecast::Verdict verdict);

/// Whether it was said that a service's forecast exceeds its RTO. Said again once it had a tenth of
/// the RTO to spare in between: a forecast near the RTO changes with every run.
struct RtoAlarm {
    bool is_raised = false;
    /// What is to be said now: kExceeds, kFits after that, else kUnknown: nothing. Where it fits as
    /// far as it is known, the alarm ends without a word.
    Forecast::Verdict take(const Forecast& forecast);
};

/// What is to be forecast.
struct ForecastOf {
    ServiceId service;
    std::string kind;  ///< Of the move.
    SiteId to;
    std::vector<plan::Step> steps;  ///< Derived, in order.
    Duration rto{};
    bool is_automatic = true;  ///< Muster decides; else a person does, and takes their own time.
};

/// So many finished runs of the service count, the newest, and none older than this.
inline constexpr std::size_t kForecastRuns = 50;
inline constexpr Duration kForecastAge = std::chrono::hours(24 * 180);

/// Pure: the same runs, the same forecast. A sample is a step of the same id and action that was
/// done in a finished run of the same service, without a person or a restart in between; `runs` are
/// newest first. The total's quantiles are those of 2,000 moves drawn from the samples
/// (docs/howto/tune-detection.md).
Forecast forecast(const ForecastOf& wanted, const std::vector<const workflow::Run*>& runs,
                  WallTime now);

/// For people: "0.21 s p50, 0.48 s p95 of 2 min (RTO), from 5 runs".
std::string describe(const Forecast& forecast);

}  // namespace muster::evidence
