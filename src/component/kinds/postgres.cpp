#include "component/kinds/postgres.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "component/kinds/facts.h"
#include "component/kinds/postgres_actions.h"
#include "component/kinds/postgres_component.h"
#include "component/kinds/postgres_trouble.h"
#include "component/parameters.h"
#include "plan/scalar.h"
#include "postgres/lines.h"

namespace muster::component {
namespace {

// A standby whose walreceiver heard of the primary within this time sees it (pg-failover: the
// default wal_sender keepalive comes every half of wal_receiver_timeout, data far more often).
constexpr double kSeesWithinMs = 3000;

// How old the primary's word on synchronous replication may be.
constexpr Duration kSyncWordLasts = std::chrono::seconds(5);

// The RPO of this moment is the age of the newest beat that was seen at the standby: late by one
// beat and one look at most. Half a second of error is too much for some.
constexpr Duration kCloseRpo = std::chrono::seconds(2);
constexpr Duration kCloseBeat = std::chrono::milliseconds(250);
constexpr Duration kCloseLook = std::chrono::milliseconds(125);

std::optional<std::int64_t> whole(const probe::Verdict& verdict, const std::string& name) {
    return postgres::number_in<std::int64_t>(fact(verdict, name));
}

/// When the newest heartbeat that arrived at this standby was written, on this node's clock.
std::optional<Instant> heartbeat_at(const probe::Verdict& verdict) {
    if (const auto at = whole(verdict, "heartbeat_at_ns")) {
        return Instant(Duration(*at));
    }
    if (const auto age = plan::to_number(fact(verdict, "heartbeat_age_ms"))) {
        return verdict.facts_at - std::chrono::duration_cast<Duration>(
                                      std::chrono::duration<double, std::milli>(*age));
    }
    return std::nullopt;
}

// A slot keeps WAL for a standby that is away until the disk is full, or until it is given up.
std::vector<std::string> slot_warnings(const probe::Verdict& verdict) {
    constexpr std::int64_t kMuch = std::int64_t{1} << 30;
    std::vector<std::string> warnings;
    if (const auto lost = fact(verdict, "slots_lost"); !lost.empty()) {
        warnings.push_back("slot " + lost +
                           " was given up (max_slot_wal_keep_size): what streamed "
                           "through it must be rebuilt");
    }
    const auto held = whole(verdict, "slots_idle_bytes").value_or(0);
    if (held >= kMuch) {
        warnings.push_back("idle slot " + fact(verdict, "slots_idle") + " keeps " +
                           human_size(ByteCount{held}) +
                           " of WAL: bring its standby back or drop it");
    }
    return warnings;
}

/// What all servers of a site add to the report of the one that stands for it.
struct Others {
    int healthy = 0;
    bool has_writer = false;
    std::vector<std::string> warnings;

    void add(const std::string& name, const SiteReport& report) {
        healthy += report.healthy;
        has_writer |= report.is_writable;
        warnings.insert(warnings.end(), report.warnings.begin(), report.warnings.end());
        if (report.health == probe::Health::kDown || !report.trouble.empty()) {
            const auto& why = report.trouble.empty() ? report.detail : report.trouble;
            warnings.push_back(why.starts_with(name) ? why : name + ": " + why);
        }
    }
};

}  // namespace

const PostgresComponent::Servers& PostgresComponent::servers_of(const SiteId& site) const {
    static const Servers kNone;
    const auto found = servers_.find(site);
    return found == servers_.end() ? kNone : found->second;
}

const PostgresComponent::Targets& PostgresComponent::targets(const SiteId& site) const {
    static const Targets kNone;
    const auto found = targets_.find(site);
    return found == targets_.end() ? kNone : found->second;
}

PostgresComponent::PostgresComponent(const plan::Service& service, plan::Component plan)
    : service_(service.id),
      plan_(std::move(plan)),
      may_take_over_(service.standby),
      sync_(sync_mode(service, plan_)),
      is_rpo_zero_(service.objectives.rpo == Duration{}),
      is_watched_closely_(service.failover.preset == plan::Preset::kFast ||
                          service.objectives.rpo < kCloseRpo) {
    may_take_over_.insert(may_take_over_.begin(), service.primary);
    // The servers of its steps tell by this entry whether muster owns their setting.
    std::erase_if(plan_.settings.entries, [](const auto& entry) { return entry.key == "sync"; });
    plan_.settings.kind = plan::Node::Kind::kMap;
    plan_.settings.entries.push_back({"sync", {}, text_node(sync_)});
    for (const auto& at : plan_.sites) {
        const auto& all = servers_[at.site] = servers_at(plan_, at.site);
        for (const auto& server : all) {
            targets_[at.site].push_back(
                {service_, plan_.id, at.site, all.size() > 1 ? server.name : ""});
        }
    }
}

Duration PostgresComponent::witness_silence() const {
    return std::chrono::milliseconds(plan_.sites.size() > 1 ? static_cast<int>(kSeesWithinMs) : 0);
}

std::vector<probe::Settings> PostgresComponent::probes(const SiteId& primary) const {
    std::vector<probe::Settings> all;
    for (const auto& at : plan_.sites) {
        const auto& servers = servers_of(at.site);
        const auto& watched = targets(at.site);
        // Which of several is the primary shows only in their answers.
        const std::string primary_role = servers.size() > 1 ? "" : "primary";
        for (std::size_t i = 0; i < servers.size(); ++i) {
            const auto& server = servers[i];
            probe::Settings settings;
            settings.plan = plan_.probe.value_or(plan::Probe{});
            if (settings.plan.type.empty()) {
                settings.plan.type = "postgres";
                settings.plan.settings =
                    std::move(Parameters().text("postgres", "{conninfo}")).build();
            }
            if (!plan_.probe && is_watched_closely_) {
                settings.plan.interval = at.site == primary ? kCloseBeat : kCloseLook;
            }
            settings.target = watched[i];
            settings.variables = {{"service", service_.str()},
                                  {"component", plan_.id.str()},
                                  {"site", at.site.str()},
                                  {"expect_role", at.site == primary ? primary_role : "standby"},
                                  {"conninfo", server.conninfo},
                                  {"data", server.data},
                                  {"ssh", server.ssh},
                                  {"run_as", server.run_as},
                                  {"bin", server.bin}};
            all.push_back(std::move(settings));
        }
    }
    return all;
}

SiteReport PostgresComponent::assess_server(const probe::TargetId& target, const SiteId& primary,
                                            const Verdicts& verdicts, Instant now) const {
    SiteReport report = report_of(target, verdicts);
    const auto found = verdicts.find(target);
    if (found == verdicts.end()) {
        return report;
    }
    const probe::Verdict& verdict = found->second;
    if (has_current_facts(verdict)) {
        report.warnings = slot_warnings(verdict);
    }
    if (target.site == primary) {
        return report;
    }
    if (const auto bytes = whole(verdict, "lag_bytes")) {
        report.lag_bytes = ByteCount{*bytes};
    }
    report.data_as_of = heartbeat_at(verdict);
    report.is_in_sync = sync_ == "observed" && was_in_sync(verdicts, primary);
    if (report.data_as_of) {
        report.lag = std::max(Duration::zero(), now - *report.data_as_of);
    }
    if (const std::string streaming = fact(verdict, "streaming"); !streaming.empty()) {
        const auto age = plan::to_number(fact(verdict, "last_msg_age_ms"));
        report.sees_primary = streaming == "true" && age && *age < kSeesWithinMs;
        report.sees_primary_at = verdict.facts_at;
    }
    if (const auto serving = primary_target(primary, verdicts)) {
        const auto& source = verdicts.at(*serving);
        report.trouble = standby_trouble(target, verdict, source);
        if (has_forked(verdict, source)) {
            report.health = probe::Health::kDown;
            report.evidence = probe::Evidence::kHard;
            report.detail = report.trouble;
        }
    }
    return report;
}

std::optional<probe::TargetId> PostgresComponent::primary_target(const SiteId& site,
                                                                 const Verdicts& verdicts) const {
    const auto& watched = targets(site);
    if (watched.size() == 1) {
        return verdicts.contains(watched.front()) ? std::optional(watched.front()) : std::nullopt;
    }
    std::optional<probe::TargetId> last;
    for (const auto& target : watched) {
        const auto found = verdicts.find(target);
        if (found == verdicts.end() || fact(found->second, "role") != "primary") {
            continue;
        }
        if (!last || verdicts.at(*last).facts_at < found->second.facts_at) {
            last = target;
        }
    }
    return last;
}

// Several servers and no primary among them: the site is down for sure once all have spoken.
SiteReport PostgresComponent::without_primary(const SiteId& site, const Verdicts& verdicts) const {
    SiteReport report;
    report.site = site;
    report.health = probe::Health::kDown;
    report.evidence = probe::Evidence::kHard;
    report.detail = "none of its servers is the primary";
    for (const auto& target : targets(site)) {
        const auto found = verdicts.find(target);
        ++report.wanted;
        if (found == verdicts.end() || found->second.health == probe::Health::kUnknown) {
            report.health = probe::Health::kUnknown;
            report.detail = "not all of its servers were heard yet";
            continue;
        }
        const auto& verdict = found->second;
        report.sampled = std::max(report.sampled, verdict.sampled);
        report.since = std::max(report.since, verdict.since);
        if (verdict.health == probe::Health::kDown &&
            verdict.evidence == probe::Evidence::kSilence) {
            report.evidence = probe::Evidence::kSilence;
            report.detail = target.instance + ": " + verdict.detail;
        }
    }
    return report;
}

SiteReport PostgresComponent::assess(const SiteId& site, const SiteId& primary,
                                     const Verdicts& verdicts, Instant now) const {
    const auto& watched = targets(site);
    if (watched.size() == 1) {
        return assess_server(watched.front(), primary, verdicts, now);
    }
    const auto serving = site == primary ? primary_target(site, verdicts) : std::nullopt;
    if (site == primary && !serving) {
        return without_primary(site, verdicts);
    }
    // At a standby site the one that has most: it is the one that would be promoted.
    const auto rank = [](const SiteReport& one) {
        return std::pair(one.health == probe::Health::kUp, one.data_as_of);
    };
    std::optional<SiteReport> best;
    Others others;
    for (const auto& target : watched) {
        auto report = assess_server(target, primary, verdicts, now);
        report.detail = target.instance + (report.detail.empty() ? "" : ": " + report.detail);
        others.add(target.instance, report);
        if (serving ? target == *serving : !best || rank(report) > rank(*best)) {
            best = std::move(report);
        }
    }
    best->healthy = others.healthy;
    best->wanted = static_cast<int>(watched.size());
    best->is_writable |= others.has_writer;
    best->warnings = std::move(others.warnings);
    return *best;
}

/// The primary's last word on whether its commits waited for a standby. While it lives that word
/// must be new; after that, no commit can have been acknowledged without the standby.
bool PostgresComponent::was_in_sync(const Verdicts& verdicts, const SiteId& primary) const {
    const auto target = primary_target(primary, verdicts);
    if (!target) {
        return false;
    }
    const probe::Verdict& verdict = verdicts.at(*target);
    const std::string state = fact(verdict, "sync_state");
    const Instant from = verdict.health == probe::Health::kDown ? verdict.since : verdict.sampled;
    return (state == "sync" || state == "quorum") && verdict.facts_at + kSyncWordLasts >= from;
}

std::optional<plan::FenceClass> PostgresComponent::fence_class() const {
    const bool is_actuated = std::ranges::all_of(all_servers(plan_), has_own_fence);
    return is_actuated ? plan::FenceClass::kActuated : plan::FenceClass::kAdvisory;
}

namespace {

Result<> check_sample(const plan::Component& component) {
    const auto* sample = component.settings.find("acknowledged");
    if (sample == nullptr) {
        return {};
    }
    const auto program = sample->texts("exec");
    if (sample->text("file").empty() == (program.empty() || program.front().empty())) {
        return Error(Errc::kInvalid,
                     component.id.str() + ": `acknowledged` needs either `file` or `exec`",
                     "say where the application leaves its ids, or which program prints them");
    }
    if (sample->text("query").find("$1") == std::string::npos) {
        return Error(Errc::kInvalid,
                     component.id.str() +
                         ": the `query` of `acknowledged` asks for no ids: "
                         "it has no $1",
                     "write it as SELECT id FROM orders WHERE id = ANY($1)");
    }
    return {};
}

Result<std::unique_ptr<Component>> make_postgres(const plan::Service& service,
                                                 const plan::Component& component) {
    TRY_OK(check_servers(component));
    TRY_OK(check_sample(component));
    if (!component.settings.text("degrade").empty() && sync_mode(service, component) != "managed") {
        return Error(Errc::kInvalid,
                     component.id.str() +
                         ": `degrade` does nothing here: muster does not manage "
                         "whether commits wait",
                     "write sync: managed beside it, or leave it out");
    }
    return std::make_unique<PostgresComponent>(service, component);
}

plan::Type degrade_type() {
    auto type = plan::Type::text(
        "sync: managed: how long commits wait for a lost standby before they go on without: a "
        "duration, or never");
    type.pattern = "never|" + std::string(plan::kDurationPattern);
    return type;
}

plan::Type acknowledged_type() {
    using plan::Type;
    return Type::object(
        {{"file",
          Type::text("where the application leaves the ids that were acknowledged to it, "
                     "one on each line, newest last; on muster's host"),
          false, ""},
         {"exec", Type::list(Type::text("word"), "a program that prints them instead"), false, ""},
         {"query",
          Type::text("finds ids at the database: $1 is an array of them, such as "
                     "SELECT id FROM orders WHERE id = ANY($1)"),
          true, ""}},
        "the application's own acknowledgements, checked after a move");
}

plan::Type settings() {
    using plan::Type;
    return Type::object(
        {{"keep",
          Type::text("directory on each host for the WAL that only a lost primary had; the run's "
                     "id is added"),
          false, "DATA-divergence"},
         {"sync",
          Type::one_of({"off", "observed", "managed", "true", "false"},
                       "who makes commits wait for a standby: nobody, someone else (observed, "
                       "true), or muster"),
          false, "managed with an rpo of 0s, else off"},
         {"degrade", degrade_type(), false, "never with an rpo of 0s, else 10s"},
         {"acknowledged", acknowledged_type(), false, ""},
         {"rebuild",
          Type::one_of({"auto", "rewind", "basebackup"},
                       "how an old primary is made a standby again: pg_rewind where that is "
                       "possible, else a fresh base backup; or only one of the two"),
          false, "auto"}},
        "a PostgreSQL primary with a physical streaming standby at each other site");
}

}  // namespace

Kind postgres_kind() {
    return {"postgres", settings(), postgres_site_type(), &make_postgres, &add_postgres_actions,
            true,       true};
}

}  // namespace muster::component
