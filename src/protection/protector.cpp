#include "protection/protector.h"

#include <algorithm>

namespace muster::protection {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
/// Moves, reloads and steps of the clock are seen within it.
constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kShortest = std::chrono::milliseconds(20);

}  // namespace

Protector::Protector(Deps deps, Node node)
    : deps_(std::move(deps)),
      node_(std::move(node)),
      tools_(deps_.program),
      woken_(deps_.executor),
      tasks_(deps_.executor) {
}

Task<> Protector::open() {
    started_ = deps_.clock.wall();
    const auto deadline = deps_.clock.now() + kPatience;
    CO_TRY(const auto jobs, co_await deps_.store.list({std::string(kJobsPrefix), {}, 0}, deadline));
    for (const auto& entry : jobs) {
        auto record = decode_job(entry.value);
        const auto rest = entry.key.substr(kJobsPrefix.size());
        const auto first = rest.find('/');
        const auto second = first == std::string::npos ? first : rest.find('/', first + 1);
        if (!record || second == std::string::npos) {
            // Lost evidence protects nothing: the job begins as if it were new.
            deps_.log.error("backup.unreadable", {{"key", entry.key}});
            continue;
        }
        const JobId id{ServiceId(rest.substr(0, first)),
                       ComponentId(rest.substr(first + 1, second - first - 1)),
                       rest.substr(second + 1)};
        live_[id].record = std::move(*record);
    }
    CO_TRY(const auto repositories,
           co_await deps_.store.list({std::string(kRepositoriesPrefix), {}, 0}, deadline));
    for (const auto& entry : repositories) {
        if (auto record = decode_repository(entry.value)) {
            upkept_[entry.key.substr(kRepositoriesPrefix.size())].record = std::move(*record);
        }
    }
    co_return Result<>{};
}

Task<> Protector::run() {
    while (true) {
        const auto jobs = node_.jobs();
        meet(jobs);
        for (const auto& job : jobs) {
            watch_age(job);
        }
        const auto next = begin_due();
        CO_TRY_OK(co_await save_unsaved());
        const auto wait = next == WallTime::max() ? kTick : Duration(next - deps_.clock.wall());
        TaskGroup alarm(deps_.executor);
        const auto ring = [](Clock* clock, Event* rung, Duration after) -> Task<> {
            CO_TRY_OK(co_await clock->sleep_for(after));
            rung->notify();
            co_return Result<>{};
        };
        alarm.spawn(ring(&deps_.clock, &woken_, std::clamp(wait, kShortest, kTick)));
        const auto waited = co_await woken_.wait();
        CO_TRY_OK(co_await alarm.stop());
        CO_TRY_OK(waited);
    }
}

Task<> Protector::stop() {
    return tasks_.stop();
}

void Protector::meet(const std::vector<Job>& jobs) {
    const auto now = deps_.clock.wall();
    for (const auto& job : jobs) {
        auto& live = live_[job.id];
        if (live.record.first_seen == WallTime{}) {
            live.record.first_seen = now;
            live.is_unsaved = true;
        }
        auto& upkept = upkept_[job.repository.name];
        if (upkept.record.first_seen == WallTime{}) {
            upkept.record.first_seen = now;
            upkept.is_unsaved = true;
        }
    }
}

Moment Protector::moment() const {
    return {deps_.clock.wall(), started_};
}

const TimeZone& Protector::zone_of(const Job& job) {
    const auto& name = job.backup.zone;
    const auto known = zones_.find(name);
    if (known != zones_.end()) {
        return known->second;
    }
    TimeZone zone;
    if (name != "UTC") {
        if (auto found = deps_.zones.find(name)) {
            zone = std::move(*found);
        } else {
            deps_.log.error("backup.unknown_zone",
                            {{"zone", name}, {"error", found.error().message()}});
        }
    }
    return zones_.emplace(name, std::move(zone)).first->second;
}

void Protector::consider(const Job& job, Chosen& best) {
    auto& live = live_.at(job.id);
    const auto& zone = zone_of(job);
    const auto at = moment();
    const auto offer = [&best, &job](WallTime due, Work work) {
        if (due < best.due) {
            best = {due, work, job};
        }
    };
    offer(live.is_wanted ? WallTime::min() : backup_due(job, live.record, zone, at), Work::kBackup);
    if (live.is_trial_wanted && !live.is_wanted && live.record.good) {
        offer(WallTime::min(), Work::kTrial);
    } else if (const auto due = trial_due(job, live.record, zone, at)) {
        offer(*due, Work::kTrial);
    }
}

void Protector::consider_upkeep(const Job& job, Chosen& best) {
    const auto& record = upkept_.at(job.repository.name).record;
    const auto now = deps_.clock.wall();
    const auto offer = [&](const std::optional<plan::Schedule>& schedule,
                           std::optional<WallTime> last, const Trouble& trouble, Work work) {
        const auto due =
            schedule ? upkeep_due(*schedule, {last.value_or(record.first_seen), trouble}, now)
                     : WallTime::max();
        if (due < best.due) {
            best = {due, work, job};
        }
    };
    offer(job.repository.check, record.checked, record.check, Work::kCheck);
    offer(job.repository.prune, record.pruned, record.prune, Work::kPrune);
}

/// Begins what is due where nothing is under way; says when the next thing is.
WallTime Protector::begin_due() {
    std::map<std::string, Chosen> best;
    for (const auto& job : node_.jobs()) {
        const auto& repository = job.repository.name;
        if (busy_.contains(repository)) {
            continue;
        }
        auto& chosen = best[repository];
        if (job.hold.empty()) {
            consider(job, chosen);
        }
        consider_upkeep(job, chosen);
    }
    auto next = WallTime::max();
    for (auto& [repository, chosen] : best) {
        if (chosen.due > deps_.clock.wall()) {
            next = std::min(next, chosen.due);
            continue;
        }
        busy_.insert(repository);
        tasks_.spawn(work(std::move(chosen)));
    }
    return next;
}

Standing Protector::standing_of(const Job& job, const Live& live) const {
    auto now = deps_.clock.wall();
    if (const auto& verified = live.record.verified) {
        const auto known = live.taken.find(verified->snapshot);
        if (known != live.taken.end()) {
            const auto age = deps_.clock.now() - known->second;
            now = std::max(now, verified->at + std::chrono::duration_cast<WallTime::duration>(age));
        }
    }
    return judge(job, live.record, now);
}

// An alarm for what does not happen: nothing else would tell of it.
void Protector::watch_age(const Job& job) {
    auto& live = live_.at(job.id);
    const auto& record = live.record;
    const auto standing = standing_of(job, live);
    const auto now = deps_.clock.wall();
    const auto basis = record.verified ? record.verified->at : record.first_seen;
    const auto due = backup_due(job, record, zone_of(job), moment());
    const bool is_late = due < now && now - due > job.backup.schedule.period() + kTick;
    const bool is_old =
        job.backup.verify && !standing.is_protected && now - basis > standing.allowed;
    if (!is_late && !is_old) {
        live.is_overdue = false;
        return;
    }
    if (std::exchange(live.is_overdue, true)) {
        return;
    }
    std::string why = "the backup due at " + format_wall(due) + " has not been taken";
    if (is_old) {
        why = record.verified ? "the newest verified backup is " + human_duration(now - basis) +
                                    " old, " + human_duration(standing.allowed) + " are allowed"
                              : "no backup was verified in " + human_duration(now - basis);
    }
    tell("backup.overdue", "error", job.id,
         why + (job.hold.empty() ? "" : "; it waits: " + job.hold), {});
}

Task<> Protector::save_unsaved() {
    for (const auto& [id, live] : live_) {
        if (live.is_unsaved) {
            CO_TRY_OK(co_await save(id));
        }
    }
    for (const auto& [name, upkept] : upkept_) {
        if (upkept.is_unsaved) {
            CO_TRY_OK(co_await save_upkeep(name));
        }
    }
    co_return Result<>{};
}

// What can't be written now is written later; till then it is remembered here. Cancelled: the end.
Task<> Protector::save(JobId id) {
    live_[id].is_unsaved = true;
    state::Transaction change;
    change.ops.push_back(state::Op::put(key_of(id), encode(live_[id].record)));
    live_[id].is_unsaved = false;
    const auto saved =
        co_await deps_.store.commit(std::move(change), deps_.clock.now() + kPatience);
    live_[id].is_unsaved = live_[id].is_unsaved || !saved;
    co_return saved || saved.error().code() != Errc::kCancelled ? Result<>{}
                                                                : Result<>(saved.error());
}

Task<> Protector::save_upkeep(std::string repository) {
    auto& upkept = upkept_[repository];
    state::Transaction change;
    change.ops.push_back(state::Op::put(repository_key(repository), encode(upkept.record)));
    upkept.is_unsaved = false;
    const auto saved =
        co_await deps_.store.commit(std::move(change), deps_.clock.now() + kPatience);
    upkept.is_unsaved = upkept.is_unsaved || !saved;
    co_return saved || saved.error().code() != Errc::kCancelled ? Result<>{}
                                                                : Result<>(saved.error());
}

std::vector<JobStatus> Protector::status() const {
    std::vector<JobStatus> all;
    for (const auto& job : node_.jobs()) {
        const auto found = live_.find(job.id);
        const Live none;
        const Live& live = found == live_.end() ? none : found->second;
        const auto zone = zones_.find(job.backup.zone);
        const auto known = zone == zones_.end() ? TimeZone() : zone->second;
        JobStatus status{
            job.id, job.site, standing_of(job, live), live.activity, job.hold, live.record.good, {},
            {},     {},       live.record.failures};
        if (live.record.verified) {
            status.verified = live.record.verified->at;
        }
        status.next =
            live.is_wanted ? deps_.clock.wall() : backup_due(job, live.record, known, moment());
        status.next_trial = trial_due(job, live.record, known, moment());
        all.push_back(std::move(status));
    }
    return all;
}

Result<> Protector::request(const ServiceId& service, const ComponentId& component,
                            bool with_trial) {
    bool is_known = false;
    for (const auto& job : node_.jobs()) {
        if (job.id.service == service && job.id.component == component) {
            auto& live = live_[job.id];
            live.is_wanted = true;
            live.is_trial_wanted = with_trial;
            is_known = true;
        }
    }
    woken_.notify();
    if (!is_known) {
        return Error{Errc::kNotFound,
                     "the plan has no backup of " + service.str() + "/" + component.str(),
                     "muster backups lists them"};
    }
    return {};
}

Task<> Protector::accept(ServiceId service, ComponentId component, std::string by) {
    bool is_any = false;
    for (const auto& job : node_.jobs()) {
        auto& live = live_[job.id];
        auto& record = live.record;
        if (job.id.service != service || job.id.component != component || !record.doubtful) {
            continue;
        }
        is_any = true;
        record.good = record.doubtful;
        // What was usual is no measure any more.
        record.extents = {record.good->extent};
        record.doubtful.reset();
        record.doubt.clear();
        tell("backup.accepted", "info", job.id,
             by + " accepted snapshot " + record.good->snapshot.substr(0, 8),
             {{"snapshot", record.good->snapshot}, {"by", by}});
        CO_TRY_OK(co_await save(job.id));
    }
    woken_.notify();
    if (!is_any) {
        co_return Error{
            Errc::kNotFound,
            "no backup of " + service.str() + "/" + component.str() + " waits to be accepted",
            "muster backups lists them"};
    }
    co_return Result<>{};
}

void Protector::tell(std::string name, std::string severity, const JobId& job, std::string message,
                     Fields data) {
    data["component"] = job.component.str();
    data["repository"] = job.repository;
    node_.tell({std::move(name), std::move(severity), job.service.str(),
                job.component.str() + " to " + job.repository + ": " + std::move(message),
                std::move(data)});
}

}  // namespace muster::protection
