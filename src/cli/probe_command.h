#pragma once

#include <string>
#include <vector>

#include "cli/streams.h"
#include "plan/model.h"
#include "probe/probe.h"
#include "probe/verdict.h"

namespace muster::cli {

/// `muster probe PLAN COMPONENT`: runs the probes of one component by hand and tells the verdict
/// that the daemon would have after the same samples.
class ProbeCommand {
  public:
    struct Request {
        std::string component;  ///< "orders", or "shop/orders" where the name is not unique.
        int samples = 0;        ///< Of each target; 0: until its verdict is settled.
    };
    /// `settings` are those of the whole plan, as the component kinds give them.
    ProbeCommand(const plan::Plan& plan, std::vector<probe::Settings> settings,
                 const probe::Registry& registry, probe::Deps deps);

    /// All targets are probed side by side. kExitDone when every one is up, kExitFailed when one is
    /// not, kExitUsage for a component that the plan lacks or whose probe cannot be made.
    Task<int> run(Request request, Streams streams);

  private:
    struct Target;
    [[nodiscard]] Result<ComponentId> find(const std::string& name, ServiceId& service) const;
    Result<std::vector<Target>> make_targets(const Request& request) const;
    Task<> watch(Target* target, int samples);

    const plan::Plan& plan_;
    std::vector<probe::Settings> settings_;
    const probe::Registry& registry_;
    probe::Deps deps_;
};

}  // namespace muster::cli
