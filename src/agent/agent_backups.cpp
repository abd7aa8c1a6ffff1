// Backups within a node's life: which are its own to take, from where, and what they are worth.

#include <algorithm>

#include "agent/state.h"
#include "component/parameters.h"

namespace muster::agent {

namespace {

SiteId source_of(const LiveService& live, const plan::Backup& backup) {
    if (backup.from == "primary") {
        return live.primacy.site;
    }
    if (backup.from != "standby") {
        return SiteId(backup.from);
    }
    auto sites = live.plan->standby;
    sites.push_back(live.plan->primary);
    const auto found = std::ranges::find_if(
        sites, [&live](const SiteId& site) { return site != live.primacy.site; });
    return found == sites.end() ? live.primacy.site : *found;
}

std::string why_hold(const LiveService& live) {
    if (!live.primacy.moving_to.empty()) {
        return "the service moves to " + live.primacy.moving_to.str();
    }
    return live.is_starting_move ? "the service is about to move" : "";
}

protection::Job job_of(const LiveService& live, const plan::Component& part,
                       const plan::Repository& repository) {
    const auto& backup = *part.backup;
    protection::Job job;
    job.id = {live.plan->id, part.id, repository.name};
    job.backup = backup;
    job.repository = repository;
    job.site = source_of(live, backup);
    job.epoch = live.primacy.epoch;
    job.hold = why_hold(live);
    const auto* at = part.at(job.site);
    job.variables = component::fields_of(at);
    job.ssh = at == nullptr ? "" : at->text("ssh");
    job.run_as = backup.run_as;
    if (job.run_as.empty() && !backup.command.empty() && at != nullptr) {
        job.run_as = at->text("run_as");
    }
    job.variables["service"] = live.plan->id.str();
    job.variables["component"] = part.id.str();
    job.variables["site"] = job.site.str();
    return job;
}

void add_jobs(const LiveService& live, const plan::Component& part, const plan::Plan& plan,
              std::vector<protection::Job>* jobs) {
    for (const auto& name : part.backup->to) {
        if (const auto* repository = plan.find_repository(name)) {
            jobs->push_back(job_of(live, part, *repository));
        }
    }
}

/// A component is protected when one of its repositories holds what protects it.
void judge_component(const ComponentStatus& part, ServiceStatus* status) {
    const auto is_good = [](const auto& job) { return job.standing.is_protected; };
    for (const auto& job : part.backups) {
        if (job.standing.state != "protected") {
            status->notices.push_back(part.id.str() + ": backup to " + job.id.repository + " " +
                                      job.standing.state + ": " + job.standing.detail);
        }
    }
    if (!std::ranges::any_of(part.backups, is_good) && status->condition == "ok") {
        status->condition = "exposed";
        status->detail = part.id.str() + ": no verified backup protects it";
    }
}

std::optional<Duration> best_age(const ComponentStatus& part) {
    std::optional<Duration> best;
    for (const auto& job : part.backups) {
        const auto& age = job.standing.verified_age;
        if (age && (!best || *age < *best)) {
            best = age;
        }
    }
    return best;
}

/// Where nothing replicates, the newest verified backup is all there is: the worst part counts.
void measure_rpo(const plan::Service& plan, ServiceStatus* status) {
    if (plan.strategy != plan::Strategy::kBackupRestore || status->rpo_now) {
        return;
    }
    std::optional<Duration> worst;
    for (const auto& part : status->components) {
        if (part.backups.empty()) {
            continue;
        }
        const auto age = best_age(part);
        if (!age) {
            return;
        }
        worst = std::max(worst.value_or(Duration{}), *age);
    }
    status->rpo_now = worst;
}

}  // namespace

std::vector<protection::Job> Agent::State::backup_jobs() const {
    std::vector<protection::Job> jobs;
    for (const auto& live : services) {
        for (const auto& part : live.plan->components) {
            if (part.backup && is_executor_for(source_of(live, *part.backup))) {
                add_jobs(live, part, plan, &jobs);
            }
        }
    }
    return jobs;
}

void Agent::State::make_protector() {
    if (deps.backups == nullptr) {
        return;
    }
    const auto& ports = *deps.backups;
    protection::Protector::Node node;
    node.jobs = [this] { return backup_jobs(); };
    node.tell = [this](protection::Happening what) {
        emit({.name = std::move(what.name),
              .severity = std::move(what.severity),
              .subject = std::move(what.subject),
              .message = std::move(what.message),
              .data = std::move(what.data)});
    };
    node.changed = [this] { changed.notify(); };
    protection::Protector::Deps wanted{deps.executor, deps.clock,     deps.log,
                                       deps.store,    ports.commands, ports.zones,
                                       ports.secrets, ports.program,  ports.folder};
    protector = std::make_unique<protection::Protector>(std::move(wanted), std::move(node));
}

void Agent::State::add_backups(std::vector<ServiceStatus>* statuses) const {
    if (protector == nullptr) {
        return;
    }
    for (auto& job : protector->status()) {
        const auto service = std::ranges::find(*statuses, job.id.service, &ServiceStatus::id);
        if (service == statuses->end()) {
            continue;
        }
        const auto part =
            std::ranges::find(service->components, job.id.component, &ComponentStatus::id);
        if (part != service->components.end()) {
            part->backups.push_back(std::move(job));
        }
    }
    for (auto& service : *statuses) {
        for (const auto& part : service.components) {
            if (!part.backups.empty()) {
                judge_component(part, &service);
            }
        }
        measure_rpo(*plan.find(service.id), &service);
    }
}

Result<> Agent::back_up(const ServiceId& service, const ComponentId& component, bool with_trial) {
    if (state_->protector == nullptr) {
        return Error{Errc::kNotFound, "this node takes no backups"};
    }
    return state_->protector->request(service, component, with_trial);
}

Task<> Agent::accept_backup(ServiceId service, ComponentId component, std::string by) {
    if (state_->protector == nullptr) {
        co_return Error{Errc::kNotFound, "this node takes no backups"};
    }
    co_return co_await state_->protector->accept(service, component, std::move(by));
}

}  // namespace muster::agent
