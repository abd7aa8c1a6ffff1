#pragma once

#include <memory>
#include <ostream>

#include "adapters/net/http_server.h"
#include "agent/agent.h"
#include "api/api.h"
#include "base/event.h"
#include "base/secret.h"
#include "base/task_group.h"
#include "daemon/agent_view.h"
#include "daemon/data_directory.h"
#include "daemon/serve.h"
#include "daemon/wiring.h"

namespace muster::daemon {

/// A serving node: the agent, its API, its DNS responder, and the signals that end or reload it.
class Node {
  public:
    struct Setup {
        ServeOptions options;
        DataDirectory data;
        Secret token;
        NodeId id;
        SiteId site;
        agent::BackupPorts backups;
        SegmentSink* observations = nullptr;  ///< None: nothing is recorded.
    };
    /// All but `setup` outlive the node.
    Node(Setup setup, Wiring& wiring, state::Store& store, std::ostream& out);
    /// Listens, starts the agent, announces itself, and returns after a signal to end. Listening
    /// comes first: a node whose port is taken must not have acted.
    Task<> run(plan::Plan plan);

  private:
    Task<> listen(plan::Plan plan);
    Task<> serve_until_told(plan::Plan plan);
    Task<> wait_for_end();
    Task<> reload();
    Task<> reload_now();
    Task<> stop();
    Result<> announce();
    void keep(const plan::Plan& plan);

    Setup setup_;
    Wiring& wiring_;
    std::ostream& out_;
    state::WatchedStore store_;
    agent::Agent agent_;
    AgentView view_;
    api::Api api_;
    bool is_ready_ = false;
    bool is_agent_started_ = false;
    bool is_reloading_ = false;
    Event reloaded_;
    std::uint16_t port_ = 0;
    adapters::HttpServer http_;
};

}  // namespace muster::daemon
