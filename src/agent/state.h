#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/event_log.h"
#include "agent/primacy.h"
#include "agent/votes.h"
#include "base/event.h"
#include "probe/reference.h"

namespace muster::agent {

/// One service as the agent carries it.
struct LiveService {
    const plan::Service* plan = nullptr;                            ///< Into State::plan.
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
};

/// A ballot of another vantage and when it came.
struct HeardBallot {
    Ballot ballot;
    Instant heard{};
};

/// What the agent knows; its loops (agent_loops.cpp), moves (agent_moves.cpp) and status
/// (agent_status.cpp) work on it. Everything runs on one executor.
struct Agent::State {
    State(Options o, Deps d);

    // agent_services.cpp
    Result<> adopt(plan::Plan wanted);
    Result<> watch_service(LiveService* live);
    Task<> load_primacies();
    Task<> switch_watches(LiveService* live);
    [[nodiscard]] LiveService* find(const ServiceId& service);
    [[nodiscard]] component::Verdicts verdicts_of(const LiveService& live) const;
    [[nodiscard]] std::vector<component::SiteReport> reports_of(const LiveService& live,
                                                                std::size_t index) const;

    // agent_view.cpp
    [[nodiscard]] Ballot own_ballot() const;
    [[nodiscard]] decide::View view() const;
    [[nodiscard]] decide::ServiceView view_of(const LiveService& live) const;

    Result<> watch_references();

    // agent_loops.cpp
    Task<> decide_loop();
    Task<> publish_loop();
    Task<> listen_loop();
    Task<> follow_loop();
    Task<> follow(state::KeyValue entry);
    Task<> steer_loop();
    Task<> steer_one(ServiceId service);
    Task<> drop_stale_run(RunId run);
    Task<> wait_for(muster::Event* event, Instant deadline);
    void hear(Ballot ballot);
    void look_at_clock();
    void decide_once();
    void carry_out(const decide::Decision& decision);
    void announce(LiveService* live, const decide::Decision& decision);
    void note_sample(const probe::TargetId& target, const probe::Sample& sample,
                     const probe::Verdict& verdict, bool is_changed);

    // agent_moves.cpp
    Task<RunId> start_move(ServiceId service, component::Move move, workflow::Cause cause,
                           Fields parameters);
    [[nodiscard]] std::optional<Duration> loss_bound(const LiveService& live,
                                                     const component::Move& move) const;
    Task<> start_automatic(ServiceId service, decide::Decision decision);
    void note_run(const workflow::Run& run);
    Task<> settle_primacy(RunId run);
    Task<> settle_all();
    [[nodiscard]] bool may_act(const ServiceId& service, Epoch epoch) const;
    [[nodiscard]] bool is_own(const workflow::Run& run) const;
    [[nodiscard]] const workflow::Run* own_run(const ServiceId& service) const;
    [[nodiscard]] std::optional<RunId> active_run(const LiveService& live) const;
    [[nodiscard]] bool is_executor_for(const SiteId& target) const;
    [[nodiscard]] workflow::Cause cause_of(const LiveService& live,
                                           const decide::Decision& decision) const;

    // agent_status.cpp
    [[nodiscard]] ServiceStatus status_of(const LiveService& live) const;
    void emit(Event event);
    void wake();

    Options options;
    Deps deps;
    plan::Plan plan;
    std::vector<LiveService> services;
    std::map<SiteId, HeardBallot> heard;
    std::map<RunId, std::string> run_seen;  ///< Its last announced state.
    bool needs_decision = true;
    Instant started{};
    Instant last_look{};
    Instant resumed{};
    probe::Eligibility eligibility;
    EventLog events;
    probe::Scheduler scheduler;
    workflow::Runner runner;
    TaskGroup tasks;
    muster::Event woken;    ///< For the decide loop.
    muster::Event changed;  ///< For those who watch status().
};

}  // namespace muster::agent
