// When each target is checked, for tens of thousands of them.
//
// A target that waits costs an entry in a heap of times and nothing else: no coroutine, no timer.
// One task sleeps until the first of them; what is due is started together, at most once in a
// millisecond, so that a busy vantage pays for a thousand wake-ups a second and not for each check,
// and at most 128 at one time.
// A check is one coroutine for each attempt, spawned when it begins. Entries of the heap are never
// taken out of the middle: each carries the number of the check it was made for, and one whose
// target is at another check by then is passed over.
//
// A check that finds no place waits in line. Targets that were silent last time hold theirs until
// the timeout again, so that they may take half of the places at most.

#include "probe/scheduler.h"

#include <algorithm>

#include "probe/attempts.h"

namespace muster::probe {

namespace {

constexpr double kJitter = 0.05;
constexpr Duration kFirstLook = std::chrono::seconds(1);
constexpr Duration kGap = std::chrono::seconds(10);
constexpr Duration kTogether = std::chrono::milliseconds(1);
// More at one time would be a burst for the network, and memory that is needed only then.
constexpr int kMostTogether = 128;

constexpr auto kLater = [](const auto& a, const auto& b) {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
};

}  // namespace

struct Scheduler::Watch {
    struct Running {
        std::uint32_t name;
        TaskGroup::Child* child;
    };

    const TargetId* target = nullptr;  // The key under which it stands.
    Duration interval{};
    Duration timeout{};
    Duration phase{};
    std::unique_ptr<Probe> probe;
    Detector* detector = nullptr;
    int attempts = 1;

    Instant slot{};   // Of the newest turn, on this target's own grid.
    Instant due{};    // When the check under way should have begun,
    Instant asked{};  // and when it was asked for.
    Instant deadline{};
    Instant attempted{};  // When its newest attempt began.
    std::vector<Running> running;
    std::optional<Sample> silence;  // Of the first attempt that ended without an answer.
    std::uint32_t check = 0;
    std::uint32_t next_name = 0;
    std::uint32_t ending = 0;  // The attempt that brought the answer.
    int left = 0;              // Attempts that may still answer, started or not.
    int unstarted = 0;         // Of them, not started.
    bool has_turn = false;
    bool is_checking = false;  // From the first check until no further one is wanted at once.
    bool is_answered = true;   // The check that `check` counts is over.
    bool is_poked = false;
    bool is_patient = false;  // Silent last time: it may keep its place until the timeout again.
    bool is_removed = false;

    // The slot after `slot` on this target's own grid: phase + k × interval.
    [[nodiscard]] Instant next_slot(Instant now) const {
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
      jitter_(deps_.random.next()),
      tasks_(deps_.executor),
      attempt_ended_(deps_.executor) {
}

Scheduler::~Scheduler() = default;

Result<> Scheduler::add(const Settings& settings, const Registry& registry) {
    const auto& target = settings.target;
    if (watches_.contains(target)) {
        return Error{Errc::kInvalid, target.str() + " is already watched"};
    }
    const auto interval = settings.plan.interval;
    if (interval <= Duration::zero() || settings.plan.timeout <= Duration::zero()) {
        return Error{Errc::kInvalid,
                     "the probe of " + target.str() + " has no interval or no timeout",
                     "give both a duration greater than 0s"};
    }
    auto deps = deps_;
    deps.disturbed = [this, target] { poke(target); };
    TRY(auto made, registry.make_single(settings, std::move(deps)));
    auto watch = std::make_unique<Watch>();
    watch->interval = interval;
    watch->timeout = settings.plan.timeout;
    watch->attempts = made.attempts;
    watch->probe = std::move(made.probe);
    auto detector = std::make_unique<Detector>(settings.plan);
    watch->detector = detector.get();
    const auto spread = stable_hash(target.str() + "|" + options_.vantage.str());
    watch->phase =
        Duration(static_cast<Duration::rep>(spread % static_cast<std::uint64_t>(interval.count())));
    watch->slot = deps_.clock.now() + watch->phase % std::min(interval, kFirstLook);
    auto* added = watch.get();
    detectors_.emplace(target, std::move(detector));
    added->target = &watches_.emplace(target, std::move(watch)).first->first;
    plan_next_turn(added);
    return {};
}

void Scheduler::forget_times(const Watches& watches) {
    for (const auto& [target, watch] : watches) {
        watch->is_removed = true;
    }
    const auto is_removed = [](const Timed& timed) { return timed.watch->is_removed; };
    std::erase_if(times_, is_removed);
    std::ranges::make_heap(times_, kLater);
    std::erase_if(waiting_, [](const Watch* watch) { return watch->is_removed; });
}

// What is watched no longer is out of sight at once; it goes when its last attempt has ended.
Task<> Scheduler::end(Watches watches, Detectors detectors) {
    for (const auto& [target, watch] : watches) {
        const auto told = watch->running;
        for (const auto& running : told) {
            tasks_.cancel(running.child);
        }
        while (!watch->running.empty()) {
            // Whoever waits may have been cancelled itself; the attempts must have ended all the
            // same.
            const auto woken = co_await attempt_ended_.wait();
            static_cast<void>(woken);
        }
        if (!watch->is_answered) {
            --in_flight_;
            patient_in_flight_ -= watch->is_patient ? 1 : 0;
        }
    }
    watches.clear();
    detectors.clear();
    admit_waiting();
    if (watches_.empty()) {
        if (sleeper_ != nullptr) {
            ++shift_;
            tasks_.cancel(std::exchange(sleeper_, nullptr));
        }
        CO_TRY_OK(co_await tasks_.wait());
    }
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
    forget_times(watches);
    return end(std::move(watches), std::move(detectors));
}

Task<> Scheduler::stop() {
    forget_times(watches_);
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
    ask(watch, deps_.clock.now());
    wake_in_time();
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
        const auto& verdict = entry.second->verdict();
        return verdict.health == Health::kUnknown && !verdict.is_blind;
    });
}

Duration Scheduler::take_worst_lag() {
    return std::exchange(worst_lag_, Duration::zero());
}

void Scheduler::at(Instant when, Watch* watch, Purpose purpose) {
    times_.push_back({when, ++order_, watch, watch->check, purpose});
    std::ranges::push_heap(times_, kLater);
    wake_in_time();
}

// One task sleeps; when something is to be done before it would wake, another takes its place.
void Scheduler::wake_in_time() {
    if (is_doing_ || times_.empty()) {
        return;
    }
    const Instant wanted = std::max(times_.front().when, quiet_until_);
    if (sleeper_ != nullptr && sleeps_until_ <= wanted) {
        return;
    }
    if (sleeper_ != nullptr) {
        tasks_.cancel(sleeper_);
    }
    sleeps_until_ = wanted;
    ++shift_;
    tasks_.spawn(keep_time(shift_), sleeper_);
}

Task<> Scheduler::keep_time(std::uint64_t shift) {
    while (shift == shift_ && !times_.empty()) {
        sleeps_until_ = std::max(times_.front().when, quiet_until_);
        const auto slept = co_await deps_.clock.sleep_until(sleeps_until_);
        if (!slept || shift != shift_) {
            co_return Result<>{};
        }
        do_what_is_due();
    }
    if (shift == shift_) {
        sleeper_ = nullptr;
    }
    co_return Result<>{};
}

void Scheduler::do_what_is_due() {
    is_doing_ = true;
    const Instant now = deps_.clock.now();
    for (int done = 0; done < kMostTogether && !times_.empty() && times_.front().when <= now;
         ++done) {
        std::ranges::pop_heap(times_, kLater);
        const auto timed = times_.back();
        times_.pop_back();
        do_one(timed);
    }
    is_doing_ = false;
    // From the end, so that sockets have their turn however long this took.
    quiet_until_ = deps_.clock.now() + kTogether;
}

void Scheduler::do_one(const Timed& timed) {
    auto* watch = timed.watch;
    const bool is_current = timed.check == watch->check;
    switch (timed.purpose) {
        case Purpose::kTurn:
            watch->has_turn = false;
            // A check that was asked for meanwhile serves as well; it plans the next turn.
            if (!watch->is_checking) {
                ask(watch, timed.when);
            }
            break;
        case Purpose::kAgain:
            if (is_current) {
                ask(watch, timed.when);
            }
            break;
        case Purpose::kAttempt:
            if (is_current && !watch->is_answered) {
                start_attempt(watch);
            }
            break;
    }
}

void Scheduler::plan_next_turn(Watch* watch) {
    const bool is_known = watch->detector->verdict().health != Health::kUnknown;
    const auto step = is_known ? watch->interval : std::min(watch->interval, kFirstLook);
    const Instant jittered = watch->slot + (jitter_.jitter(step, kJitter) - step);
    watch->has_turn = true;
    at(std::max(jittered, deps_.clock.now()), watch, Purpose::kTurn);
}

void Scheduler::ask(Watch* watch, Instant due) {
    watch->is_checking = true;
    watch->is_poked = false;
    watch->due = due;
    watch->asked = deps_.clock.now();
    waiting_.push_back(watch);
    admit_waiting();
}

bool Scheduler::has_place(const Watch& watch) const {
    const auto most_patient = std::max<std::size_t>(1, options_.max_in_flight / 2);
    return in_flight_ < options_.max_in_flight &&
           (!watch.is_patient || patient_in_flight_ < most_patient);
}

// A check may end inside this call and so make room; the loop that runs already sees that.
void Scheduler::admit_waiting() {
    if (is_admitting_) {
        return;
    }
    is_admitting_ = true;
    while (!waiting_.empty() && in_flight_ < options_.max_in_flight) {
        const auto next = std::ranges::find_if(
            waiting_, [this](const Watch* watch) { return has_place(*watch); });
        if (next == waiting_.end()) {
            break;
        }
        auto* watch = *next;
        waiting_.erase(next);
        start(watch);
    }
    is_admitting_ = false;
}

void Scheduler::start(Watch* watch) {
    const Instant now = deps_.clock.now();
    // Silent targets may wait for a place; that says nothing of this vantage.
    const Instant started = watch->is_patient ? watch->asked : now;
    worst_lag_ = std::max(worst_lag_, started - watch->due);
    if (started - watch->due > kGap) {
        watch->detector->reset();
    }
    ++in_flight_;
    patient_in_flight_ += watch->is_patient ? 1 : 0;
    ++watch->check;
    watch->is_answered = false;
    watch->silence.reset();
    watch->deadline = now + watch->timeout;
    // Only attempts that start before the deadline can answer.
    const auto room = (watch->timeout - Duration(1)) / kAttemptSpacing;
    watch->left = 1 + static_cast<int>(std::min<Duration::rep>(room, watch->attempts - 1));
    watch->unstarted = watch->left;
    watch->attempted = now;
    start_attempt(watch);
}

void Scheduler::start_attempt(Watch* watch) {
    if (--watch->unstarted > 0) {
        at(watch->attempted + kAttemptSpacing, watch, Purpose::kAttempt);
        watch->attempted += kAttemptSpacing;
    }
    const auto name = watch->next_name++;
    auto& running = watch->running.emplace_back(Watch::Running{name, nullptr});
    tasks_.spawn(attempt(watch, watch->check, name), running.child);
}

Task<> Scheduler::attempt(Watch* watch, std::uint32_t check, std::uint32_t name) {
    auto sample = co_await watch->probe->check(watch->deadline);
    watch->ending = name;
    take_answer(watch, check, std::move(sample));
    // Last, because whoever removes the target waits for it.
    std::erase_if(watch->running, [name](const auto& running) { return running.name == name; });
    if (watch->is_removed) {
        attempt_ended_.notify();
    }
    co_return Result<>{};
}

void Scheduler::take_answer(Watch* watch, std::uint32_t check, Result<Sample> sample) {
    if (watch->is_removed || check != watch->check || watch->is_answered) {
        return;
    }
    --watch->left;
    if (sample && sample->evidence != Evidence::kSilence) {
        settle(watch, *sample);
        return;
    }
    if (sample && !watch->silence) {
        watch->silence = std::move(*sample);
    }
    if (watch->left == 0) {
        settle(watch, watch->silence ? Sample(std::move(*watch->silence))
                                     : Sample{.detail = "no answer", .facts = {}});
    }
}

void Scheduler::settle(Watch* watch, const Sample& sample) {
    watch->is_answered = true;
    --in_flight_;
    patient_in_flight_ -= watch->is_patient ? 1 : 0;
    if (watch->running.size() > 1) {
        for (const auto& running : watch->running) {
            if (running.name != watch->ending) {
                tasks_.cancel(running.child);
            }
        }
    }
    watch->is_patient = sample.evidence == Evidence::kSilence;
    const Instant now = deps_.clock.now();
    const bool is_changed = watch->detector->observe(sample, now);
    if (on_sample_) {
        on_sample_(*watch->target, sample, watch->detector->verdict(), is_changed);
    }
    if (!watch->is_removed && (watch->is_poked || watch->detector->wants_recheck())) {
        at(now + options_.recheck, watch, Purpose::kAgain);
    } else if (!watch->is_removed) {
        watch->is_checking = false;
        // A check that was asked for leaves the turn that is planned as it is.
        if (!watch->has_turn) {
            watch->slot = watch->next_slot(now);
            plan_next_turn(watch);
        }
    }
    admit_waiting();
}

}  // namespace muster::probe
