#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "component/component.h"
#include "decide/decide.h"
#include "evidence/forecast.h"
#include "probe/verdict.h"
#include "protection/protector.h"

namespace muster::agent {

/// One target as this node sees it.
struct TargetStatus {
    probe::TargetId target;
    probe::Verdict verdict;
    std::vector<probe::Detector::Seen> history;
};

/// Managed synchronous replication of a component.
struct SyncStatus {
    std::string state;    ///< "in_sync", "waiting", "degraded", "unknown".
    SiteId site;          ///< Where the standby in sync is; empty: there is none.
    std::string standby;  ///< Its name at the primary.
    std::string detail;   ///< One line: what it means now.
};

struct ComponentStatus {
    ComponentId id;
    std::string kind;
    std::vector<component::SiteReport> sites;
    std::optional<SyncStatus> sync{};              ///< Nothing: muster does not manage it.
    std::vector<protection::JobStatus> backups{};  ///< One for each repository.
};

struct LastMove {
    RunId run;
    std::string kind;  ///< "failover", "switchover", …
    SiteId from;
    SiteId to;
    WallTime at{};
    std::string status;  ///< The run's.
};

struct ServiceStatus {
    ServiceId id;
    SiteId primary;
    Epoch epoch;
    probe::Health health = probe::Health::kUnknown;  ///< At the primary site.
    std::string condition;            ///< "ok", "degraded", "stalled", "exposed", "down", "moving",
                                      ///< "unknown".
    std::string detail;               ///< One line: why it is not "ok".
    std::optional<Duration> rpo_now;  ///< Best standby's; nothing: unknown.
    std::optional<ByteCount> lag_bytes;
    Duration rpo{};  ///< Objectives.
    Duration rto{};
    std::string mode;         ///< "automatic", "approve", "observe", "frozen".
    std::string mode_reason;  ///< When the effective mode is lower than the plan's.
    std::optional<RunId> active_run;
    std::optional<LastMove> last_move;
    std::vector<std::string> notices;  ///< What a person should know besides, a line each.
    std::vector<ComponentStatus> components;
    decide::Decision decision;                  ///< The newest, with its stages.
    std::vector<evidence::Forecast> forecasts;  ///< Of the next failover, then switchover.
};

struct NodeStatus {
    NodeId node;
    SiteId site;
    std::string plan;
    std::string plan_digest;
    WallTime now{};
    Duration uptime{};
    bool has_full_picture = false;
    bool is_eligible = true;  ///< As a vantage.
    std::string why_not_eligible;
    std::string store_problem;  ///< Why nothing can be written: then nothing new begins.
    std::vector<ServiceStatus> services;
    std::vector<TargetStatus> targets;
};

/// What happened, for people and for CloudEvents: names as in docs/reference/events.md.
struct Event {
    std::int64_t id = 0;  ///< Grows by one; durable.
    WallTime at{};
    std::string name;      ///< "verdict.changed", "decision.made", "run.started", …
    std::string severity;  ///< "info", "warn", "error".
    std::string subject;   ///< Service, target or run.
    std::string message;
    Fields data{};
};

}  // namespace muster::agent
