#include "plan/meaning.h"

#include <algorithm>
#include <set>

#include "plan/cycles.h"
#include "plan/nearest.h"

namespace muster::plan {
namespace {

constexpr std::size_t kNeededDomains = 3;

void check_service_cycles(const Subject& subject, Findings& findings) {
    Needs needs;
    for (const auto& service : subject.plan.services) {
        auto& needed = needs[service.id.str()];
        for (const auto& other : service.depends_on) {
            needed.push_back(other.str());
        }
    }
    for (const auto& cycle : find_cycles(needs)) {
        if (cycle.size() > 1) {
            const Node& last = at_path(subject.document, {"services", cycle.back()});
            findings.error(mark_of(last, "depends_on", cycle.front()),
                           "services depend on each other in a circle: " + describe_cycle(cycle),
                           "remove one of the depends_on entries; muster recovers in their order");
        }
    }
}

}  // namespace

const Node& at_path(const Node& document, const std::vector<std::string>& path) {
    static const Node kNone;
    const Node* node = &document;
    for (const auto& key : path) {
        node = node->find(key);
        if (node == nullptr) {
            return kNone;
        }
    }
    return *node;
}

Mark mark_of(const Node& owner, std::string_view key, std::string_view name) {
    const Node* const list = owner.find(key);
    if (list == nullptr) {
        return owner.mark;
    }
    for (const auto& item : list->items) {
        if (item.scalar == name) {
            return item.mark;
        }
    }
    return list->mark;
}

std::string describe_cycle(const std::vector<std::string>& cycle) {
    constexpr std::size_t kMostShown = 8;
    std::string out;
    for (std::size_t i = 0; i < std::min(cycle.size(), kMostShown); ++i) {
        out += cycle[i] + " → ";
    }
    return out + (cycle.size() > kMostShown ? "… → " : "") + cycle.front();
}

void check_references(const Node* list, const References& references, const std::string& self,
                      Findings& findings) {
    if (list == nullptr) {
        return;
    }
    std::set<std::string> seen;
    const auto check = [&](const Node& item) {
        if (!item.is_scalar()) {
            return;  // the structure's fault, reported there
        }
        if (!self.empty() && item.scalar == self) {
            findings.error(item.mark, references.what + " " + quote(item.scalar) + " names itself",
                           "remove it from its own list");
        } else if (!references.known.contains(item.scalar)) {
            findings.error(
                item.mark, "unknown " + references.what + " " + quote(item.scalar),
                suggest(item.scalar, {references.known.begin(), references.known.end()}));
        } else if (!seen.insert(item.scalar).second) {
            findings.error(item.mark,
                           references.what + " " + quote(item.scalar) + " is named twice",
                           "remove one of them");
        }
    };
    if (list->is_scalar()) {
        check(*list);
    }
    std::ranges::for_each(list->items, check);
}

void check_sites(const Subject& subject, Findings& findings) {
    std::set<std::string> domains;
    std::vector<std::string> blind;
    for (const auto& site : subject.plan.sites) {
        domains.insert(site.region);
        if (site.reference.empty()) {
            blind.push_back(site.id.str());
        }
        const Node& node = at_path(subject.document, {"sites", site.id.str(), "reference"});
        std::set<std::string> seen;
        for (const auto& item : node.items) {
            if (item.is_scalar() && !seen.insert(item.scalar).second) {
                findings.error(item.mark, "target " + quote(item.scalar) + " is named twice",
                               "remove one of them");
            }
        }
    }
    const Mark mark = at_path(subject.document, {"sites"}).mark;
    const bool wants_automatic = std::ranges::any_of(
        subject.plan.services,
        [](const Service& service) { return service.failover.mode == Mode::kAutomatic; });
    if (!subject.plan.sites.empty() && domains.size() < kNeededDomains && wants_automatic) {
        findings.warning(mark,
                         "only " + std::to_string(domains.size()) + " failure " +
                             (domains.size() == 1 ? "domain" : "domains") +
                             ": services in automatic mode start in approve mode",
                         "add a site in a third region, such as `arbiter: {role: arbiter}`");
    }
    if (!blind.empty()) {
        findings.warning(mark,
                         "no reference targets at " + join(blind) +
                             ": a site that is itself cut off can't tell that it is",
                         "add `reference: [host:port, …]` with targets outside of this plan");
    }
}

void check_meaning(const Node& document, const Plan& plan, const Vocabulary& vocabulary,
                   Findings& findings) {
    Subject subject{document, plan, vocabulary, {"site", {}}, {"service", {}}};
    for (const auto& site : plan.sites) {
        subject.sites.known.insert(site.id.str());
    }
    for (const auto& service : plan.services) {
        subject.services.known.insert(service.id.str());
    }
    check_sites(subject, findings);
    check_repositories(subject, findings);
    for (const auto& service : subject.plan.services) {
        check_service(subject, service, findings);
        check_components(subject, service, findings);
    }
    check_service_cycles(subject, findings);
    check_procedures(subject, findings);
    check_dns(subject, findings);
}

}  // namespace muster::plan
