#include "plan/model.h"

#include <algorithm>

namespace muster::plan {
namespace {

template <class T, class Key>
const T* find_by(const std::vector<T>& all, const Key& key, Key T::* member) {
    const auto found = std::ranges::find(all, key, member);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_string(Strategy value) {
    switch (value) {
        case Strategy::kBackupRestore:
            return "backup-restore";
        case Strategy::kPilotLight:
            return "pilot-light";
        case Strategy::kWarmStandby:
            return "warm-standby";
        case Strategy::kMultiSite:
            return "multi-site";
    }
    return "warm-standby";
}

std::string_view to_string(Mode value) {
    switch (value) {
        case Mode::kObserve:
            return "observe";
        case Mode::kApprove:
            return "approve";
        case Mode::kAutomatic:
            return "automatic";
    }
    return "approve";
}

std::string_view to_string(Preset value) {
    switch (value) {
        case Preset::kFast:
            return "fast";
        case Preset::kBalanced:
            return "balanced";
        case Preset::kCareful:
            return "careful";
        case Preset::kManual:
            return "manual";
    }
    return "balanced";
}

std::string_view to_string(FenceClass value) {
    switch (value) {
        case FenceClass::kAdvisory:
            return "advisory";
        case FenceClass::kLease:
            return "lease";
        case FenceClass::kActuated:
            return "actuated";
        case FenceClass::kEnforced:
            return "enforced";
    }
    return "actuated";
}

const Node* Component::at(const SiteId& site) const {
    const auto* const found = find_by(sites, site, &SiteSettings::site);
    return found == nullptr ? nullptr : &found->settings;
}

const Component* Service::find(const ComponentId& component) const {
    return find_by(components, component, &Component::id);
}

const Site* Plan::find(const SiteId& site) const {
    return find_by(sites, site, &Site::id);
}

const Service* Plan::find(const ServiceId& service) const {
    return find_by(services, service, &Service::id);
}

const Repository* Plan::find_repository(std::string_view repository) const {
    return find_by(repositories, std::string(repository), &Repository::name);
}

const Procedure* Plan::find_procedure(std::string_view procedure) const {
    return find_by(procedures, std::string(procedure), &Procedure::name);
}

}  // namespace muster::plan
