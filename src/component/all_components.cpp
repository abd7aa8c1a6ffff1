#include "component/all_components.h"

#include <algorithm>
#include <memory>

#include "component/kinds/custom.h"
#include "component/kinds/dns.h"
#include "component/kinds/postgres.h"
#include "component/kinds/servers.h"
#include "component/wait_action.h"

namespace muster::component {

const std::vector<Kind>& all_kinds() {
    static const std::vector<Kind> kKinds = {custom_kind(), dns_kind(), postgres_kind(),
                                             servers_kind()};
    return kKinds;
}

Result<std::unique_ptr<Component>> make_component(const plan::Service& service,
                                                  const plan::Component& component) {
    const auto& kinds = all_kinds();
    const auto kind = std::ranges::find(kinds, component.kind, &Kind::name);
    if (kind == kinds.end()) {
        return Error(Errc::kInvalid,
                     component.id.str() + " has the unknown kind `" + component.kind + "`",
                     "write one of custom, dns, postgres, servers");
    }
    return kind->make(service, component).with("service " + service.id.str());
}

void add_kinds(plan::Vocabulary& vocabulary) {
    for (const auto& kind : all_kinds()) {
        vocabulary.kinds[kind.name] = kind.settings;
        if (kind.has_sites) {
            vocabulary.site_settings[kind.name] = kind.site_settings;
        }
        if (kind.has_default_probe) {
            vocabulary.kinds_with_default_probe.insert(kind.name);
        }
    }
}

std::vector<plan::Diagnostic> check_components(const plan::Plan& plan) {
    std::vector<plan::Diagnostic> found;
    for (const auto& service : plan.services) {
        for (const auto& component : service.components) {
            if (const auto made = make_component(service, component); !made) {
                found.push_back({plan::Diagnostic::Severity::kError, component.mark,
                                 made.error().message(), made.error().hint()});
            }
        }
    }
    return found;
}

void add_component_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add(std::string(WaitAction::kType), WaitAction::parameters(),
                std::make_unique<WaitAction>(deps));
    for (const auto& kind : all_kinds()) {
        kind.add_actions(actions, deps);
    }
}

}  // namespace muster::component
