#include "agent/state.h"

// What goes into the record beside samples (docs/design/observations.md).

namespace muster::agent {

namespace {
constexpr Duration kFlushEvery = std::chrono::seconds(1);
}  // namespace

Task<> Agent::State::record_loop() {
    while (true) {
        CO_TRY_OK(co_await deps.clock.sleep_for(kFlushEvery));
        recorder.flush();
    }
}

// All that the next decision looks at and no sample tells of.
void Agent::State::record_standing() {
    if (!recorder.is_on()) {
        return;
    }
    recorder.judged({eligibility.is_eligible, eligibility.why_not});
    for (const auto& live : services) {
        Standing standing;
        standing.service = live.plan->id;
        standing.site = live.primacy.site;
        standing.epoch = live.primacy.epoch;
        standing.moving_to = live.primacy.moving_to;
        if (const auto run = active_run(live)) {
            standing.active_run = run->str();
        }
        standing.rebuilding = rebuilding(live).value_or(SiteId());
        standing.waiting = live.waiting_approval;
        for (const auto& [run, at] : live.automatic_moves) {
            standing.moves.push_back(at);
        }
        for (std::size_t i = 0; i < live.components.size(); ++i) {
            if (auto known = in_sync(live, i)) {
                standing.in_sync.push_back(std::move(*known));
            }
        }
        recorder.standing(standing);
    }
}

void Agent::State::record_known(const probe::TargetId& target, std::uint64_t address) {
    if (seen_up.has(target)) {
        recorder.known_up({target, address});
    }
}

}  // namespace muster::agent
