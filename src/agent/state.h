#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/event_log.h"
#include "agent/keeper.h"
#include "agent/look.h"
#include "agent/recorder.h"
#include "base/event.h"

namespace muster::agent {

/// Whether a run was ended so that a failover could begin.
bool was_set_aside(const workflow::Run& run);

/// What the agent knows; its loops (agent_loops.cpp), moves (agent_moves.cpp) and status
/// (agent_status.cpp) work on it. Everything runs on one executor.
struct Agent::State {
    State(Options o, Deps d);

    // agent_services.cpp
    using Primacies = std::map<ServiceId, Primacy>;
    Result<> adopt(plan::Plan wanted, const Primacies& stored);
    Result<> watch_service(LiveService* live);
    Task<> load_seen_up();
    Task<> remember_loop();
    Task<Primacies> read_primacies(const plan::Plan* wanted);
    Task<> switch_watches(LiveService* live);
    [[nodiscard]] LiveService* find(const ServiceId& service);
    [[nodiscard]] component::Verdicts verdicts_of(const LiveService& live) const {
        return agent::verdicts_of(look(), live);
    }
    [[nodiscard]] decide::ServiceView view_of(const LiveService& live) const {
        return agent::view_of(look(), live);
    }

    // agent_view.cpp
    [[nodiscard]] Look look() const;

    Result<> watch_references();

    // agent_loops.cpp
    Task<> decide_loop();
    Task<> publish_loop();
    Task<state::Changes> changes_under(std::string prefix, state::Revision from);
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
    Task<> record_loop();
    void record_standing();
    void record_known(const probe::TargetId& target, std::uint64_t address);
    void carry_out(const decide::Decision& decision);
    void announce(LiveService* live, const decide::Decision& decision);
    void note_sample(const probe::TargetId& target, const probe::Sample& sample,
                     const probe::Verdict& verdict, bool is_changed);

    // agent_moves.cpp
    Task<RunId> start_move(ServiceId service, component::Move move, workflow::Cause cause,
                           Fields parameters);
    void note_loss(const LiveService& live, const component::Move& move, Fields* parameters) const;
    Task<> start_automatic(ServiceId service, decide::Decision decision);
    Task<> rest(ServiceId service);
    Task<RunId> start_decided(ServiceId service, decide::Decision decision);
    void note_run(const workflow::Run& run);
    Task<> settle_primacy(RunId run);
    Task<> settle_once(RunId run);
    Task<> withdraw_move(ServiceId service, RunId run);
    Task<> settle_all();
    [[nodiscard]] bool may_act(const ServiceId& service, Epoch epoch) const;
    [[nodiscard]] bool is_own(const workflow::Run& run) const;
    [[nodiscard]] const workflow::Run* own_run(const ServiceId& service) const;
    [[nodiscard]] std::optional<RunId> active_run(const LiveService& live) const;
    [[nodiscard]] bool is_executor_for(const SiteId& target) const;
    [[nodiscard]] workflow::Cause cause_of(const LiveService& live,
                                           const decide::Decision& decision) const;

    // agent_set_aside.cpp
    [[nodiscard]] std::optional<SiteId> rebuilding(const LiveService& live) const;
    [[nodiscard]] bool gives_way(const LiveService& live,
                                 const std::optional<SiteId>& target) const;
    [[nodiscard]] std::string obstacle_of(const LiveService& live) const;
    Task<bool> make_way(ServiceId service, SiteId target);
    Task<> cut_rebuild(RunId run);
    Task<> begin_rebuild_again(ServiceId service, SiteId site);
    void announce_way(LiveService* live, const workflow::Run& run, const SiteId& target);
    Error announce_obstacle(LiveService* live, const workflow::Run& run, const SiteId& target);

    // agent_forecast.cpp
    [[nodiscard]] evidence::Forecast forecast_of(const LiveService& live,
                                                 const component::Move& move,
                                                 std::vector<plan::Step> steps) const;
    void refresh_forecasts();
    void refresh_forecast(LiveService* live);
    void judge_forecast(LiveService* live);
    // agent_keeper.cpp
    Task<> keep_loop();
    Task<> keep_service(ServiceId service);
    Task<> keep_sites(ServiceId service);
    Task<> keep_site(ServiceId service, SiteId site);
    Task<> refuse(ServiceId service, SiteId site);
    Task<> examine_writers(ServiceId service);
    Task<> examine(ServiceId service, SiteId site, std::vector<std::string>* claims,
                   std::string* mend);
    void suspect(const probe::TargetId& target, const probe::Sample& sample);
    void watch_closely(const LiveService& live, const SiteId& site);
    void note_refusal(const ServiceId& service, const SiteId& site, const Result<Fields>& done);
    void scheduler_poke(const ServiceId& service, const SiteId& site);
    [[nodiscard]] bool is_left(const LiveService& live, const SiteId& site) const;
    [[nodiscard]] bool has_keeper_work(const LiveService& live) const;
    [[nodiscard]] std::vector<SiteId> writers_of(const LiveService& live) const;

    // agent_reprotect.cpp
    Task<> load_reprotects(ServiceId service);
    Task<> save_reprotects(ServiceId service);
    void begin_anew(const ServiceId& service);
    Task<> settle_reprotect(ServiceId service, SiteId site);
    Task<> reprotect(ServiceId service, SiteId site);
    Task<> note_attempt(ServiceId service, SiteId site, Result<RunId> run);
    void announce_failure(const ServiceId& service, const SiteId& site);
    void add_claims(decide::Decision* decision) const;
    [[nodiscard]] bool is_protected(const LiveService& live, const SiteId& site) const;
    [[nodiscard]] bool is_primary_stable(const LiveService& live) const;
    [[nodiscard]] bool may_reprotect(const LiveService& live, const SiteId& site) const;
    [[nodiscard]] std::vector<std::string> keeper_notices(const LiveService& live) const;
    // agent_replication.cpp
    struct Tended;
    Task<> replication_loop();
    Task<> tend_service(ServiceId service);
    Task<> tend(Tended part);
    Task<> load_sync(Tended part);
    Task<> do_sync_act(Tended part, component::ReplicationView view, SyncAct act);
    Task<> put_sync(Tended part, SyncRecord wanted);
    Task<> protect(Tended part, component::ReplicationView view, SyncAct act);
    Task<> relax(Tended part, postgres::Server primary);
    Task<> renew_stream(Tended part, postgres::Server primary, postgres::Server standby);
    [[nodiscard]] SyncWatch* watch_of(const Tended& part);
    [[nodiscard]] const SyncWatch* sync_of(const LiveService& live,
                                           const ComponentId& component) const;
    void note_trouble(const Tended& part, const Result<>& done);
    void announce_sync(LiveService* live, const Tended& part,
                       const component::ReplicationView& view);
    [[nodiscard]] std::optional<InSync> in_sync(const LiveService& live, std::size_t index) const;
    [[nodiscard]] std::optional<SyncStatus> sync_status(const LiveService& live,
                                                        std::size_t index) const;
    [[nodiscard]] state::Transaction sync_of_move(const LiveService& live,
                                                  const component::Move& move) const;

    // agent_backups.cpp
    [[nodiscard]] std::vector<protection::Job> backup_jobs() const;
    void make_protector();
    void add_backups(std::vector<ServiceStatus>* statuses) const;

    // agent_status.cpp
    [[nodiscard]] ServiceStatus status_of(const LiveService& live) const;
    void emit(Event event);
    void wake();

    Options options;
    Deps deps;
    plan::Plan plan;
    std::vector<LiveService> services;
    std::map<SiteId, HeardBallot> heard;
    std::map<ServiceId, Keeping> keepers;
    std::map<RunId, std::string> run_seen;  ///< Its last announced state.
    std::set<ServiceId> tended;             ///< Their replication is being seen to.
    bool needs_decision = true;
    bool needs_forecast = true;  ///< A run ended, or a service's site or steps changed.
    Instant started{};
    Instant last_look{};
    Instant resumed{};
    probe::Eligibility eligibility;
    SeenUp seen_up;
    muster::Event seen_first;  ///< For the loop that keeps it.
    EventLog events;
    Recorder recorder;
    probe::Scheduler scheduler;
    workflow::Runner runner;
    std::unique_ptr<protection::Protector> protector;  ///< None: without BackupPorts.
    TaskGroup tasks;
    muster::Event woken;  ///< For the decide loop.
    muster::Event keeper_woken;
    muster::Event changed;  ///< For those who watch status().
};

}  // namespace muster::agent
