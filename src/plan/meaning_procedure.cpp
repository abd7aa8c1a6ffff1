// Rules of meaning of declared procedures and of the embedded DNS server's zones.

#include <algorithm>
#include <map>
#include <set>

#include "plan/cycles.h"
#include "plan/meaning.h"
#include "plan/nearest.h"

namespace muster::plan {
namespace {

void check_steps(const Node& node, const Procedure& procedure, Findings& findings) {
    const Node& steps = at_path(node, {"steps"});
    References names{"step", {}};
    for (const auto& step : procedure.steps) {
        names.known.insert(step.id.str());
    }
    std::map<std::string, std::size_t> first;
    Needs needs;
    for (std::size_t i = 0; i < procedure.steps.size(); ++i) {
        const Step& step = procedure.steps[i];
        const Node& item = steps.items[i];
        const auto [known, is_new] = first.emplace(step.id.str(), i);
        if (!is_new && !step.id.empty()) {
            findings.error(
                item.find("id")->mark,
                "step " + quote(step.id.str()) + " is declared twice in " + procedure.name,
                "give it another id");
        }
        check_references(item.find("needs"), names, step.id.str(), findings);
        auto& needed = needs[step.id.str()];
        for (const auto& other : step.needs) {
            needed.push_back(other.str());
        }
    }
    for (const auto& cycle : find_cycles(needs)) {
        if (cycle.size() > 1) {
            findings.error(mark_of(steps.items[first.at(cycle.back())], "needs", cycle.front()),
                           "steps of " + procedure.name +
                               " need each other in a circle: " + describe_cycle(cycle),
                           "remove one of the needs entries");
        }
    }
}

void check_target(const Subject& subject, const Procedure& procedure, const Node& node,
                  Findings& findings) {
    check_references(node.find("service"), subject.services, "", findings);
    if (!procedure.on.empty() && !procedure.service) {
        findings.error(node.find("on")->mark,
                       "procedure " + procedure.name + " has `on`, but no service",
                       "add `service: NAME`: the service whose " + procedure.on + " it replaces");
    }
}

bool is_inside(std::string name, std::string zone) {
    const auto tidy = [](std::string& text) {
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
        if (text.ends_with('.')) {
            text.pop_back();
        }
    };
    tidy(name);
    tidy(zone);
    return name == zone || name.ends_with("." + zone);
}

bool is_in_a_zone(const Dns& dns, const std::string& name) {
    return std::ranges::any_of(dns.zones,
                               [&name](const DnsZone& zone) { return is_inside(name, zone.name); });
}

void check_zones(const Node& node, const Dns& dns, Findings& findings) {
    const Node& zones = at_path(node, {"zones"});
    std::set<std::string> seen;
    for (std::size_t i = 0; i < dns.zones.size(); ++i) {
        const DnsZone& zone = dns.zones[i];
        const Node& item = zones.items[i];
        if (!zone.name.empty() && !seen.insert(zone.name).second) {
            findings.error(item.find("name")->mark,
                           "zone " + quote(zone.name) + " is declared twice",
                           "put all of its records into one");
        }
        const Node& records = at_path(item, {"records"});
        for (std::size_t j = 0; j < zone.records.size(); ++j) {
            if (!zone.name.empty() && !zone.records[j].name.empty() &&
                !is_inside(zone.records[j].name, zone.name)) {
                findings.error(
                    records.items[j].find("name")->mark,
                    "record " + quote(zone.records[j].name) + " lies outside of zone " + zone.name,
                    "write its full name, such as www." + zone.name);
            }
        }
    }
}

}  // namespace

void check_procedures(const Subject& subject, Findings& findings) {
    std::map<std::pair<std::string, std::string>, std::string> replaced;
    for (const auto& procedure : subject.plan.procedures) {
        const Node& node = at_path(subject.document, {"procedures", procedure.name});
        check_target(subject, procedure, node, findings);
        check_steps(node, procedure, findings);
        if (procedure.on.empty() || !procedure.service) {
            continue;
        }
        const auto [other, is_new] =
            replaced.emplace(std::pair(procedure.on, procedure.service->str()), procedure.name);
        if (!is_new) {
            findings.error(procedure.mark,
                           "procedures " + other->second + " and " + procedure.name +
                               " both replace the " + procedure.on + " of " +
                               procedure.service->str(),
                           "remove `on` from one of them, and run that one by hand");
        }
    }
}

void check_dns(const Subject& subject, Findings& findings) {
    if (subject.plan.dns) {
        check_zones(at_path(subject.document, {"dns"}), *subject.plan.dns, findings);
    }
    for (const auto& service : subject.plan.services) {
        for (const auto& component : service.components) {
            const Node* const record = component.settings.find("record");
            const Node* const name = record == nullptr ? nullptr : record->find("name");
            if (component.kind != "dns" || name == nullptr || !name->is_scalar()) {
                continue;
            }
            if (!subject.plan.dns) {
                findings.warning(name->mark,
                                 "no server answers for " + quote(name->scalar) +
                                     ": the plan has no `dns:` section",
                                 "add `dns: {zones: […]}` with the zone that holds this name");
            } else if (!is_in_a_zone(*subject.plan.dns, name->scalar)) {
                findings.error(name->mark,
                               "no zone under `dns:` holds the name " + quote(name->scalar),
                               "add its zone under `dns: zones:`, or mend the name");
            }
        }
    }
}

}  // namespace muster::plan
