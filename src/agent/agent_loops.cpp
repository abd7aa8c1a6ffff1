#include <algorithm>
#include <string>

#include "agent/state.h"

namespace muster::agent {

namespace {

constexpr Duration kPatience = std::chrono::seconds(2);
/// Without a change nothing but time can alter a decision; this bounds how late that is seen.
constexpr Duration kQuietTick = std::chrono::seconds(5);
constexpr Duration kBusyTick = std::chrono::milliseconds(250);
/// A gap of this length between two looks means that the process or the machine did not run.
constexpr Duration kSuspended = std::chrono::seconds(15);

// What a ballot says, without when: a repetition needs no new decision.
std::string meaning(const Ballot& ballot) {
    std::string text = ballot.vantage.is_eligible ? "+" : "-";
    for (const auto& vote : ballot.votes) {
        text += static_cast<char>('0' + static_cast<int>(vote.health));
        text += static_cast<char>('0' + static_cast<int>(vote.evidence));
    }
    for (const auto& witness : ballot.witnesses) {
        text += static_cast<char>('a' + static_cast<int>(witness.says));
    }
    return text;
}

std::string fingerprint(const decide::Decision& decision) {
    const auto outcome = outcome_of(decision);
    return outcome.kind + "|" + outcome.target + "|" + outcome.stops;
}

}  // namespace

void Agent::State::wake() {
    needs_decision = true;
    woken.notify();
    changed.notify();
}

void Agent::State::note_sample(const probe::TargetId& target, const probe::Sample& sample,
                               const probe::Verdict& verdict, bool is_changed) {
    if (verdict.health == probe::Health::kUp && seen_up.note(target)) {
        seen_first.notify();
        recorder.known_up({target, seen_up.address(target)});
    }
    suspect(target, sample);
    recorder.sampled(target, sample, verdict, is_changed);
    if (!is_changed) {
        return;
    }
    emit({.name = "verdict.changed",
          .severity = verdict.health == probe::Health::kDown ? "warn" : "info",
          .subject = target.str(),
          .message = std::string(to_string(verdict.health)) +
                     (verdict.is_suspect ? ", suspect: " : ": ") + verdict.detail,
          .data = {{"evidence", std::string(to_string(verdict.evidence))}}});
    wake();
}

// Whether this vantage may vote, and whether it slept: after a gap it must look again before it
// says anything.
void Agent::State::look_at_clock() {
    const auto now = deps.clock.now();
    if (now - last_look > kSuspended) {
        resumed = now;
        for (const auto& [target, detector] : scheduler.detectors()) {
            detector->reset();
        }
        recorder.forgot();
        emit({.name = "node.resumed",
              .severity = "warn",
              .subject = options.node.str(),
              .message = "did not run for " + human_duration(now - last_look) +
                         "; looks again before it acts"});
    }
    last_look = now;
    probe::SelfView self;
    self.loop_lag = scheduler.take_worst_lag();
    self.since_resume = resumed == Instant{} ? std::chrono::hours(24) : now - resumed;
    std::map<SiteId, int> turned;
    for (const auto& [target, detector] : scheduler.detectors()) {
        const auto& verdict = detector->verdict();
        if (target.service.empty()) {
            ++self.references;
            self.references_failing += static_cast<int>(verdict.health == probe::Health::kDown);
            continue;
        }
        ++self.targets;
        if (verdict.health == probe::Health::kDown &&
            now - verdict.changed < std::chrono::seconds(10)) {
            ++turned[target.site];
        }
    }
    int most = 0;
    for (const auto& [site, count] : turned) {
        self.targets_turned_bad += count;
        most = std::max(most, count);
    }
    self.targets_turned_bad -= most;
    const auto judged = probe::judge_self(self);
    if (judged.is_eligible != eligibility.is_eligible) {
        emit({.name = judged.is_eligible ? "vantage.eligible" : "vantage.abstains",
              .severity = judged.is_eligible ? "info" : "warn",
              .subject = options.site.str(),
              .message = judged.is_eligible ? "votes again" : judged.why_not});
    }
    eligibility = judged;
}

Task<> Agent::State::decide_loop() {
    while (true) {
        look_at_clock();
        decide_once();
        refresh_forecasts();
        bool is_busy = false;
        std::optional<Instant> reconsider;
        for (const auto& live : services) {
            is_busy |= live.decision.kind != decide::Kind::kNothing;
            if (live.decision.reconsider &&
                (!reconsider || *live.decision.reconsider < *reconsider)) {
                reconsider = live.decision.reconsider;
            }
        }
        auto next = deps.clock.now() + (is_busy ? kBusyTick : kQuietTick);
        if (reconsider && *reconsider < next) {
            next = std::max(*reconsider, deps.clock.now() + std::chrono::milliseconds(1));
        }
        if (!needs_decision) {
            CO_TRY_OK(co_await wait_for(&woken, next));
        }
    }
}

Task<> Agent::State::wait_for(muster::Event* event, Instant deadline) {
    TaskGroup alarm(deps.executor);
    const auto ring = [](Clock* clock, muster::Event* rung, Instant when) -> Task<> {
        CO_TRY_OK(co_await clock->sleep_until(when));
        rung->notify();
        co_return Result<>{};
    };
    alarm.spawn(ring(&deps.clock, event, deadline));
    const auto waited = co_await event->wait();
    CO_TRY_OK(co_await alarm.stop());
    co_return waited;
}

Look Agent::State::look() const {
    return {deps.clock.now(),
            options.site,
            options.vantages,
            eligibility,
            heard,
            seen_up,
            [this](const probe::TargetId& target) {
                const auto* detector = scheduler.find(target);
                return detector == nullptr ? nullptr : &detector->verdict();
            },
            [this](const LiveService& live) { return active_run(live); },
            [this](const LiveService& live) { return rebuilding(live); },
            [this](const LiveService& live, std::size_t index) { return in_sync(live, index); }};
}

void Agent::State::decide_once() {
    needs_decision = false;
    const auto sight = look();
    const auto now = sight.now;
    record_standing();
    auto decisions = decide::decide(agent::view_of(sight, services), plan, now);
    std::vector<Outcome> outcomes;
    outcomes.reserve(recorder.is_on() ? decisions.size() : 0);
    for (const auto& decision : decisions) {
        if (recorder.is_on()) {
            outcomes.push_back(outcome_of(decision));
        }
    }
    recorder.decided(now, outcomes);
    for (auto& decision : decisions) {
        auto* live = find(decision.service);
        if (live == nullptr) {
            continue;
        }
        if (decision.outage_began && decision.kind != decide::Kind::kNothing) {
            live->condemned = live->condemned.value_or(now);
        } else {
            live->condemned.reset();
        }
        if (decision.kind == decide::Kind::kNothing) {
            live->waiting_approval.reset();
        }
        add_claims(&decision);
        announce(live, decision);
        live->decision = std::move(decision);
        carry_out(live->decision);
    }
}

void Agent::State::announce(LiveService* live, const decide::Decision& decision) {
    const auto print = fingerprint(decision);
    if (print == live->announced) {
        return;
    }
    live->announced = print;
    const bool is_calm = decision.kind == decide::Kind::kNothing;
    emit({.name = "decision.made",
          .severity = is_calm ? "info" : "warn",
          .subject = live->plan->id.str(),
          .message = decision.summary,
          .data = {{"kind", std::string(to_string(decision.kind))},
                   {"why", decide::explain(decision, deps.clock.now())}}});
}

void Agent::State::carry_out(const decide::Decision& decision) {
    auto* live = find(decision.service);
    const auto* run = own_run(decision.service);
    const bool is_in_the_way = gives_way(*live, decision.target);
    if (run != nullptr && !is_in_the_way) {
        const bool has_fenced = std::ranges::any_of(run->spec.steps, [run](const auto& step) {
            const auto state = run->steps.find(step.id);
            return step.phase == "fence" && state != run->steps.end() &&
                   state->second.status == workflow::StepStatus::kDone;
        });
        if (decision.kind == decide::Kind::kNothing && run->spec.cause.is_automatic &&
            run->spec.cause.kind == "failover" &&
            run->status != workflow::RunStatus::kRollingBack && !has_fenced) {
            tasks.spawn(drop_stale_run(run->spec.id));
        }
        return;
    }
    if (live->is_starting_move || (active_run(*live) && !is_in_the_way) || !decision.target ||
        !is_executor_for(*decision.target)) {
        return;
    }
    if (decision.kind == decide::Kind::kFailover) {
        live->is_starting_move = true;
        tasks.spawn(start_automatic(decision.service, decision));
    } else if (decision.kind == decide::Kind::kApproval && !live->waiting_approval) {
        live->waiting_approval = decision.summary;
        emit({.name = "approval.needed",
              .severity = "error",
              .subject = decision.service.str(),
              .message = decision.summary + "; to go on: muster failover " +
                         decision.service.str() + " --to " + decision.target->str()});
    }
}

// The primary answers again and nothing was done to it yet: the run has lost its reason. While a
// fence is still tried it may get through this very moment; rolling back starts the primary again.
Task<> Agent::State::drop_stale_run(RunId id) {
    const std::string why = "muster: the primary answers again, nothing was fenced";
    const auto* run = runner.find(id);
    if (run != nullptr && run->status == workflow::RunStatus::kRunning) {
        co_return co_await runner.rollback(id, why);
    }
    co_return co_await runner.abort(id, why);
}

Task<> Agent::State::steer_loop() {
    while (true) {
        std::vector<ServiceId> names;
        names.reserve(services.size());
        for (const auto& live : services) {
            names.push_back(live.plan->id);
        }
        for (const auto& name : names) {
            const auto steered = co_await steer_one(name);
            if (!steered && steered.error().code() == Errc::kCancelled) {
                co_return steered;
            }
        }
        CO_TRY_OK(co_await wait_for(&changed, deps.clock.now() + kQuietTick));
    }
}

Task<> Agent::State::steer_one(ServiceId service) {
    auto* live = find(service);
    // During a move the run's own steps steer, in their order.
    if (live == nullptr || live->is_starting_move || active_run(*live)) {
        co_return Result<>{};
    }
    const auto verdicts = verdicts_of(*live);
    std::vector<steer::Wanted> wanted;
    for (const auto& part : live->components) {
        auto some = part->wanted(live->primacy.site, verdicts, live->primacy.epoch);
        wanted.insert(wanted.end(), some.begin(), some.end());
    }
    const auto same = [](const steer::Wanted& a, const steer::Wanted& b) {
        return a.record == b.record && a.answers == b.answers && a.epoch == b.epoch &&
               a.is_suspect == b.is_suspect;
    };
    if (std::ranges::equal(wanted, live->steered, same)) {
        co_return Result<>{};
    }
    for (const auto& one : wanted) {
        const auto applied = co_await deps.dns.apply(one, deps.clock.now() + kPatience);
        if (!applied) {
            deps.log.warn("steer.failed",
                          {{"record", one.record.name}, {"error", applied.error().message()}});
            co_return applied;
        }
    }
    if (auto* again = find(service)) {
        again->steered = std::move(wanted);
    }
    co_return Result<>{};
}

Task<> Agent::State::publish_loop() {
    while (true) {
        const auto now = deps.clock.now();
        state::Transaction change;
        change.ops.push_back(
            state::Op::put(ballot_key(options.site), encode(ballot_of(look(), services), now)));
        const auto published = co_await deps.store.commit(std::move(change), now + kPatience);
        if (!published && published.error().code() == Errc::kCancelled) {
            co_return published.error();
        }
        CO_TRY_OK(co_await wait_for(&changed, now + std::chrono::seconds(1)));
    }
}

void Agent::State::hear(Ballot ballot) {
    recorder.heard(recorder.is_on() ? encode(ballot, deps.clock.now()) : std::string());
    const auto site = ballot.vantage.site;
    auto& known = heard[site];
    const bool is_news = meaning(ballot) != meaning(known.ballot) || known.heard == Instant{};
    known = {std::move(ballot), deps.clock.now()};
    if (is_news) {
        wake();
    }
}

// What the store does not answer is asked again: only the node's end ends this.
Task<state::Changes> Agent::State::changes_under(std::string prefix, state::Revision from) {
    auto seen = co_await deps.store.watch(std::move(prefix), from,
                                          deps.clock.now() + std::chrono::seconds(10));
    if (seen) {
        co_return seen;
    }
    if (seen.error().code() == Errc::kNotFound) {
        const auto newest = co_await deps.store.revision(deps.clock.now() + kPatience);
        from = newest ? *newest : from;
    }
    CO_TRY_OK(co_await deps.clock.sleep_for(std::chrono::milliseconds(500)));
    co_return state::Changes{{}, from};
}

Task<> Agent::State::listen_loop() {
    state::Revision from{1};
    while (true) {
        CO_TRY(const auto seen, co_await changes_under(std::string(kVotesPrefix), from));
        for (const auto& change : seen.changes) {
            auto ballot = decode_ballot(change.entry.value, deps.clock.now());
            if (ballot && ballot->vantage.site != options.site) {
                hear(std::move(*ballot));
            }
        }
        from = seen.next;
    }
}

}  // namespace muster::agent
