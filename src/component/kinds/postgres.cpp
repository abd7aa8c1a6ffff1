#include "component/kinds/postgres.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "component/kinds/postgres_actions.h"
#include "component/kinds/postgres_component.h"
#include "component/parameters.h"

namespace muster::component {
namespace {

// A standby whose walreceiver heard of the primary within this time sees it (pg-failover: the
// default wal_sender keepalive comes every half of wal_receiver_timeout, data far more often).
constexpr double kSeesWithinMs = 3000;

// How old the primary's word on synchronous replication may be.
constexpr Duration kSyncWordLasts = std::chrono::seconds(5);

std::optional<double> number(const Fields& facts, const std::string& name) {
    const auto found = facts.find(name);
    double value = 0;
    if (found == facts.end()) {
        return std::nullopt;
    }
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

std::optional<std::int64_t> whole(const Fields& facts, const std::string& name) {
    const auto found = facts.find(name);
    std::int64_t value = 0;
    if (found == facts.end()) {
        return std::nullopt;
    }
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

std::string fact(const Fields& facts, const std::string& name) {
    const auto found = facts.find(name);
    return found == facts.end() ? std::string() : found->second;
}

/// When the newest heartbeat that arrived at this standby was written, on this node's clock.
std::optional<Instant> heartbeat_at(const probe::Verdict& verdict) {
    if (const auto at = whole(verdict.facts, "heartbeat_at_ns")) {
        return Instant(Duration(*at));
    }
    if (const auto age = number(verdict.facts, "heartbeat_age_ms")) {
        return verdict.facts_at - std::chrono::duration_cast<Duration>(
                                      std::chrono::duration<double, std::milli>(*age));
    }
    return std::nullopt;
}

}  // namespace

std::vector<probe::Settings> PostgresComponent::probes(const SiteId& primary) const {
    std::vector<probe::Settings> all;
    for (const auto& at : plan_.sites) {
        const auto server = server_at(plan_, at.site);
        probe::Settings settings;
        settings.plan = plan_.probe.value_or(plan::Probe{});
        if (settings.plan.type.empty()) {
            settings.plan.type = "postgres";
            settings.plan.settings = std::move(Parameters().text("postgres", "{conninfo}")).build();
        }
        settings.target = target(at.site);
        settings.variables = {{"service", service_.str()},
                              {"component", plan_.id.str()},
                              {"site", at.site.str()},
                              {"expect_role", at.site == primary ? "primary" : "standby"},
                              {"conninfo", server->conninfo},
                              {"data", server->data},
                              {"ssh", server->ssh},
                              {"run_as", server->run_as},
                              {"bin", server->bin}};
        all.push_back(std::move(settings));
    }
    return all;
}

SiteReport PostgresComponent::assess(const SiteId& site, const SiteId& primary,
                                     const Verdicts& verdicts, Instant now) const {
    SiteReport report;
    report.site = site;
    report.wanted = 1;
    const auto found = verdicts.find(target(site));
    if (found == verdicts.end()) {
        report.detail = "not watched yet";
        return report;
    }
    const probe::Verdict& verdict = found->second;
    const Fields& facts = verdict.facts;
    // Facts that are older than the newest sample say what was, not what is.
    const bool is_current = verdict.facts_at == verdict.sampled && !facts.empty();
    report.health = verdict.health;
    report.evidence = verdict.evidence;
    report.detail = verdict.detail;
    report.healthy = verdict.health == probe::Health::kUp ? 1 : 0;
    report.role = fact(facts, "role");
    report.is_writable = is_current && fact(facts, "writable") == "true";
    report.is_confirmed_stopped = is_current && fact(facts, "process") == "stopped";
    if (site == primary) {
        return report;
    }
    if (const auto bytes = whole(facts, "lag_bytes")) {
        report.lag_bytes = ByteCount{*bytes};
    }
    report.data_as_of = heartbeat_at(verdict);
    report.is_in_sync = plan_.settings.flag("sync", false) && was_in_sync(verdicts, primary);
    if (report.data_as_of) {
        report.lag = std::max(Duration::zero(), now - *report.data_as_of);
    }
    if (const std::string streaming = fact(facts, "streaming"); !streaming.empty()) {
        const auto age = number(facts, "last_msg_age_ms");
        report.sees_primary = streaming == "true" && age && *age < kSeesWithinMs;
        report.sees_primary_at = verdict.facts_at;
    }
    return report;
}

/// The primary's last word on whether its commits waited for a standby. While it lives that word
/// must be new; after that, no commit can have been acknowledged without the standby.
bool PostgresComponent::was_in_sync(const Verdicts& verdicts, const SiteId& primary) const {
    const auto found = verdicts.find(target(primary));
    if (found == verdicts.end()) {
        return false;
    }
    const probe::Verdict& verdict = found->second;
    const std::string state = fact(verdict.facts, "sync_state");
    const Instant from = verdict.health == probe::Health::kDown ? verdict.since : verdict.sampled;
    return (state == "sync" || state == "quorum") && verdict.facts_at + kSyncWordLasts >= from;
}

std::optional<plan::FenceClass> PostgresComponent::fence_class() const {
    const bool is_actuated = std::ranges::all_of(plan_.sites, [this](const auto& at) {
        const auto server = server_at(plan_, at.site);
        return server && has_own_fence(*server);
    });
    return is_actuated ? plan::FenceClass::kActuated : plan::FenceClass::kAdvisory;
}

namespace {

Result<std::unique_ptr<Component>> make_postgres(const plan::Service& service,
                                                 const plan::Component& component) {
    for (const auto& at : component.sites) {
        const std::string where = component.id.str() + " at " + at.site.str();
        const std::string conninfo = at.settings.text("conninfo");
        if (conninfo.empty()) {
            return Error(Errc::kInvalid, where + " has no `conninfo`",
                         "write how libpq reaches it: conninfo: \"host=10.0.1.5 dbname=orders\"");
        }
        if (has_password(conninfo) || has_password(at.settings.text("replication_conninfo"))) {
            return Error(Errc::kInvalid, where + " has a password in its conninfo",
                         "steps are journalled and printed: use passfile=… or ~/.pgpass instead");
        }
    }
    return std::make_unique<PostgresComponent>(service.id, component);
}

plan::Type settings() {
    using plan::Type;
    return Type::object(
        {{"keep",
          Type::text("directory on each host for the WAL that only a lost primary had; the run's "
                     "id is added"),
          false, "DATA-divergence"},
         {"sync",
          Type::boolean("commits wait for a standby (synchronous_standby_names is set): the loss "
                        "counts as zero while the primary confirms it"),
          false, "false"},
         {"rebuild", Type::one_of({"basebackup"}, "how an old primary is made a standby again"),
          false, "basebackup"}},
        "a PostgreSQL primary with a physical streaming standby at each other site");
}

}  // namespace

Kind postgres_kind() {
    return {"postgres", settings(), postgres_site_type(), &make_postgres, &add_postgres_actions,
            true,       true};
}

}  // namespace muster::component
