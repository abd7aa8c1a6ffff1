#include "probe/scheduler.h"

#include <algorithm>

namespace muster::probe {

namespace {

constexpr double kJitter = 0.05;
constexpr Duration kFirstLook = std::chrono::seconds(1);
constexpr Duration kGap = std::chrono::seconds(10);

}  // namespace

struct Scheduler::Watch {
    explicit Watch(const Executor& executor) : tasks(executor) {}

    Settings settings;
    TaskGroup tasks;
    std::unique_ptr<Probe> probe;
    Detector* detector = nullptr;
    Duration phase{};
    bool is_checking = false;
    bool is_poked = false;
    bool is_patient = false;  // Silent last time: it may keep its place until the timeout again.

    // The slot after `slot` on this target's own grid: phase + k × interval.
    [[nodiscard]] Instant next_slot(Instant slot, Instant now) const {
        const auto interval = settings.plan.interval;
        if (detector->verdict().health == Health::kUnknown && interval > kFirstLook) {
            return now + kFirstLook;
        }
        const auto earliest = std::max(slot, now).time_since_epoch() - phase;
        const auto turns = earliest / interval + 1;
        return Instant(phase + turns * interval);
    }
};

Scheduler::Scheduler(Options options, Deps deps, OnSample on_sample)
    : options_(std::move(options)),
      deps_(std::move(deps)),
      on_sample_(std::move(on_sample)),
      slot_free_(deps_.executor) {
}

Scheduler::~Scheduler() = default;

Result<> Scheduler::add(const Settings& settings, const Registry& registry) {
    const auto& target = settings.target;
    if (watches_.contains(target)) {
        return Error{Errc::kInvalid, target.str() + " is already watched"};
    }
    if (settings.plan.interval <= Duration::zero() || settings.plan.timeout <= Duration::zero()) {
        return Error{Errc::kInvalid,
                     "the probe of " + target.str() + " has no interval or no timeout",
                     "give both a duration greater than 0s"};
    }
    auto deps = deps_;
    deps.disturbed = [this, target] { poke(target); };
    auto watch = std::make_unique<Watch>(deps_.executor);
    watch->settings = settings;
    TRY(watch->probe, registry.make(settings, std::move(deps)));
    auto detector = std::make_unique<Detector>(settings.plan);
    watch->detector = detector.get();
    const auto spread = stable_hash(target.str() + "|" + options_.vantage.str());
    watch->phase = Duration(static_cast<Duration::rep>(
        spread % static_cast<std::uint64_t>(settings.plan.interval.count())));
    auto* started = watch.get();
    detectors_.emplace(target, std::move(detector));
    watches_.emplace(target, std::move(watch));
    started->tasks.spawn(run(started));
    return {};
}

// What is watched no longer is out of sight at once; it goes when its last check has ended.
Task<> Scheduler::end(Watches watches, Detectors detectors) {
    for (const auto& [target, watch] : watches) {
        CO_TRY_OK(co_await watch->tasks.stop());
    }
    watches.clear();
    detectors.clear();
    co_return Result<>{};
}

Task<> Scheduler::remove(ServiceId service) {
    Watches watches;
    Detectors detectors;
    for (auto place = watches_.begin(); place != watches_.end();) {
        const auto current = place++;
        if (current->first.service == service) {
            detectors.insert(detectors_.extract(current->first));
            watches.insert(watches_.extract(current));
        }
    }
    return end(std::move(watches), std::move(detectors));
}

Task<> Scheduler::stop() {
    return end(std::exchange(watches_, {}), std::exchange(detectors_, {}));
}

void Scheduler::poke(const TargetId& target) {
    const auto found = watches_.find(target);
    if (found == watches_.end()) {
        return;
    }
    auto* watch = found->second.get();
    if (watch->is_checking) {
        watch->is_poked = true;
        return;
    }
    watch->tasks.spawn(check_until_settled(watch, deps_.clock.now()));
}

const Detector* Scheduler::find(const TargetId& target) const {
    const auto found = detectors_.find(target);
    return found == detectors_.end() ? nullptr : found->second.get();
}

const std::map<TargetId, std::unique_ptr<Detector>>& Scheduler::detectors() const {
    return detectors_;
}

bool Scheduler::has_full_picture() const {
    return std::ranges::none_of(detectors_, [](const auto& entry) {
        return entry.second->verdict().health == Health::kUnknown;
    });
}

Duration Scheduler::take_worst_lag() {
    return std::exchange(worst_lag_, Duration::zero());
}

Task<> Scheduler::run(Watch* watch) {
    const auto interval = watch->settings.plan.interval;
    Instant slot = deps_.clock.now() + watch->phase % std::min(interval, kFirstLook);
    while (true) {
        const Instant jittered = slot + (deps_.random.jitter(interval, kJitter) - interval);
        const Instant due = std::max(jittered, deps_.clock.now());
        CO_TRY_OK(co_await deps_.clock.sleep_until(due));
        // A check that was asked for meanwhile serves as well.
        if (!watch->is_checking) {
            CO_TRY_OK(co_await check_until_settled(watch, due));
        }
        slot = watch->next_slot(slot, deps_.clock.now());
    }
}

Task<> Scheduler::check_until_settled(Watch* watch, Instant due) {
    struct Mark {
        bool& is_set;
        explicit Mark(bool& flag) : is_set(flag) { is_set = true; }
        Mark(const Mark&) = delete;
        Mark& operator=(const Mark&) = delete;
        ~Mark() { is_set = false; }
    };
    const Mark checking(watch->is_checking);
    while (true) {
        watch->is_poked = false;
        CO_TRY_OK(co_await check_once(watch, due));
        if (!watch->is_poked && !watch->detector->wants_recheck()) {
            co_return Result<>{};
        }
        due = deps_.clock.now() + options_.recheck;
        CO_TRY_OK(co_await deps_.clock.sleep_until(due));
    }
}

Task<> Scheduler::take_slot(Watch* watch) {
    const auto most_patient = std::max<std::size_t>(1, options_.max_in_flight / 2);
    while (in_flight_ >= options_.max_in_flight ||
           (watch->is_patient && patient_in_flight_ >= most_patient)) {
        CO_TRY_OK(co_await slot_free_.wait());
    }
    ++in_flight_;
    patient_in_flight_ += watch->is_patient ? 1 : 0;
    co_return Result<>{};
}

void Scheduler::free_slot(const Watch& watch) {
    const bool was_full = in_flight_ >= options_.max_in_flight || watch.is_patient;
    --in_flight_;
    patient_in_flight_ -= watch.is_patient ? 1 : 0;
    if (was_full) {
        slot_free_.notify();
    }
}

Task<> Scheduler::check_once(Watch* watch, Instant due) {
    // Silent targets may wait for a place; that says nothing of this vantage.
    auto started = deps_.clock.now();
    CO_TRY_OK(co_await take_slot(watch));
    if (!watch->is_patient) {
        started = deps_.clock.now();
    }
    worst_lag_ = std::max(worst_lag_, started - due);
    if (started - due > kGap) {
        watch->detector->reset();
    }
    auto sample = co_await watch->probe->check(deps_.clock.now() + watch->settings.plan.timeout);
    free_slot(*watch);
    if (!sample) {
        co_return std::move(sample).error();
    }
    watch->is_patient = sample->evidence == Evidence::kSilence;
    const bool is_changed = watch->detector->observe(*sample, deps_.clock.now());
    if (on_sample_) {
        on_sample_(watch->settings.target, *sample, watch->detector->verdict(), is_changed);
    }
    co_return Result<>{};
}

}  // namespace muster::probe
