#include "daemon/agent_view.h"

#include <utility>

namespace muster::daemon {

AgentView::AgentView(agent::Agent& agent, const state::WatchedStore& store, Reload reload)
    : agent_(agent), store_(store), reload_(std::move(reload)) {
}

agent::NodeStatus AgentView::status() const {
    auto status = agent_.status();
    status.store_problem = store_.problem().value_or("");
    return status;
}

const plan::Plan& AgentView::plan() const {
    return agent_.plan();
}

Result<decide::Decision> AgentView::why(const ServiceId& service) const {
    return agent_.why(service);
}

const workflow::Run* AgentView::find_run(const RunId& run) const {
    return agent_.runner().find(run);
}

std::vector<const workflow::Run*> AgentView::runs() const {
    return agent_.runner().list();
}

Task<std::vector<agent::Event>> AgentView::events(std::int64_t after, std::size_t limit) {
    return agent_.events(after, limit);
}

Task<> AgentView::changed(Instant deadline) {
    return agent_.changed(deadline);
}

Task<agent::MovePreview> AgentView::preview(agent::MoveRequest request) {
    return agent_.preview(std::move(request));
}

Task<RunId> AgentView::move(agent::MoveRequest request) {
    return agent_.move(std::move(request));
}

Task<RunId> AgentView::run_procedure(std::string name, Fields parameters, std::string by) {
    return agent_.run_procedure(std::move(name), std::move(parameters), std::move(by));
}

Task<RunId> AgentView::approve_decision(ServiceId service, std::string by) {
    return agent_.approve_decision(std::move(service), std::move(by));
}

Result<> AgentView::back_up(const ServiceId& service, const ComponentId& component,
                            bool with_trial) {
    return agent_.back_up(service, component, with_trial);
}

Task<> AgentView::accept_backup(ServiceId service, ComponentId component, std::string by) {
    return agent_.accept_backup(std::move(service), std::move(component), std::move(by));
}

Task<> AgentView::resume(RunId run, std::string by) {
    return agent_.runner().resume(std::move(run), std::move(by));
}

Task<> AgentView::abort(RunId run, std::string by) {
    return agent_.runner().abort(std::move(run), std::move(by));
}

Task<> AgentView::rollback(RunId run, std::string by) {
    return agent_.runner().rollback(std::move(run), std::move(by));
}

Task<> AgentView::approve(RunId run, StepId step, std::string by) {
    return agent_.runner().approve(std::move(run), std::move(step), std::move(by));
}

Task<> AgentView::reload() {
    return reload_();
}

}  // namespace muster::daemon
