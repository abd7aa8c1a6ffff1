// Rules of meaning of a service's components: order, places, probes, capacity.

#include <algorithm>

#include "plan/cycles.h"
#include "plan/meaning.h"
#include "plan/nearest.h"

namespace muster::plan {
namespace {

constexpr Duration kShortestSilence = std::chrono::seconds(2);

struct Part {
    const Subject& subject;
    const Service& service;
    const Component& component;
    const Node& node;

    [[nodiscard]] std::string name() const { return service.id.str() + "." + component.id.str(); }
};

/// A map whose names are sites: each must exist, and the service's own must all be there.
void check_site_map(const Part& part, const std::string& key, Findings& findings) {
    const Node* const map = part.node.find(key);
    if (map == nullptr || !map->is_map()) {
        return;
    }
    const auto& names = part.subject.sites.known;
    for (const auto& entry : map->entries) {
        const Site* const site = part.subject.plan.find(SiteId(entry.key));
        if (site == nullptr) {
            findings.error(entry.key_mark,
                           "unknown site " + quote(entry.key) + " in " + part.name(),
                           suggest(entry.key, {names.begin(), names.end()}));
        } else if (site->is_arbiter) {
            findings.error(
                entry.key_mark,
                "site " + quote(entry.key) + " is an arbiter: it can't run " + part.name(),
                "name another site, or remove its `role: arbiter`");
        }
    }
    std::vector<SiteId> wanted = part.service.standby;
    wanted.insert(wanted.begin(), part.service.primary);
    for (const auto& site : wanted) {
        if (part.subject.plan.find(site) != nullptr && map->find(site.str()) == nullptr) {
            const bool is_primary = site == part.service.primary;
            findings.error(map->mark,
                           part.name() + " is not declared at " + site.str() + ", the " +
                               (is_primary ? "primary" : "standby") + " site of " +
                               part.service.id.str(),
                           "add `" + site.str() + ":` under `" + key + ":`");
        }
    }
}

void check_where(const Part& part, Findings& findings) {
    const auto kind = part.subject.vocabulary.kinds.find(part.component.kind);
    if (kind == part.subject.vocabulary.kinds.end()) {
        return;
    }
    if (part.subject.vocabulary.site_settings.contains(part.component.kind)) {
        check_site_map(part, "sites", findings);
    }
    for (const auto& field : kind->second.fields) {
        const bool is_answers = field.name == "answers" && field.type.kind == Type::Kind::kMap;
        if (field.name != "sites" && (field.type.names_sites || is_answers)) {
            check_site_map(part, field.name, findings);
        }
    }
}

void check_probe(const Part& part, Findings& findings) {
    const auto& vocabulary = part.subject.vocabulary;
    if (!part.component.probe) {
        if (vocabulary.kinds.contains(part.component.kind) &&
            !vocabulary.kinds_with_default_probe.contains(part.component.kind)) {
            findings.error(part.component.mark,
                           part.name() + " has no probe, and the kind " + part.component.kind +
                               " has none of its own",
                           "add `probe: {…}`; what is not watched can't be recovered");
        }
        return;
    }
    const Probe& probe = *part.component.probe;
    const Node& node = at_path(part.node, {"probe"});
    const auto mark = [&node](std::string_view key) {
        const Node* const value = node.find(key);
        return value == nullptr ? node.mark : value->mark;
    };
    if (probe.interval <= Duration{} || probe.timeout <= Duration{}) {
        findings.error(mark(probe.interval <= Duration{} ? "interval" : "timeout"),
                       "the probe of " + part.name() + " can't have a time of 0s",
                       "write an interval such as 1s and a timeout such as 800ms");
        return;
    }
    if (probe.timeout > probe.interval) {
        findings.error(mark("timeout"),
                       "the probe's timeout of " + format_duration(probe.timeout) +
                           " is longer than its interval of " + format_duration(probe.interval),
                       "a check must end before the next one starts: lower the timeout or raise "
                       "the interval");
    }
    if (probe.fall == 1 || probe.interval * probe.fall < kShortestSilence) {
        findings.warning(mark("fall"),
                         part.name() + " counts as down after " +
                             format_duration(probe.interval * probe.fall) +
                             " of silence: one short disturbance of the network is enough",
                         "raise `fall` or `interval` until the product is at least 2s");
    }
    if (probe.fall_hard == 1) {
        findings.warning(mark("fall_hard"),
                         part.name() +
                             " counts as down after a single failure: a restart of its "
                             "process is enough",
                         "use `fall_hard: 2` or more");
    }
}

void check_capacity(const Part& part, Findings& findings) {
    if (!part.component.capacity) {
        return;
    }
    const Capacity& capacity = *part.component.capacity;
    const Node& node = at_path(part.node, {"capacity"});
    const Node* const failover = node.find("failover");
    if (capacity.failover < std::max(capacity.normal, capacity.standby)) {
        findings.error(failover == nullptr ? node.mark : failover->mark,
                       "the capacity of " + part.name() + " shrinks on failover, from " +
                           std::to_string(std::max(capacity.normal, capacity.standby)) + " to " +
                           std::to_string(capacity.failover),
                       "leave `failover` out: it is then the larger of normal and standby");
    }
    const bool is_warm = part.service.strategy == Strategy::kWarmStandby ||
                         part.service.strategy == Strategy::kMultiSite;
    if (capacity.standby == 0 && is_warm && !part.service.standby.empty()) {
        findings.warning(node.find("standby")->mark,
                         "nothing of " + part.name() +
                             " runs at a standby site; that is the "
                             "strategy pilot-light, not " +
                             std::string(to_string(part.service.strategy)),
                         "use `standby: 1` or more, or the strategy pilot-light");
    }
}

void check_postgres(const Part& part, Findings& findings) {
    const Node& rpo =
        at_path(part.subject.document, {"services", part.service.id.str(), "objectives", "rpo"});
    // Asynchronous replication acknowledges a commit before any standby has it (PostgreSQL manual,
    // 27.2.8 "Synchronous Replication"), so that no distance in time is short enough.
    if (part.component.kind == "postgres" && rpo.is_scalar() && parse_duration(rpo.scalar) &&
        part.service.objectives.rpo == Duration{} &&
        (part.node.text("sync") == "off" || !part.node.flag("sync", true))) {
        findings.error(rpo.mark,
                       "an rpo of 0s can't be met: " + part.name() + " replicates asynchronously",
                       "remove `sync: off` from " + part.name() + ", or write an rpo such as 5s");
    }
}

void check_component_cycles(const Service& service, const Node& components, Findings& findings) {
    Needs needs;
    for (const auto& component : service.components) {
        auto& needed = needs[component.id.str()];
        for (const auto& other : component.needs) {
            needed.push_back(other.str());
        }
    }
    for (const auto& cycle : find_cycles(needs)) {
        if (cycle.size() > 1) {
            findings.error(mark_of(at_path(components, {cycle.back()}), "needs", cycle.front()),
                           "components of " + service.id.str() +
                               " need each other in a circle: " + describe_cycle(cycle),
                           "remove one of the needs entries; steps are derived in their order");
        }
    }
}

}  // namespace

void check_components(const Subject& subject, const Service& service, Findings& findings) {
    const Node& components =
        at_path(subject.document, {"services", service.id.str(), "components"});
    References parts{"component", {}};
    for (const auto& component : service.components) {
        parts.known.insert(component.id.str());
    }
    for (const auto& component : service.components) {
        const Node& node = at_path(components, {component.id.str()});
        const Part part{subject, service, component, node};
        check_references(node.find("needs"), parts, component.id.str(), findings);
        check_where(part, findings);
        check_probe(part, findings);
        check_capacity(part, findings);
        check_postgres(part, findings);
        check_backup(subject, service, component, findings);
    }
    check_component_cycles(service, components, findings);
}

}  // namespace muster::plan
