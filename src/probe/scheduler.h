#pragma once

#include <functional>
#include <map>
#include <memory>

#include "base/event.h"
#include "base/task_group.h"
#include "probe/verdict.h"

namespace muster::probe {

/// Runs many thousands of probes: phase from a hash of target and vantage, ± 5 % jitter, bounded
/// concurrency, immediate re-check of hard failures, and a detector for each target. A hung target
/// never delays another: targets that were silent get at most half of the places. Until a target
/// has a verdict it is checked at least once a second, so that the first picture comes soon; after
/// a gap of 10 s (the process stood still) its verdict starts again from unknown.
class Scheduler {
  public:
    struct Options {
        SiteId vantage;
        std::size_t max_in_flight = 4096;
        Duration recheck = std::chrono::milliseconds(50);  ///< Spacing after a hard failure.
    };
    /// Called on the scheduler's executor after every sample; `is_changed` as Detector::observe.
    using OnSample =
        std::function<void(const TargetId&, const Sample&, const Verdict&, bool is_changed)>;

    Scheduler(Options options, Deps deps, OnSample on_sample);
    ~Scheduler();

    /// Starts watching; the probe is made by the registry. kInvalid as Registry::make.
    Result<> add(const Settings& settings, const Registry& registry);
    /// Stops watching one service's targets and forgets their verdicts; waits for checks under way.
    Task<> remove(ServiceId service);
    /// Stops watching everything, as a plan reload needs; waits for checks under way.
    Task<> stop();
    /// Checks a target now (a broken kept connection, an operator's request).
    void poke(const TargetId& target);
    /// nullptr when it is not watched.
    [[nodiscard]] const Detector* find(const TargetId& target) const;
    [[nodiscard]] const std::map<TargetId, std::unique_ptr<Detector>>& detectors() const;
    /// True once every target has a verdict other than unknown: nothing is steered before that.
    [[nodiscard]] bool has_full_picture() const;
    /// How late checks started, worst since the last call: the vantage's own health.
    Duration take_worst_lag();

  private:
    struct Watch;
    using Watches = std::map<TargetId, std::unique_ptr<Watch>>;
    using Detectors = std::map<TargetId, std::unique_ptr<Detector>>;
    static Task<> end(Watches watches, Detectors detectors);
    Task<> run(Watch* watch);
    Task<> check_until_settled(Watch* watch, Instant due);
    Task<> check_once(Watch* watch, Instant due);
    Task<> take_slot(Watch* watch);
    void free_slot(const Watch& watch);

    Options options_;
    Deps deps_;
    OnSample on_sample_;
    Watches watches_;
    Detectors detectors_;
    std::size_t in_flight_ = 0;
    std::size_t patient_in_flight_ = 0;  // Of them, targets that were silent last time.
    Event slot_free_;
    Duration worst_lag_{};
};

}  // namespace muster::probe
