#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "base/units.h"
#include "plan/model.h"
#include "probe/verdict.h"

namespace muster::decide {

/// What one vantage says of one target. Times are on the deciding node's clock.
struct Vote {
    SiteId vantage;
    probe::TargetId target;
    probe::Health health = probe::Health::kUnknown;
    probe::Evidence evidence = probe::Evidence::kGood;
    Instant since{};     ///< The first bad (or good) sample of this state.
    Instant received{};  ///< Votes older than `Policy::vote_ttl` do not count.
    std::string detail;
};

/// Who may vote at all.
struct Vantage {
    SiteId site;
    bool is_eligible = false;
    std::string why_not;  ///< Cut off from its reference targets, late loop, not heard of, …
};

/// Signs of life or death that do not come from probing: what the standby sees of the primary, what
/// the primary's own host says of the process.
struct Witness {
    std::string name;  ///< "orders@west sees the primary", "host of orders@east".
    SiteId site;       ///< Where the witness stands.
    enum class Says { kNothing, kAlive, kDead } says = Says::kNothing;
    /// kDead from the primary's own host: the process is confirmed stopped. Needs no hold-down.
    bool is_confirmed_stop = false;
    Instant at{};
    std::string detail;
    ServiceId service{};  ///< Whose primary it speaks of.
};

/// Where the service could go.
struct Candidate {
    SiteId site;
    bool is_up = false;  ///< Its components answer there as a standby's should.
    bool shows_same_symptom = false;
    bool has_capacity = true;
    std::optional<Duration> loss;  ///< Upper bound in time; nothing: unknown, counts as infinite.
    std::optional<ByteCount> loss_bytes;
    bool is_in_sync = false;  ///< Synchronous and known to be: its loss is zero.
    std::string why_not;      ///< Of is_up or has_capacity.
    std::string sync_detail;  ///< Why it is not in sync, where it should be.
};

/// Everything that a decision about one service may look at.
struct ServiceView {
    ServiceId service;
    SiteId primary;
    Epoch epoch;
    std::vector<Vote> votes;  ///< On all its targets, from all vantages.
    /// Every target that should have votes; one without any counts as unknown. Empty: only those
    /// that the votes name.
    std::vector<probe::TargetId> targets;
    /// Targets that nobody has seen up at the address that the plan gives them now: that they are
    /// down may be the plan's own mistake, and counts for nothing.
    std::vector<probe::TargetId> never_up;
    std::vector<Witness> witnesses;
    std::vector<Candidate> candidates;
    std::optional<RunId> active_run;
    /// The site that `active_run` makes a standby again, when it does nothing else: such a run
    /// gives way to a failover to another site.
    std::optional<SiteId> rebuilding;
    std::vector<Duration> moves_ago;  ///< Age of each automatic move of the last 24 h.
    plan::FenceClass fence = plan::FenceClass::kAdvisory;  ///< The best that is available now.
    bool has_full_picture = false;  ///< Every vantage that counts has reported every target once.
    bool is_frozen = false;         ///< By the plan or by an operator.
    std::optional<std::string>
        waiting_approval;         ///< An earlier decision that a person has not answered.
    int writable_primaries = 0;   ///< Sites that accept writes now; two: nothing moves.
    std::vector<SiteId> writers;  ///< Which they are, as far as it is known.
};

/// What is known of all services and vantages at one moment.
struct View {
    std::vector<Vantage> vantages;
    std::vector<ServiceView> services;
};

/// A preset made into numbers; see docs/reference/presets.md.
struct Policy {
    Duration hold_hard{};
    Duration hold_silence{};
    Duration hold_without_witness{};
    Duration vote_ttl = std::chrono::seconds(3);
    int min_vantages_for_silence = 3;
};
Policy policy_for(const plan::Service& service);

enum class Kind {
    kNothing,   ///< All is well, or nothing that this service could do about it.
    kWatch,     ///< Suspicion: a stage stopped it for now.
    kFailover,  ///< Move to `target` now.
    kApproval,  ///< Would move, but a person must say so.
    kHalt,      ///< Unsafe state (two writable primaries, blind): act on nothing, alert.
};
std::string_view to_string(Kind kind);

/// One gate of the pipeline, as it stood: each can only lower the action.
struct Stage {
    enum class State { kPassed, kStopped, kNotReached };
    std::string name;  ///< "votes", "hold-down", "fence", … in order; docs/reference/decisions.md.
    State state = State::kNotReached;
    std::string reason;        ///< What was seen, with numbers.
    std::string would_change;  ///< What would make it pass; empty when it passed.
};

struct Decision {
    ServiceId service;
    Kind kind = Kind::kNothing;
    SiteId from;
    std::optional<SiteId> target;
    bool is_site_event = false;  ///< The whole site is judged lost.
    std::string summary;         ///< One line for people.
    std::vector<Stage> stages;
    std::vector<Vote> votes;              ///< Those that it rests on.
    std::optional<Instant> outage_began;  ///< First bad sample of the votes it rests on.
    std::optional<Instant> reconsider;    ///< When time alone may change it.
};

/// Pure: same view, plan and time, same decisions; one per service of the plan, in the order in
/// which they are to be carried out (dependency, tier, loss per hour). Ties and stale votes hold.
std::vector<Decision> decide(const View& view, const plan::Plan& plan, Instant now);

/// For people: the stages, the votes, what would change it (`muster why`).
std::string explain(const Decision& decision, Instant now);

}  // namespace muster::decide
