#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event.h"
#include "base/log.h"
#include "base/task_group.h"
#include "protection/due.h"
#include "protection/judge.h"
#include "protection/tools.h"
#include "state/store.h"

namespace muster::protection {

/// Something for the events of the node.
struct Happening {
    std::string name;  ///< "backup.finished", …
    std::string severity;
    std::string subject;
    std::string message;
    Fields data;
};

/// What a job is, to be shown.
struct JobStatus {
    JobId id;
    SiteId site;
    Standing standing;
    std::string activity;              ///< "backup", "restore", "forget" while it is done; or "".
    std::string hold;                  ///< Why nothing begins now; or "".
    std::optional<Taken> good;         ///< The newest backup that counts.
    std::optional<WallTime> verified;  ///< As of when the newest verified data is.
    WallTime next{};                   ///< When the next backup begins.
    std::optional<WallTime> next_trial;
    std::int64_t failures = 0;  ///< Ever.
};

/// Runs the backups of the plan: begins what is due, one at a time for each repository, restores
/// the newest ones as a trial, and remembers in the store what came of it. It does nothing itself:
/// everything is a child process (docs/adr/0021). Runs on one executor.
class Protector {
  public:
    struct Deps {
        Executor executor;
        Clock& clock;
        Log& log;
        state::Store& store;
        workflow::CommandRunner& commands;
        TimeZones& zones;
        std::function<Result<Secret>(const plan::SecretPlace&)> secrets;
        std::string program;  ///< muster itself.
        std::string folder;   ///< Where trials are restored; it is there.
    };
    /// What it asks of the node.
    struct Node {
        std::function<std::vector<Job>()> jobs;  ///< Those that this node is to do, now.
        std::function<void(Happening)> tell;
        std::function<void()> changed;  ///< Something in `status()` did.
    };
    Protector(Deps deps, Node node);

    /// Takes up what the store remembers.
    Task<> open();
    /// Works until it is cancelled; call once.
    Task<> run();
    /// Ends what is under way.
    Task<> stop();

    [[nodiscard]] std::vector<JobStatus> status() const;
    /// Begins a component's backups now, and trials after them; kNotFound when it has none.
    Result<> request(const ServiceId& service, const ComponentId& component, bool with_trial);
    /// A person answers for the newest, suspicious backups: they count from now on. kNotFound when
    /// there are none.
    Task<> accept(ServiceId service, ComponentId component, std::string by);

  private:
    enum class Work { kBackup, kTrial, kCheck, kPrune };
    struct Live {
        JobRecord record;
        std::string activity;
        bool is_wanted = false;
        bool is_trial_wanted = false;
        bool is_overdue = false;
        bool is_unsaved = false;
        std::map<std::string, Instant> taken;  ///< By snapshot: a clock that nobody puts back.
    };
    struct Upkept {
        RepositoryRecord record;
        bool is_unsaved = false;
    };
    struct Chosen {
        WallTime due = WallTime::max();
        Work work = Work::kBackup;
        Job job;
    };

    // protector.cpp
    void meet(const std::vector<Job>& jobs);
    void consider(const Job& job, Chosen& best);
    void consider_upkeep(const Job& job, Chosen& best);
    WallTime begin_due();
    void watch_age(const Job& job);
    const TimeZone& zone_of(const Job& job);
    [[nodiscard]] Moment moment() const;
    [[nodiscard]] Standing standing_of(const Job& job, const Live& live) const;
    Task<> save_unsaved();
    Task<> save(JobId id);
    Task<> save_upkeep(std::string repository);

    // protector_work.cpp
    Task<> work(Chosen chosen);
    Task<> back_up(Job job);
    Task<Taken> take(Job job, bool is_full);
    void settle(const Job& job, const Taken& taken);
    Task<> forget(Job job);
    Task<> try_restore(Job job);
    Task<> restore(Job job, Taken taken, std::string folder);
    Task<> check_space(std::string folder, ByteCount wanted);
    Task<> keep_up(Job job, Work kind);
    Task<workflow::CommandResult> must(workflow::Command command, std::string what,
                                       Duration patience);
    void fail(const JobId& job, const std::string& stage, Trouble& trouble, const Error& error,
              Duration period);
    void tell(std::string name, std::string severity, const JobId& job, std::string message,
              Fields data);

    Deps deps_;
    Node node_;
    Tools tools_;
    WallTime started_{};
    std::map<JobId, Live> live_;
    std::map<std::string, Upkept> upkept_;
    std::map<std::string, TimeZone> zones_;
    std::set<std::string> busy_;  ///< Repositories.
    Event woken_;
    TaskGroup tasks_;
};

}  // namespace muster::protection
