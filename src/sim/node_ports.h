#pragma once

#include <string>

#include "probe/probe.h"
#include "sim/site_world.h"
#include "state/store.h"
#include "steer/steerer.h"
#include "workflow/command_runner.h"

namespace muster::sim {

/// One life of a node's process. What it still does after its death has no effect.
struct Life {
    SiteId site;
    std::string name;
    bool is_dead = false;
    Instant paused_until{};  ///< A stopped process: nothing of it goes on before.
};

/// The node's clock: while the node is paused its sleepers do not wake.
class NodeClock final : public Clock {
  public:
    NodeClock(VirtualClock& clock, const Life& life) : clock_(clock), life_(life) {}
    [[nodiscard]] Instant now() const override { return clock_.now(); }
    [[nodiscard]] WallTime wall() const override { return clock_.wall(); }
    Task<> sleep_until(Instant when) override;

  private:
    VirtualClock& clock_;
    const Life& life_;
};

/// The way from a node to what it calls: delay, loss, cuts, the node's own pauses and death.
class Path {
  public:
    Path(SiteWorld& world, const Life& life) : world_(world), life_(life) {}

    /// One message to `site` over the data network. kTimedOut at the deadline when it is lost.
    Task<> travel(SiteId site, Instant deadline);
    /// The same over the management path.
    Task<> manage(SiteId site, Instant deadline);
    /// Ends with kCancelled once the node has died, and waits out its pauses.
    Task<> live();
    [[nodiscard]] SiteWorld& world() { return world_; }
    [[nodiscard]] const Life& life() const { return life_; }

  private:
    Task<> pass(Link link, Instant deadline);

    SiteWorld& world_;
    const Life& life_;
};

/// The node's way to the shared store (three nodes) or to its own file (one node).
class StoreLink final : public state::Store {
  public:
    /// With `is_shared`, the store answers while the node reaches at least one other site.
    StoreLink(state::Store& store, Path path, bool is_shared)
        : store_(store), path_(path), is_shared_(is_shared) {}

    Task<std::optional<state::KeyValue>> get(std::string key, Instant deadline) override;
    Task<std::vector<state::KeyValue>> list(Range range, Instant deadline) override;
    Task<state::Revision> commit(state::Transaction transaction, Instant deadline) override;
    Task<state::LeaseId> grant(Duration ttl, Instant deadline) override;
    Task<> renew(state::LeaseId lease, Instant deadline) override;
    Task<> revoke(state::LeaseId lease, Instant deadline) override;
    Task<state::Changes> watch(std::string prefix, state::Revision from, Instant deadline) override;
    Task<state::Revision> revision(Instant deadline) override;

  private:
    Task<> there(Instant deadline);

    state::Store& store_;
    Path path_;
    bool is_shared_;
};

/// The names' answers, shared by all nodes: refuses an older epoch.
struct SimNames {
    std::map<std::string, steer::Wanted> records;
};

class SteererLink final : public steer::Steerer {
  public:
    SteererLink(SimNames& names, Path path) : names_(names), path_(path) {}
    Task<steer::Actual> current(steer::Record record, Instant deadline) override;
    Task<> apply(steer::Wanted wanted, Instant deadline) override;

  private:
    SimNames& names_;
    Path path_;
};

/// The probe types of the simulated world: `postgres`, and `tcp` for reference targets.
probe::Registry sim_probes(Path* path);

/// No programs run in this world.
class NoCommands final : public workflow::CommandRunner {
  public:
    Task<workflow::CommandResult> run(workflow::Command command, Instant deadline) override;
};

}  // namespace muster::sim
