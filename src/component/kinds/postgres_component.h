#pragma once

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

/// True when muster itself can make sure that this server takes no more writes.
bool has_own_fence(const postgres::Server& server);

}  // namespace muster::component
