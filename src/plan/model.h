#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "plan/node.h"
#include "plan/protection.h"

namespace muster::plan {

struct Site {
    SiteId id;
    std::string region;
    bool is_arbiter = false;             ///< Votes only; never runs a service.
    std::vector<std::string> reference;  ///< Targets outside the plan, "host:port"; see `watch`.
};

struct Impact {
    int tier = 3;  ///< 1 is recovered first.
    std::optional<double> loss_per_hour;
    std::string currency;
};

struct Objectives {
    Duration rpo{};
    Duration rto{};
};

enum class Strategy { kBackupRestore, kPilotLight, kWarmStandby, kMultiSite };
enum class Mode { kObserve, kApprove, kAutomatic };
enum class Preset { kFast, kBalanced, kCareful, kManual };
/// How good the proof is that the old primary takes no more writes; ordered from worst to best.
enum class FenceClass { kAdvisory, kLease, kActuated, kEnforced };

std::string_view to_string(Strategy value);
std::string_view to_string(Mode value);
std::string_view to_string(Preset value);
std::string_view to_string(FenceClass value);

struct FailoverPolicy {
    Mode mode = Mode::kApprove;
    Preset preset = Preset::kBalanced;
    Duration cooldown = std::chrono::minutes(30);
    int max_per_day = 2;
    FenceClass fence = FenceClass::kActuated;  ///< The worst proof that automation accepts.
    std::optional<Duration> hold;              ///< Overrides the preset's hold-down.
    std::optional<Duration> max_loss;          ///< Overrides the RPO as the loss guard's bound.
    bool is_reprotected = true;  ///< The old primary becomes a standby again without an operator.
    bool is_frozen = false;      ///< `freeze: true`: nothing moves by itself.
};

/// The most of each that a plan may ask for.
inline constexpr int kMostInRow = 100;  ///< `rise`, `fall` and `fall_hard`.
inline constexpr int kMostSlow = 15;    ///< Of so many samples.
inline constexpr int kMostMovesPerDay = 100;

/// One probe: its type, the type's settings, and its timing.
struct Probe {
    std::string type;  ///< "tcp", "http", "postgres", "exec", …
    Node settings;     ///< The `probe:` map; the type's own key holds its main argument.
    Duration interval = std::chrono::seconds(1);
    Duration timeout = std::chrono::milliseconds(800);
    int rise = 2;       ///< Good samples in a row before up.
    int fall = 4;       ///< Silent samples in a row before down.
    int fall_hard = 2;  ///< Hard failures in a row before down.
    int slow = 10;      ///< Of the last kMostSlow samples, so many slow ones lower the weight.
    int attempts = 3;   ///< Within one sample, on a fresh connection each, silence only.
    Mark mark;
};

struct Capacity {
    int normal = 1;
    int standby = 1;
    int failover = 1;  ///< Wanted at the new site after a move; at least `normal` by default.
};

/// What a component says of one of its sites: the settings are the kind's.
struct SiteSettings {
    SiteId site;
    Node settings;
};

struct Component {
    ComponentId id;
    std::string kind;
    std::vector<ComponentId> needs;
    std::optional<Probe> probe;  ///< Overrides the kind's default probe.
    std::optional<Capacity> capacity;
    std::optional<Backup> backup;
    std::vector<SiteSettings> sites;
    Node settings;  ///< The whole component map; the kind reads its own keys.
    Mark mark;

    [[nodiscard]] const Node* at(const SiteId& site) const;  ///< nullptr: not at that site.
};

struct Service {
    ServiceId id;
    std::string owner;
    Impact impact;
    Objectives objectives;
    Strategy strategy = Strategy::kWarmStandby;
    SiteId primary;
    std::vector<SiteId> standby;
    std::vector<ServiceId> depends_on;
    FailoverPolicy failover;
    std::vector<Component> components;  ///< In file order.
    Mark mark;

    [[nodiscard]] const Component* find(const ComponentId& component) const;
};

/// One declared step; `with` are the action's parameters, `${…}` in its texts is filled at run
/// time.
struct Step {
    StepId id;
    std::string action;
    Node with;
    std::vector<StepId> needs;
    std::string when;                 ///< Empty: always. See workflow/condition.h.
    std::optional<Duration> timeout;  ///< Else the action's default.
    std::optional<int> attempts;
    std::optional<Duration> backoff;
    bool point_of_no_return = false;
    std::string phase;  ///< "fence", "promote", …: what the report counts it to.
    Mark mark;
};

/// A declared procedure. With `on`, it replaces (`failover`, `switchover`) the derived one of
/// `service`; without, it is run by hand.
struct Procedure {
    std::string name;
    std::string on;
    std::optional<ServiceId> service;
    std::map<std::string, std::string> parameters;  ///< Name to default.
    std::vector<Step> steps;
    Mark mark;
};

/// A record that never moves (name servers' addresses and the like).
struct DnsRecord {
    std::string name;
    std::string type;  ///< "A", "AAAA", "CNAME", "TXT".
    Duration ttl = std::chrono::hours(1);
    std::vector<std::string> answers;
};

struct DnsZone {
    std::string name;                       ///< "example.com"
    std::vector<std::string> name_servers;  ///< At least one.
    std::string contact = "hostmaster";
    std::vector<DnsRecord> records;
};

/// The embedded DNS server: where it listens and which zones it owns.
struct Dns {
    std::string listen = "127.0.0.1:5353";
    std::vector<DnsZone> zones;
};

/// A whole plan, checked.
struct Plan {
    int version = 1;
    std::string name;
    std::string digest;  ///< stable_hash of the source, hex: which plan a run started with.
    std::vector<Site> sites;
    std::vector<Service> services;
    std::vector<Procedure> procedures;
    std::optional<Dns> dns;
    std::vector<Repository> repositories;

    [[nodiscard]] const Site* find(const SiteId& site) const;
    [[nodiscard]] const Service* find(const ServiceId& service) const;
    [[nodiscard]] const Repository* find_repository(std::string_view repository) const;
    [[nodiscard]] const Procedure* find_procedure(std::string_view procedure) const;
};

}  // namespace muster::plan
