#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "component/component.h"
#include "component/kinds/postgres_server.h"

namespace muster::component {

/// What a postgres component answers: what to watch and what that means (postgres.cpp), and the
/// steps of a move (postgres_steps.cpp).
class PostgresComponent final : public Component {
  public:
    PostgresComponent(const plan::Service& service, plan::Component plan);

    [[nodiscard]] std::vector<probe::Settings> probes(const SiteId& primary) const override;
    [[nodiscard]] SiteReport assess(const SiteId& site, const SiteId& primary,
                                    const Verdicts& verdicts, Instant now) const override;
    [[nodiscard]] std::vector<PhaseStep> steps(const Move& move) const override;
    [[nodiscard]] std::optional<plan::Step> refuse(const SiteId& site, const SiteId& primary,
                                                   Epoch left) const override;
    [[nodiscard]] std::optional<plan::Step> examine(const SiteId& site) const override;
    [[nodiscard]] std::optional<plan::FenceClass> fence_class() const override;
    [[nodiscard]] bool is_stateful() const override { return true; }
    [[nodiscard]] std::optional<ReplicationView> replication(
        const SiteId& primary, const Verdicts& verdicts) const override;
    [[nodiscard]] Duration witness_silence() const override;

  private:
    using Servers = std::vector<postgres::Server>;
    using Targets = std::vector<probe::TargetId>;
    /// In the plan's order; none where it has none.
    [[nodiscard]] const Servers& servers_of(const SiteId& site) const;
    /// Theirs. Of a server that is alone at its site the instance is empty.
    [[nodiscard]] const Targets& targets(const SiteId& site) const;
    /// The target of the site's one server that is its primary, or was when last heard.
    [[nodiscard]] std::optional<probe::TargetId> primary_target(const SiteId& site,
                                                                const Verdicts& verdicts) const;
    [[nodiscard]] SiteReport assess_server(const probe::TargetId& target, const SiteId& primary,
                                           const Verdicts& verdicts, Instant now) const;
    [[nodiscard]] SiteReport without_primary(const SiteId& site, const Verdicts& verdicts) const;
    [[nodiscard]] std::string output(std::string_view step, std::string_view name) const {
        return "${steps." + plan_.id.str() + "." + std::string(step) + "." + std::string(name) +
               "}";
    }
    [[nodiscard]] bool was_in_sync(const Verdicts& verdicts, const SiteId& primary) const;

    /// The one of `servers` that step `by` names when it has run; the only one needs no name.
    [[nodiscard]] ServerGroup chosen(const Servers& servers, std::string_view by,
                                     std::string_view name = "name") const;
    [[nodiscard]] PhaseStep fence(const postgres::Server& old, const Servers* candidates,
                                  bool is_one_of_many) const;
    /// `old`: whose WAL tells what the promotion loses, where the run has a limit for that.
    [[nodiscard]] PhaseStep promote(const ServerGroup& to, std::string proof,
                                    std::string old_positions, const Servers* old) const;
    [[nodiscard]] PhaseStep keep(const postgres::Server& old, const ServerGroup& now,
                                 bool tolerates) const;
    [[nodiscard]] PhaseStep rebuild(const ServerGroup& servers, const ServerGroup& primary,
                                    std::string_view kept_by) const;
    [[nodiscard]] std::vector<PhaseStep> with_sample(std::vector<PhaseStep> steps,
                                                     const ServerGroup& now) const;
    [[nodiscard]] std::vector<PhaseStep> follow(const Move& move, const ServerGroup& now) const;
    [[nodiscard]] std::vector<PhaseStep> failover(const Move& move, const Servers& from,
                                                  const Servers& to) const;
    [[nodiscard]] std::vector<PhaseStep> switchover(const Move& move, const Servers& from,
                                                    const Servers& to) const;
    [[nodiscard]] std::vector<PhaseStep> rejoin(const Servers& primary,
                                                const Servers& servers) const;

    ServiceId service_;
    plan::Component plan_;
    std::vector<SiteId> may_take_over_;  ///< The service's sites.
    std::string sync_;                   ///< "off", "observed" or "managed".
    bool is_rpo_zero_ = false;
    bool is_watched_closely_ = false;  ///< Without a probe of the plan's own.
    /// Read from the plan once: every sample and every decision asks for them.
    std::map<SiteId, Servers> servers_;
    std::map<SiteId, Targets> targets_;
};

/// Who sees to synchronous replication: "off", "observed" or "managed".
std::string sync_mode(const plan::Service& service, const plan::Component& component);

/// True when muster itself can make sure that this server takes no more writes.
bool has_own_fence(const postgres::Server& server);

}  // namespace muster::component
