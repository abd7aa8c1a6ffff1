#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/status.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/segment_sink.h"
#include "base/task_group.h"
#include "component/component.h"
#include "plan/model.h"
#include "postgres/server_control.h"
#include "probe/scheduler.h"
#include "state/store.h"
#include "steer/steerer.h"
#include "workflow/runner.h"

namespace muster::agent {

struct Options {
    NodeId node;
    SiteId site;                   ///< The vantage.
    std::vector<SiteId> vantages;  ///< Sites whose nodes vote; with the embedded store: this one.
};

/// What backups are taken with.
struct BackupPorts {
    workflow::CommandRunner& commands;
    protection::TimeZones& zones;
    std::function<Result<Secret>(const plan::SecretPlace&)> secrets;
    std::string program;  ///< muster itself.
    std::string folder;   ///< Where restores are tried; an absolute path.
};

struct Deps {
    Executor executor;
    Clock& clock;
    Random& random;
    Log& log;
    state::Store& store;
    const probe::Registry& probes;
    workflow::Actions& actions;
    steer::Steerer& dns;
    postgres::ServerControl& postgres;
    SegmentSink* observations = nullptr;   ///< Where what was seen is kept; none: nowhere.
    const BackupPorts* backups = nullptr;  ///< None: this node takes none.
};

/// An operator's request to move a service.
struct MoveRequest {
    ServiceId service;
    component::Move::Kind kind = component::Move::Kind::kSwitchover;
    SiteId to;  ///< Empty: the only standby, or the best one.
    std::string by;
    /// A switchover to the plan's primary; kDenied when it serves already. Never forced.
    bool is_failback = false;
    bool is_forced = false;  ///< Goes on where a guard stopped it; named in the run's cause.
    /// The person answers for the old primary being stopped, should its host not be reachable; the
    /// proof then names them.
    bool is_fence_vouched = false;
};

/// What a move would do and what stands in its way: `--dry-run`.
struct MovePreview {
    component::Move move;
    std::vector<plan::Step> steps;
    std::vector<decide::Stage> guards;
    bool is_allowed = false;
    evidence::Forecast forecast;  ///< What it would take, from what its steps took before.
};

/// A node's life: observe, vote, decide, run. The daemon and the simulator drive this same class.
class Agent {
  public:
    Agent(Options options, Deps deps);
    ~Agent();

    /// Takes up the store's state and unfinished runs, then watches and decides until `stop()`.
    Task<> start(plan::Plan plan);
    Task<> stop();
    /// Puts a new, valid plan in force; runs keep the plan they started with. kConflict when it
    /// takes away a service on which a run is active.
    Task<> reload(plan::Plan plan);

    [[nodiscard]] NodeStatus status() const;
    [[nodiscard]] const plan::Plan& plan() const;
    /// The newest decision on a service, for `why`. kNotFound.
    [[nodiscard]] Result<decide::Decision> why(const ServiceId& service) const;
    Task<MovePreview> preview(MoveRequest request);
    /// kDenied when a guard stops it (say which; `is_forced` overrides what may be overridden),
    /// kConflict when a run is active; one that
    /// rebuilds another site is ended for a failover, which may take some seconds.
    Task<RunId> move(MoveRequest request);
    /// Starts a declared procedure by name. kNotFound.
    Task<RunId> run_procedure(std::string name, Fields parameters, std::string by);
    /// Answers a decision that waits for a person.
    Task<RunId> approve_decision(ServiceId service, std::string by);

    /// Begins a component's backups now, and trials of them; kNotFound.
    Result<> back_up(const ServiceId& service, const ComponentId& component, bool with_trial);
    /// A person answers for suspicious backups. kNotFound when none waits for that.
    Task<> accept_backup(ServiceId service, ComponentId component, std::string by);

    workflow::Runner& runner();
    /// Events with an id above `after`, oldest first, at most `limit`; a negative `after`: the
    /// newest.
    Task<std::vector<Event>> events(std::int64_t after, std::size_t limit);
    /// Waits until something in `status()` changed, at most until `deadline`.
    Task<> changed(Instant deadline);

  private:
    /// The preview of a move that no guard stops.
    Task<MovePreview> permitted(MoveRequest request);
    Task<RunId> begin(MoveRequest request, SiteId to);

    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace muster::agent
