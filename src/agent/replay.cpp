#include "agent/replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "agent/look.h"
#include "agent/replay_compare.h"

// The record is gone through in order. Samples go into detectors of the wanted thresholds; at every
// moment at which the node decided, its view is made from them and decided upon.
//
// Thresholds that differ turn verdicts at other moments than the recorded ones. There, and where
// time alone may change a decision, the replay decides as well; the node would have. With the
// recorded thresholds there are no such moments, and the outcomes are the recorded ones, each.
//
// A replay that does not begin with a process knows nothing of what the detectors had seen before.
// It compares a service only once it has looked on for a while and both say that all is calm.

namespace muster::agent {

namespace {

constexpr Duration kWarmUp = std::chrono::seconds(30);
constexpr int kMostLooks = 1'000;               ///< Between two recorded decisions.
constexpr std::uint32_t kMostLeftOut = 10'000;  ///< Samples between two recorded ones.

/// A detector with the thresholds that are tried, and what they make of its samples.
struct Watch {
    probe::Detector detector;
    Duration interval{};
    Duration timeout{};
    bool is_thinned = false;
    Instant taken{};  ///< The newest sample that counted.
    Instant at{};     ///< The newest recorded one.
    probe::Sample last;
};

class Player {
  public:
    explicit Player(const ReplayOf& wanted) : wanted_(wanted) {}

    Result<> play(const std::string& segment);
    Replay result() &&;
    [[nodiscard]] bool has_begun() const { return has_begun_; }

  private:
    Result<> take(const Observation& observation);
    Result<> on(const Began& began);
    Result<> on(const Repeated& repeated);
    Result<> on(const Adopted& adopted);
    Result<> on(const Watched& watched);
    Result<> on(const Unwatched& unwatched);
    Result<> on(const Forgot& forgot);
    Result<> on(const KnownUp& known);
    Result<> on(const Sampled& sampled);
    Result<> on(const Heard& heard);
    Result<> on(const Judged& judged);
    Result<> on(const Standing& standing);
    Result<> on(const Decided& decided);

    Result<> adopt(const std::string& digest);
    Result<> check_thresholds(const probe::Settings& settings) const;
    void apply(plan::Probe* probe) const;
    void apply(plan::Service* service) const;
    bool feed(Watch* watch, const probe::TargetId& target, const probe::Sample& sample, Instant at);
    void decide_until(Instant at);
    void decide(Instant at);
    void note(std::vector<Turn>* turns, const Outcome& outcome, Instant at);
    void warm_up(Instant at);
    void note_unknown_sync();
    [[nodiscard]] WallTime wall(Instant at) const;
    [[nodiscard]] bool is_wanted(WallTime at) const {
        return at >= wanted_.from && at <= wanted_.to;
    }
    LiveService* find(const ServiceId& service);
    [[nodiscard]] std::optional<InSync> in_sync(const ServiceId& service,
                                                const ComponentId& component) const;

    const ReplayOf& wanted_;
    Replay replay_;
    bool has_begun_ = false;
    bool is_repeating_ = false;  ///< Within what is known already.
    bool is_preamble_ = false;   ///< Within what a segment says before it goes on.
    Began began_;
    plan::Plan plan_;
    std::vector<LiveService> services_;
    std::map<ServiceId, Standing> standings_;
    std::map<probe::TargetId, Watch> watches_;
    std::map<SiteId, HeardBallot> heard_;
    SeenUp seen_up_;
    probe::Eligibility eligibility_;
    std::optional<Instant> cold_since_;
    std::optional<Instant> reconsider_;
    Comparison comparison_;
};

LiveService* Player::find(const ServiceId& service) {
    const auto found = std::ranges::find_if(
        services_, [&service](const auto& live) { return live.plan->id == service; });
    return found == services_.end() ? nullptr : &*found;
}

std::optional<InSync> Player::in_sync(const ServiceId& service,
                                      const ComponentId& component) const {
    const auto standing = standings_.find(service);
    if (standing == standings_.end()) {
        return std::nullopt;
    }
    const auto& all = standing->second.in_sync;
    const auto found = std::ranges::find(all, component, &InSync::component);
    return found == all.end() ? std::nullopt : std::optional(*found);
}

WallTime Player::wall(Instant at) const {
    return began_.wall + std::chrono::duration_cast<std::chrono::microseconds>(at - began_.now);
}

Result<> Player::take(const Observation& observation) {
    // A later segment of the same process says again what is known.
    if (is_repeating_ && !std::holds_alternative<Repeated>(observation) &&
        !std::holds_alternative<Began>(observation)) {
        return {};
    }
    return std::visit([this](const auto& one) { return on(one); }, observation);
}

Result<> Player::play(const std::string& segment) {
    TRY(auto reader, ObservationReader::open(segment));
    while (true) {
        auto next = reader.next();
        if (!next) {
            replay_.notes.push_back("a part of the record was left out: " + next.error().message());
            has_begun_ = false;
            return {};
        }
        if (!*next) {
            break;
        }
        TRY_OK(take(**next));
    }
    if (!reader.tells_who_is_in_sync()) {
        note_unknown_sync();
    }
    if (reader.torn() > 0) {
        replay_.notes.push_back("the last " + std::to_string(reader.torn()) +
                                " bytes before a crash are no whole frame and were left out");
    }
    return {};
}

void Player::note_unknown_sync() {
    for (const auto& live : services_) {
        const bool is_managed = std::ranges::any_of(live.components, [&live](const auto& part) {
            const auto view = part->replication(live.primacy.site, {});
            return view && view->mode == component::ReplicationView::Mode::kManaged;
        });
        const auto note = "an older muster recorded " + live.plan->id.str() +
                          " without who was in sync: nobody is in this replay";
        if (is_managed && std::ranges::find(replay_.notes, note) == replay_.notes.end()) {
            replay_.notes.push_back(note);
        }
    }
}

Result<> Player::on(const Began& began) {
    const bool goes_on =
        has_begun_ && began.session == began_.session && began.segment == began_.segment + 1;
    began_ = began;
    has_begun_ = true;
    is_repeating_ = goes_on;
    is_preamble_ = true;
    if (goes_on) {
        return {};
    }
    watches_.clear();
    heard_.clear();
    standings_.clear();
    seen_up_ = {};
    eligibility_ = {};
    reconsider_.reset();
    comparison_.restart(began.segment == 0);
    cold_since_ = began.segment == 0 ? std::nullopt : std::optional(began.now);
    return began.plan_digest.empty() ? Result<>() : adopt(began.plan_digest);
}

Result<> Player::on(const Repeated& /*repeated*/) {
    is_repeating_ = false;
    is_preamble_ = false;
    return {};
}

Result<> Player::adopt(const std::string& digest) {
    TRY(plan_, wanted_.plan(digest));
    for (auto& service : plan_.services) {
        for (const auto& part : service.components) {
            probe::Settings declared;
            declared.target = {service.id, part.id, service.primary, ""};
            declared.plan = part.probe.value_or(declared.plan);
            TRY_OK(part.probe ? check_thresholds(declared) : Result<>{});
        }
        apply(&service);
    }
    TRY(services_, services_of(plan_));
    return {};
}

Result<> Player::on(const Adopted& adopted) {
    watches_.clear();
    standings_.clear();
    return adopt(adopted.plan_digest);
}

void Player::apply(plan::Probe* probe) const {
    const auto& set = wanted_.thresholds;
    probe->rise = set.rise.value_or(probe->rise);
    probe->fall = set.fall.value_or(probe->fall);
    probe->fall_hard = set.fall_hard.value_or(probe->fall_hard);
    probe->slow = set.slow.value_or(probe->slow);
    probe->interval = set.interval.value_or(probe->interval);
    probe->timeout = set.timeout.value_or(probe->timeout);
}

void Player::apply(plan::Service* service) const {
    const auto& set = wanted_.thresholds;
    auto& policy = service->failover;
    policy.preset = set.preset.value_or(policy.preset);
    policy.hold = set.hold ? set.hold : set.preset ? std::nullopt : policy.hold;
    policy.cooldown = set.cooldown.value_or(policy.cooldown);
    policy.max_per_day = set.max_per_day.value_or(policy.max_per_day);
    policy.max_loss = set.max_loss ? set.max_loss : policy.max_loss;
    for (auto& part : service->components) {
        if (part.probe && set.interval) {
            part.probe->interval = *set.interval;  // How long a vote stays fresh.
        }
    }
}

Result<> Player::check_thresholds(const probe::Settings& settings) const {
    const auto& set = wanted_.thresholds;
    if (set.timeout && *set.timeout > settings.plan.timeout) {
        return Error{Errc::kInvalid,
                     "a timeout of " + format_duration(*set.timeout) +
                         " can't be judged: " + settings.target.str() + " was given up after " +
                         format_duration(settings.plan.timeout),
                     "try a shorter one"};
    }
    if (set.interval && *set.interval < settings.plan.interval) {
        return Error{Errc::kInvalid,
                     "an interval of " + format_duration(*set.interval) +
                         " can't be judged: " + settings.target.str() + " was checked every " +
                         format_duration(settings.plan.interval),
                     "try a longer one"};
    }
    return {};
}

Result<> Player::on(const Watched& watched) {
    auto* live = find(watched.service);
    if (live == nullptr) {
        return {};
    }
    live->primacy.site = watched.primary;
    live->primacy.epoch = watched.epoch;
    live->targets.clear();
    for (const auto& part : live->components) {
        for (auto& settings : part->probes(watched.primary)) {
            TRY_OK(check_thresholds(settings));
            const auto recorded = settings.plan;
            seen_up_.expect(settings.target, address_of(settings));
            apply(&settings.plan);
            live->targets.push_back(settings.target);
            watches_.erase(settings.target);
            watches_.emplace(settings.target, Watch{probe::Detector(settings.plan),
                                                    settings.plan.interval,
                                                    settings.plan.timeout,
                                                    wanted_.thresholds.interval.has_value(),
                                                    {},
                                                    {},
                                                    {}});
        }
    }
    return {};
}

Result<> Player::on(const Unwatched& unwatched) {
    std::erase_if(watches_, [&unwatched](const auto& entry) {
        return unwatched.service.empty() || entry.first.service == unwatched.service;
    });
    return {};
}

Result<> Player::on(const Forgot& /*forgot*/) {
    for (auto& [target, watch] : watches_) {
        watch.detector.reset();
    }
    return {};
}

Result<> Player::on(const KnownUp& known) {
    seen_up_.expect(known.target, known.address);
    seen_up_.note(known.target);
    return {};
}

// One sample under the tried thresholds; true when it turned the verdict.
bool Player::feed(Watch* watch, const probe::TargetId& target, const probe::Sample& sample,
                  Instant at) {
    // Twenty per cent less: the node's own checks are not quite regular either.
    if (watch->is_thinned && watch->taken != Instant{} && !watch->detector.wants_recheck() &&
        at - watch->taken < watch->interval * 4 / 5) {
        return false;
    }
    watch->taken = at;
    auto tried = sample;
    if (sample.latency > watch->timeout && sample.evidence != probe::Evidence::kHard) {
        tried.evidence = probe::Evidence::kSilence;
        tried.facts.clear();
    }
    const bool is_changed = watch->detector.observe(tried, at);
    if (watch->detector.verdict().health == probe::Health::kUp) {
        seen_up_.note(target);
    }
    return is_changed;
}

Result<> Player::on(const Sampled& sampled) {
    const auto found = watches_.find(sampled.target);
    if (found == watches_.end()) {
        return {};
    }
    ++replay_.samples;
    decide_until(sampled.at);
    auto& watch = found->second;
    if (sampled.was_reset) {
        watch.detector.reset();
    }
    const auto left_out = watch.at == Instant{} ? 0 : std::min(sampled.left_out, kMostLeftOut);
    const auto step = (sampled.at - watch.at) / (left_out + 1);
    for (std::uint32_t i = 1; i <= left_out; ++i) {
        feed(&watch, sampled.target, watch.last, watch.at + i * step);
    }
    const bool is_changed = feed(&watch, sampled.target, sampled.sample, sampled.at);
    watch.at = sampled.at;
    watch.last = sampled.sample;
    if (is_changed && !sampled.is_changed && !wanted_.thresholds.is_empty()) {
        decide(sampled.at);
    }
    return {};
}

Result<> Player::on(const Heard& heard) {
    auto ballot = decode_ballot(heard.ballot, heard.at);
    if (ballot) {
        const auto site = ballot->vantage.site;
        heard_[site] = {std::move(*ballot), heard.at};
    }
    return {};
}

Result<> Player::on(const Judged& judged) {
    eligibility_ = {judged.is_eligible, judged.why_not};
    return {};
}

Result<> Player::on(const Standing& standing) {
    standings_[standing.service] = standing;
    auto* live = find(standing.service);
    if (live == nullptr) {
        return {};
    }
    live->primacy.site = standing.site;
    live->primacy.epoch = standing.epoch;
    live->primacy.moving_to = standing.moving_to;
    live->waiting_approval = standing.waiting;
    live->automatic_moves.clear();
    for (std::size_t i = 0; i < standing.moves.size(); ++i) {
        live->automatic_moves[RunId(std::to_string(i))] = standing.moves[i];
    }
    return {};
}

// Where time alone was to change a decision of the replay, before the node decided again.
void Player::decide_until(Instant at) {
    for (int i = 0; i < kMostLooks && !wanted_.thresholds.is_empty(); ++i) {
        if (!reconsider_ || *reconsider_ >= at) {
            return;
        }
        decide(*reconsider_);
    }
}

void Player::decide(Instant at) {
    const Look look{at,
                    began_.site,
                    began_.vantages,
                    eligibility_,
                    heard_,
                    seen_up_,
                    [this](const probe::TargetId& target) -> const probe::Verdict* {
                        const auto found = watches_.find(target);
                        return found == watches_.end() ? nullptr
                                                       : &found->second.detector.verdict();
                    },
                    [this](const LiveService& live) -> std::optional<RunId> {
                        const auto found = standings_.find(live.plan->id);
                        return found == standings_.end() || found->second.active_run.empty()
                                   ? std::nullopt
                                   : std::optional(RunId(found->second.active_run));
                    },
                    [this](const LiveService& live) -> std::optional<SiteId> {
                        const auto found = standings_.find(live.plan->id);
                        return found == standings_.end() || found->second.rebuilding.empty()
                                   ? std::nullopt
                                   : std::optional(found->second.rebuilding);
                    },
                    [this](const LiveService& live, std::size_t index) {
                        return in_sync(live.plan->id, live.plan->components[index].id);
                    }};
    reconsider_.reset();
    for (const auto& decision : decide::decide(view_of(look, services_), plan_, at)) {
        comparison_.replayed(outcome_of(decision), wall(at));
        if (decision.reconsider && *decision.reconsider > at &&
            (!reconsider_ || *decision.reconsider < *reconsider_)) {
            reconsider_ = decision.reconsider;
        }
    }
    ++replay_.decisions;
}

void Player::warm_up(Instant at) {
    if (cold_since_ && at - *cold_since_ >= kWarmUp) {
        comparison_.warm_up();
    }
}

Result<> Player::on(const Decided& decided) {
    if (!is_preamble_) {
        decide_until(decided.at);
    }
    for (const auto& outcome : decided.changed) {
        comparison_.recorded(outcome, wall(decided.at));
    }
    if (is_preamble_) {
        return {};
    }
    decide(decided.at);
    warm_up(decided.at);
    const auto now = wall(decided.at);
    if (is_wanted(now)) {
        replay_.from = replay_.from == WallTime{} ? now : replay_.from;
        replay_.to = now;
    }
    return {};
}

Replay Player::result() && {
    comparison_.finish(wanted_.from, wanted_.to, &replay_);
    return std::move(replay_);
}

}  // namespace

Result<Replay> replay(const ReplayOf& wanted) {
    Player player(wanted);
    for (const auto& segment : wanted.segments) {
        TRY_OK(player.play(segment));
    }
    auto made = std::move(player).result();
    if (made.to == WallTime{}) {
        return Error{Errc::kNotFound, "nothing is recorded of that time",
                     "the record keeps the newest 64 MiB of what this node saw"};
    }
    return made;
}

}  // namespace muster::agent
