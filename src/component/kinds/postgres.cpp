#include "component/kinds/postgres.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "component/kinds/postgres_actions.h"
#include "component/kinds/postgres_server.h"
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

class PostgresComponent final : public Component {
  public:
    PostgresComponent(ServiceId service, plan::Component plan)
        : service_(std::move(service)), plan_(std::move(plan)) {}

    [[nodiscard]] std::vector<probe::Settings> probes(const SiteId& primary) const override;
    [[nodiscard]] SiteReport assess(const SiteId& site, const SiteId& primary,
                                    const Verdicts& verdicts, Instant now) const override;
    [[nodiscard]] std::vector<PhaseStep> steps(const Move& move) const override;
    [[nodiscard]] std::optional<plan::FenceClass> fence_class() const override;
    [[nodiscard]] bool is_stateful() const override { return true; }

  private:
    [[nodiscard]] probe::TargetId target(const SiteId& site) const {
        return {service_, plan_.id, site, ""};
    }
    [[nodiscard]] std::string output(std::string_view step, std::string_view name) const {
        return "${steps." + plan_.id.str() + "." + std::string(step) + "." + std::string(name) +
               "}";
    }
    [[nodiscard]] bool was_in_sync(const Verdicts& verdicts, const SiteId& primary) const;
    [[nodiscard]] std::string keep_directory(const postgres::Server& server) const;
    [[nodiscard]] PhaseStep fence(const postgres::Server& old,
                                  const postgres::Server* candidate) const;
    [[nodiscard]] PhaseStep promote(const postgres::Server& server, std::string_view after) const;
    [[nodiscard]] PhaseStep keep(const postgres::Server& old, const postgres::Server& now,
                                 bool tolerates) const;
    [[nodiscard]] PhaseStep rebuild(const postgres::Server& server, const postgres::Server& primary,
                                    std::string_view kept_by) const;
    [[nodiscard]] std::vector<PhaseStep> failover(const postgres::Server& from,
                                                  const postgres::Server& to) const;
    [[nodiscard]] std::vector<PhaseStep> switchover(const postgres::Server& from,
                                                    const postgres::Server& to) const;
    [[nodiscard]] std::vector<PhaseStep> rejoin(const postgres::Server& primary,
                                                const postgres::Server& server) const;

    ServiceId service_;
    plan::Component plan_;
};

PhaseStep make_step(Phase phase, std::string_view name, std::string_view action) {
    PhaseStep made;
    made.phase = phase;
    made.step.id = StepId(std::string(name));
    made.step.action = std::string(action);
    return made;
}

bool has_own_fence(const postgres::Server& server) {
    return !server.data.empty() || !server.fence_command.empty();
}

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

std::string PostgresComponent::keep_directory(const postgres::Server& server) const {
    const std::string declared = plan_.settings.text("keep");
    return declared.empty() ? server.data + "-divergence" : declared;
}

PhaseStep PostgresComponent::fence(const postgres::Server& old,
                                   const postgres::Server* candidate) const {
    if (!has_own_fence(old)) {
        // Nothing of ours can prove it: a person must, and the run waits for that word.
        PhaseStep ask = make_step(Phase::kFence, "fence", "approve");
        ask.step.with =
            std::move(Parameters().text("message", "make sure that PostgreSQL of " +
                                                       plan_.id.str() + " at " + old.site.str() +
                                                       " takes no more writes and stays stopped; "
                                                       "approve only when that is certain"))
                .build();
        return ask;
    }
    PhaseStep made = make_step(Phase::kFence, "fence", "postgres.fence");
    Parameters with;
    with.node("server", to_node(old));
    if (candidate != nullptr) {
        with.node("candidate", to_node(*candidate));
    }
    // Filled in when a person started the move and vouched for what can't be asked.
    with.text("mode", "immediate").text("vouched_by", "${parameters.fence_vouched_by:-}");
    made.step.with = std::move(with).build();
    made.step.timeout = std::chrono::seconds(15);
    return made;
}

PhaseStep PostgresComponent::promote(const postgres::Server& server, std::string_view after) const {
    PhaseStep made = make_step(Phase::kPromote, "promote", "postgres.promote");
    Parameters with;
    with.node("server", to_node(server));
    if (after.empty()) {
        with.text("proof", "a person approved step " + plan_.id.str() + ".fence");
    } else {
        with.text("proof", output(after, "proof"));
        with.text("old_position", output(after, "position_lsn:-"));
    }
    made.step.with = std::move(with).build();
    made.step.timeout = std::chrono::seconds(60);
    made.step.point_of_no_return = true;
    return made;
}

PhaseStep PostgresComponent::keep(const postgres::Server& old, const postgres::Server& now,
                                  bool tolerates) const {
    PhaseStep made = make_step(Phase::kRelease, "keep", "postgres.keep_divergence");
    Parameters with;
    with.node("old", to_node(old)).node("new", to_node(now)).text("keep", keep_directory(old));
    made.step.with = std::move(with.flag("tolerate_unreachable", tolerates)).build();
    made.step.timeout = std::chrono::minutes(5);
    return made;
}

PhaseStep PostgresComponent::rebuild(const postgres::Server& server,
                                     const postgres::Server& primary,
                                     std::string_view kept_by) const {
    PhaseStep made = make_step(Phase::kRebuild, "rebuild", "postgres.rebuild");
    Parameters with;
    with.node("server", to_node(server))
        .node("primary", to_node(primary))
        .text("kept", output(kept_by, "kept"))
        .text("how", plan_.settings.text("rebuild", "basebackup"));
    made.step.with = std::move(with).build();
    made.step.timeout = std::chrono::hours(6);
    made.step.point_of_no_return = true;
    return made;
}

PhaseStep verify(const postgres::Server& server) {
    PhaseStep made = make_step(Phase::kVerify, "verify", "postgres.verify");
    made.step.with = std::move(Parameters().node("server", to_node(server))).build();
    made.step.timeout = std::chrono::seconds(10);
    return made;
}

std::vector<PhaseStep> PostgresComponent::failover(const postgres::Server& from,
                                                   const postgres::Server& to) const {
    std::vector<PhaseStep> steps;
    steps.push_back(fence(from, &to));
    steps.push_back(promote(to, has_own_fence(from) ? "fence" : ""));
    steps.push_back(verify(to));
    if (!from.data.empty()) {
        steps.push_back(keep(from, to, true));
    }
    return steps;
}

std::vector<PhaseStep> PostgresComponent::switchover(const postgres::Server& from,
                                                     const postgres::Server& to) const {
    std::vector<PhaseStep> steps;
    PhaseStep ready = make_step(Phase::kPrepare, "prepare", "postgres.check_ready");
    ready.step.with =
        std::move(Parameters().node("standby", to_node(to)).node("primary", to_node(from))).build();
    ready.step.timeout = std::chrono::seconds(10);
    steps.push_back(std::move(ready));
    if (from.data.empty()) {
        return steps;  // Without its host, a primary can't be stopped without loss.
    }
    PhaseStep demote = make_step(Phase::kFence, "demote", "postgres.demote");
    demote.step.with =
        std::move(Parameters().node("server", to_node(from)).node("candidate", to_node(to)))
            .build();
    demote.step.timeout = std::chrono::minutes(1);
    steps.push_back(std::move(demote));
    PhaseStep await = make_step(Phase::kPromote, "await", "postgres.await");
    await.step.with = std::move(Parameters()
                                    .node("standby", to_node(to))
                                    .text("position", output("demote", "position_lsn")))
                          .build();
    await.step.timeout = std::chrono::minutes(1);
    steps.push_back(std::move(await));
    steps.push_back(promote(to, "demote"));
    steps.back().step.needs.emplace_back("await");
    steps.push_back(verify(to));
    steps.push_back(rebuild(from, to, "await"));
    return steps;
}

std::vector<PhaseStep> PostgresComponent::rejoin(const postgres::Server& primary,
                                                 const postgres::Server& server) const {
    if (server.data.empty()) {
        return {};
    }
    std::vector<PhaseStep> steps;
    steps.push_back(fence(server, nullptr));
    steps.push_back(keep(server, primary, false));
    steps.push_back(rebuild(server, primary, "keep"));
    PhaseStep ready = make_step(Phase::kRebuild, "ready", "postgres.check_ready");
    ready.step.with =
        std::move(Parameters().node("standby", to_node(server)).node("primary", to_node(primary)))
            .build();
    ready.step.needs.emplace_back("rebuild");
    ready.step.timeout = std::chrono::seconds(10);
    steps.push_back(std::move(ready));
    return steps;
}

std::vector<PhaseStep> PostgresComponent::steps(const Move& move) const {
    const auto from = server_at(plan_, move.from);
    const auto to = server_at(plan_, move.to);
    if (!from || !to) {
        return {};
    }
    switch (move.kind) {
        case Move::Kind::kFailover:
            return failover(*from, *to);
        case Move::Kind::kSwitchover:
            return switchover(*from, *to);
        case Move::Kind::kRebuild:
            return rejoin(*from, *to);
    }
    return {};
}

std::optional<plan::FenceClass> PostgresComponent::fence_class() const {
    const bool is_actuated = std::ranges::all_of(plan_.sites, [this](const auto& at) {
        const auto server = server_at(plan_, at.site);
        return server && has_own_fence(*server);
    });
    return is_actuated ? plan::FenceClass::kActuated : plan::FenceClass::kAdvisory;
}

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
