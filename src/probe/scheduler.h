#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/event.h"
#include "base/task_group.h"
#include "probe/verdict.h"

namespace muster::probe {

/// Runs many thousands of probes: phase from a hash of target and vantage, ± 5 % jitter, bounded
/// concurrency, immediate re-check of hard failures, further attempts within a sample
/// (probe/attempts.h), and a detector for each target. A hung target never delays another: targets
/// that were silent get at most half of the places. Until a target has a verdict it is checked at
/// least once a second, so that the first picture comes soon; after a gap of 10 s (the process
/// stood still) its verdict starts again from unknown.
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
    /// `stop()` was awaited, or the executor is being torn down.
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
    enum class Purpose : std::uint8_t { kTurn, kAgain, kAttempt };
    /// Something to do for a target at a time. All of them are one heap.
    struct Timed {
        Instant when;
        std::uint64_t order;  // Equal times go in the order in which they were asked for.
        Watch* watch;
        std::uint32_t check;  // Out of date when the target is at another check by then.
        Purpose purpose;
    };
    using Watches = std::map<TargetId, std::unique_ptr<Watch>>;
    using Detectors = std::map<TargetId, std::unique_ptr<Detector>>;

    Task<> end(Watches watches, Detectors detectors);
    void forget_times(const Watches& watches);
    // When: the heap and the one task that sleeps on it.
    void at(Instant when, Watch* watch, Purpose purpose);
    void wake_in_time();
    Task<> keep_time(std::uint64_t shift);
    void do_what_is_due();
    void do_one(const Timed& timed);
    void plan_next_turn(Watch* watch);
    // What: a check, its attempts, its end.
    void ask(Watch* watch, Instant due);
    void admit_waiting();
    [[nodiscard]] bool has_place(const Watch& watch) const;
    void start(Watch* watch);
    void start_attempt(Watch* watch);
    Task<> attempt(Watch* watch, std::uint32_t check, std::uint32_t name);
    void take_answer(Watch* watch, std::uint32_t check, Result<Sample> sample);
    void settle(Watch* watch, const Sample& sample);

    Options options_;
    Deps deps_;
    OnSample on_sample_;
    SeededRandom jitter_;
    Watches watches_;
    Detectors detectors_;
    TaskGroup tasks_;
    Event attempt_ended_;
    std::vector<Timed> times_;
    std::uint64_t order_ = 0;
    TaskGroup::Child* sleeper_ = nullptr;
    std::uint64_t shift_ = 0;  // Which sleeper's turn it is; an older one ends.
    Instant sleeps_until_{};
    Instant quiet_until_{};
    bool is_doing_ = false;
    std::deque<Watch*> waiting_;  // For a place, in order.
    bool is_admitting_ = false;
    std::size_t in_flight_ = 0;
    std::size_t patient_in_flight_ = 0;  // Of them, targets that were silent last time.
    Duration worst_lag_{};
};

}  // namespace muster::probe
