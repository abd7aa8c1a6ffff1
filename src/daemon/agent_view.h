#pragma once

#include <functional>

#include "agent/agent.h"
#include "api/node_view.h"
#include "state/watched_store.h"

namespace muster::daemon {

/// The API's view of the real agent.
class AgentView final : public api::NodeView {
  public:
    using Reload = std::function<Task<>()>;
    AgentView(agent::Agent& agent, const state::WatchedStore& store, Reload reload);

    [[nodiscard]] agent::NodeStatus status() const override;
    [[nodiscard]] const plan::Plan& plan() const override;
    [[nodiscard]] Result<decide::Decision> why(const ServiceId& service) const override;
    [[nodiscard]] const workflow::Run* find_run(const RunId& run) const override;
    [[nodiscard]] std::vector<const workflow::Run*> runs() const override;
    Task<std::vector<agent::Event>> events(std::int64_t after, std::size_t limit) override;
    Task<> changed(Instant deadline) override;
    Task<agent::MovePreview> preview(agent::MoveRequest request) override;
    Task<RunId> move(agent::MoveRequest request) override;
    Task<RunId> run_procedure(std::string name, Fields parameters, std::string by) override;
    Task<RunId> approve_decision(ServiceId service, std::string by) override;
    Result<> back_up(const ServiceId& service, const ComponentId& component,
                     bool with_trial) override;
    Task<> accept_backup(ServiceId service, ComponentId component, std::string by) override;
    Task<> resume(RunId run, std::string by) override;
    Task<> abort(RunId run, std::string by) override;
    Task<> rollback(RunId run, std::string by) override;
    Task<> approve(RunId run, StepId step, std::string by) override;
    Task<> reload() override;

  private:
    agent::Agent& agent_;
    const state::WatchedStore& store_;
    Reload reload_;
};

}  // namespace muster::daemon
