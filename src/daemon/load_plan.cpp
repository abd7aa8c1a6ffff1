#include "daemon/load_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "adapters/os/time_zones.h"
#include "adapters/steer/dns_table.h"
#include "adapters/yaml/read_yaml.h"
#include "workflow/check_procedures.h"

namespace muster::daemon {

namespace {

std::string names_of(const plan::Plan& plan) {
    std::string names;
    for (const auto& site : plan.sites) {
        names += (names.empty() ? "" : ", ") + site.id.str();
    }
    return names;
}

// "127.0.0.1:5353" to "127.0.0.1"; nothing for a wildcard, which is no address to give out.
std::string host_of(const std::string& address) {
    std::string host = address.substr(0, address.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    return host == "0.0.0.0" || host == "::" ? std::string() : host;
}

}  // namespace

Result<plan::Plan> load_plan(const std::string& path, const plan::Vocabulary& vocabulary) {
    TRY(auto loaded, adapters::load_plan_file(path, vocabulary));
    if (loaded.is_valid()) {
        loaded.diagnostics = workflow::check_procedures(loaded.plan, vocabulary.outputs);
        const auto zones = adapters::unknown_zones(loaded.plan);
        loaded.diagnostics.insert(loaded.diagnostics.end(), zones.begin(), zones.end());
    }
    if (loaded.is_valid()) {
        return std::move(loaded.plan);
    }
    std::string text;
    for (const auto& diagnostic : loaded.diagnostics) {
        text += (text.empty() ? "" : "\n") + plan::format(diagnostic, path);
    }
    return Error{Errc::kInvalid, text, "mend the plan; check it with: muster validate " + path};
}

Result<SiteId> choose_site(const plan::Plan& plan, const std::string& asked) {
    if (!asked.empty()) {
        if (plan.find(SiteId(asked)) != nullptr) {
            return SiteId(asked);
        }
        return Error{Errc::kInvalid, "the plan has no site \"" + asked + "\"",
                     "its sites are: " + names_of(plan)};
    }
    std::vector<SiteId> arbiters;
    for (const auto& site : plan.sites) {
        if (site.is_arbiter) {
            arbiters.push_back(site.id);
        }
    }
    if (arbiters.size() == 1) {
        return arbiters.front();
    }
    if (plan.sites.size() == 1) {
        return plan.sites.front().id;
    }
    return Error{Errc::kInvalid,
                 "the plan has " + std::to_string(plan.sites.size()) + " sites and " +
                     std::to_string(arbiters.size()) + " arbiters: at which one is this node?",
                 "say so with --site NAME; the sites are: " + names_of(plan)};
}

std::string dns_address(const plan::Plan& plan, const std::string& asked) {
    return asked.empty() && plan.dns ? plan.dns->listen : asked;
}

namespace {

adapters::DnsResponder::Zone declared_zone(const plan::DnsZone& from) {
    adapters::DnsResponder::Zone zone{from.name, from.name_servers, from.contact, {}};
    for (const auto& record : from.records) {
        zone.fixed.push_back({{record.name, record.type, record.ttl}, record.answers});
    }
    return zone;
}

// A zone for a record that lies in none of the declared ones: its parent domain, served by `ns1`.
adapters::DnsResponder::Zone derived_zone(const std::string& parent, const std::string& address) {
    adapters::DnsResponder::Zone zone{parent, {"ns1." + parent}, "hostmaster", {}};
    const auto host = host_of(address);
    if (!host.empty()) {
        const bool is_v6 = host.find(':') != std::string::npos;
        zone.fixed.push_back(
            {{"ns1." + parent, is_v6 ? "AAAA" : "A", std::chrono::hours(1)}, {host}});
    }
    return zone;
}

bool is_covered(const std::string& name, const std::vector<adapters::DnsResponder::Zone>& zones) {
    return std::ranges::any_of(zones, [&name](const auto& zone) {
        return adapters::is_within(name, adapters::plain_name(zone.name));
    });
}

}  // namespace

std::vector<adapters::DnsResponder::Zone> zones_of(const plan::Plan& plan,
                                                   const std::string& address) {
    std::vector<adapters::DnsResponder::Zone> zones;
    if (plan.dns) {
        std::ranges::transform(plan.dns->zones, std::back_inserter(zones), declared_zone);
    }
    std::set<std::string> parents;
    for (const auto& service : plan.services) {
        for (const auto& component : service.components) {
            const auto* record = component.settings.find("record");
            const auto name =
                adapters::plain_name(record == nullptr ? std::string() : record->text("name"));
            if (component.kind == "dns" && !name.empty() && !is_covered(name, zones)) {
                const auto dot = name.find('.');
                parents.insert(dot == std::string::npos ? name : name.substr(dot + 1));
            }
        }
    }
    for (const auto& parent : parents) {
        zones.push_back(derived_zone(parent, address));
    }
    return zones;
}

}  // namespace muster::daemon
