#pragma once

#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/status.h"
#include "base/task.h"
#include "workflow/run.h"

namespace muster::api {

/// What the API needs of a node; the daemon gives it over the agent, a test over nothing. Errors
/// are those of `agent::Agent` and `workflow::Runner`.
class NodeView {
  public:
    virtual ~NodeView() = default;

    [[nodiscard]] virtual agent::NodeStatus status() const = 0;
    [[nodiscard]] virtual const plan::Plan& plan() const = 0;
    [[nodiscard]] virtual Result<decide::Decision> why(const ServiceId& service) const = 0;
    /// nullptr when it is not known.
    [[nodiscard]] virtual const workflow::Run* find_run(const RunId& run) const = 0;
    /// Newest first.
    [[nodiscard]] virtual std::vector<const workflow::Run*> runs() const = 0;
    virtual Task<std::vector<agent::Event>> events(std::int64_t after, std::size_t limit) = 0;
    /// Waits until something in `status()` or a run changed, at most until `deadline`.
    virtual Task<> changed(Instant deadline) = 0;

    virtual Task<agent::MovePreview> preview(agent::MoveRequest request) = 0;
    virtual Task<RunId> move(agent::MoveRequest request) = 0;
    virtual Task<RunId> run_procedure(std::string name, Fields parameters, std::string by) = 0;
    virtual Task<RunId> approve_decision(ServiceId service, std::string by) = 0;
    virtual Result<> back_up(const ServiceId& service, const ComponentId& component,
                             bool with_trial) = 0;
    virtual Task<> accept_backup(ServiceId service, ComponentId component, std::string by) = 0;
    virtual Task<> resume(RunId run, std::string by) = 0;
    virtual Task<> abort(RunId run, std::string by) = 0;
    virtual Task<> rollback(RunId run, std::string by) = 0;
    virtual Task<> approve(RunId run, StepId step, std::string by) = 0;
    /// Reads the plan file again; kInvalid with every diagnostic in the message, and the old plan
    /// stays.
    virtual Task<> reload() = 0;
};

}  // namespace muster::api
