#include "probe/attempts.h"

#include <algorithm>
#include <optional>

#include "base/event.h"
#include "base/task_group.h"

namespace muster::probe {

namespace {

// What the attempts of one sample share; it lives in the frame that awaits them all.
struct Race {
    explicit Race(const Executor& executor) : changed(executor), group(executor) {}

    Event changed;
    TaskGroup group;
    int left = 0;  // Attempts that may still answer, started or not.
    std::optional<Sample> answer;
    std::optional<Sample> silence;  // Of the first attempt that ended without an answer.
};

class PatientProbe final : public Probe {
  public:
    PatientProbe(std::unique_ptr<Probe> inner, int attempts, Deps deps)
        : inner_(std::move(inner)), attempts_(attempts), deps_(std::move(deps)) {}

    Task<Sample> check(Instant deadline) override;

  private:
    Task<> attempt(Race* race, Instant deadline);
    Task<> start_further(Race* race, Instant deadline);

    std::unique_ptr<Probe> inner_;
    int attempts_;
    Deps deps_;
};

Task<> PatientProbe::attempt(Race* race, Instant deadline) {
    auto sample = co_await inner_->check(deadline);
    --race->left;
    if (sample && sample->evidence != Evidence::kSilence) {
        race->answer = race->answer ? std::move(race->answer) : std::move(*sample);
    } else if (sample && !race->silence) {
        race->silence = std::move(*sample);
    }
    race->changed.notify();
    co_return Result<>{};
}

Task<> PatientProbe::start_further(Race* race, Instant deadline) {
    for (int further = race->left - 1; further > 0; --further) {
        CO_TRY_OK(co_await deps_.clock.sleep_for(kAttemptSpacing));
        race->group.spawn(attempt(race, deadline));
    }
    co_return Result<>{};
}

Task<Sample> PatientProbe::check(Instant deadline) {
    Race race(deps_.executor);
    // Only attempts that start before the deadline can answer.
    const auto room = (deadline - deps_.clock.now() - Duration(1)) / kAttemptSpacing;
    race.left = 1 + static_cast<int>(std::clamp<Duration::rep>(room, 0, attempts_ - 1));
    race.group.spawn(attempt(&race, deadline));
    if (race.left > 1) {
        race.group.spawn(start_further(&race, deadline));
    }
    bool is_cancelled = false;
    while (!race.answer && race.left > 0 && !is_cancelled) {
        is_cancelled = !(co_await race.changed.wait());
    }
    CO_TRY_OK(co_await race.group.stop());
    if (is_cancelled) {
        co_return Error{Errc::kCancelled, "the check was cancelled"};
    }
    if (race.answer) {
        co_return std::move(*race.answer);
    }
    if (race.silence) {
        co_return std::move(*race.silence);
    }
    co_return Sample{.detail = "no answer", .facts = {}};
}

}  // namespace

std::unique_ptr<Probe> with_attempts(std::unique_ptr<Probe> inner, int attempts, Deps deps) {
    return std::make_unique<PatientProbe>(std::move(inner), attempts, std::move(deps));
}

}  // namespace muster::probe
