#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "sim/node_ports.h"
#include "sim/sim_control.h"
#include "state/memory_store.h"

namespace muster::sim {

/// A node's process from its start to its death: the real agent, workflow and component code over
/// the simulated ports.
class SimNode {
  public:
    struct Place {
        SiteId site;
        std::vector<SiteId> vantages;
        bool is_store_shared = false;
        SegmentSink* observations = nullptr;
    };

    SimNode(Executor executor, SiteWorld& world, state::Store& store, SimNames& names, Place place);

    /// Starts the agent; a start that fails (the store can't be reached) is tried again.
    Task<> run(plan::Plan plan);
    /// The process is gone: nothing it still does has an effect. Ends when its tasks have.
    Task<> kill();
    void pause(Duration duration);
    [[nodiscard]] agent::Agent& agent() { return *agent_; }
    [[nodiscard]] bool is_serving() const { return is_started_ && !life_.is_dead; }

  private:
    Executor executor_;
    SiteWorld& world_;
    Life life_;
    NodeClock clock_;
    SeededRandom random_;
    TraceLog log_;
    Path path_;
    StoreLink store_;
    SteererLink names_;
    SimControl control_;
    NoCommands commands_;
    probe::Registry probes_;
    workflow::Actions actions_;
    std::unique_ptr<agent::Agent> agent_;
    TaskGroup tasks_;
    bool is_started_ = false;
};

}  // namespace muster::sim
