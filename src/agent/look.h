#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/observation.h"
#include "agent/primacy.h"
#include "agent/replication.h"
#include "agent/seen_up.h"
#include "agent/votes.h"
#include "component/component.h"
#include "decide/decide.h"
#include "evidence/forecast.h"
#include "probe/reference.h"

namespace muster::agent {

/// One service as the agent carries it.
struct LiveService {
    const plan::Service* plan = nullptr;                            ///< Into the plan in force.
    std::vector<std::unique_ptr<component::Component>> components;  ///< As plan->components.
    std::vector<probe::TargetId> targets;
    Primacy primacy;
    decide::Decision decision;
    std::optional<Instant> condemned;  ///< When the votes first said down, this time.
    std::optional<std::string> waiting_approval;
    std::map<RunId, Instant> automatic_moves;
    std::string announced;  ///< The last decision that was put into the events.
    std::vector<steer::Wanted> steered;
    bool is_starting_move = false;  ///< Between the decision and the run's first record.
    RunId set_aside;                ///< The rebuild that was last told to give way to a failover.
    std::string obstacle;           ///< Why it has not ended yet; empty: nothing waits for it.
    bool is_resting = false;        ///< Within that, between two attempts: a person goes first.
    std::vector<evidence::Forecast> forecasts;
    evidence::RtoAlarm rto_alarm;
    std::map<ComponentId, SyncWatch> sync;  ///< Of the components that replicate.
};

/// The services of a plan, as they begin. `plan` outlives them.
Result<std::vector<LiveService>> services_of(const plan::Plan& plan);

/// A ballot of another vantage and when it came.
struct HeardBallot {
    Ballot ballot;
    Instant heard{};
};

/// What one look at the world rests on. The agent looks at what it sees now, a replay at what was
/// recorded: the same code makes a view of either.
struct Look {
    Instant now{};
    SiteId site;                          ///< The vantage.
    const std::vector<SiteId>& vantages;  ///< All that vote.
    const probe::Eligibility& eligibility;
    const std::map<SiteId, HeardBallot>& heard;
    const SeenUp& seen_up;
    /// nullptr when it is not watched.
    std::function<const probe::Verdict*(const probe::TargetId&)> verdict;
    std::function<std::optional<RunId>(const LiveService&)> active_run;
    /// The site that this run makes a standby again, if it does nothing else.
    std::function<std::optional<SiteId>(const LiveService&)> rebuilding;
    /// Of a component by its place; nothing where muster does not manage its replication.
    std::function<std::optional<InSync>(const LiveService&, std::size_t)> in_sync;
};

[[nodiscard]] component::Verdicts verdicts_of(const Look& look, const LiveService& live);
/// What the verdicts mean for each site of each component, in the plan's order.
using Reports = std::vector<std::vector<component::SiteReport>>;
[[nodiscard]] Reports reports_of(const Look& look, const LiveService& live);
[[nodiscard]] Ballot ballot_of(const Look& look, const std::vector<LiveService>& services);
[[nodiscard]] decide::ServiceView view_of(const Look& look, const LiveService& live);
[[nodiscard]] decide::View view_of(const Look& look, const std::vector<LiveService>& services);

/// A decision without its times: what tells one from the next.
[[nodiscard]] Outcome outcome_of(const decide::Decision& decision);

}  // namespace muster::agent
