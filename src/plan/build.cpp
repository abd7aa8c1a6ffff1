#include "plan/build.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "plan/protection_type.h"
#include "plan/scalar.h"

namespace muster::plan {
namespace {

/// The entries of the map under `key`; none when there is no such map.
const std::vector<Node::Entry>& entries(const Node& node, std::string_view key) {
    static const std::vector<Node::Entry> kNone;
    const Node* const value = node.find(key);
    return value == nullptr ? kNone : value->entries;
}

const std::vector<Node>& items(const Node& node, std::string_view key) {
    static const std::vector<Node> kNone;
    const Node* const value = node.find(key);
    return value == nullptr ? kNone : value->items;
}

/// The map under `key`, or an empty node.
Node part(const Node& node, std::string_view key) {
    const Node* const value = node.find(key);
    return value == nullptr ? Node{} : *value;
}

std::optional<Duration> duration(const Node& node, std::string_view key) {
    const auto text = node.text(key);
    if (!is_duration(text)) {
        return std::nullopt;
    }
    const auto parsed = parse_duration(text);
    return parsed ? std::optional<Duration>(*parsed) : std::nullopt;
}

int whole(const Node& node, std::string_view key, int fallback) {
    return static_cast<int>(std::clamp<long>(node.integer(key, fallback), -1, 1'000'000));
}

template <class T>
std::vector<T> ids(const Node& node, std::string_view key) {
    std::vector<T> out;
    for (auto& text : node.texts(key)) {
        out.emplace_back(std::move(text));
    }
    return out;
}

/// The value among `all` whose name stands under `key`.
template <class T, std::size_t N>
T choice(const Node& node, std::string_view key, const std::array<T, N>& all, T fallback) {
    const auto text = node.text(key);
    const auto found =
        std::ranges::find_if(all, [&text](T value) { return to_string(value) == text; });
    return found == all.end() ? fallback : *found;
}

Site build_site(const Node::Entry& entry) {
    Site site;
    site.id = SiteId(entry.key);
    site.region = entry.value.text("region", entry.key);
    site.is_arbiter = entry.value.text("role") == "arbiter";
    site.reference = entry.value.texts("reference");
    return site;
}

Impact build_impact(const Node& node) {
    Impact impact;
    impact.tier = whole(node, "tier", impact.tier);
    const auto loss = node.text("loss_per_hour");
    double amount = 0;
    const char* const end = loss.data() + loss.size();
    const auto parsed = std::from_chars(loss.data(), end, amount);
    if (parsed.ec == std::errc{} && parsed.ptr != end) {
        impact.loss_per_hour = amount;
        impact.currency = std::string(parsed.ptr + 1, end);
    }
    return impact;
}

FailoverPolicy build_failover(const Node& node) {
    FailoverPolicy policy;
    policy.mode = choice(node, "mode", std::array{Mode::kObserve, Mode::kApprove, Mode::kAutomatic},
                         policy.mode);
    policy.preset =
        choice(node, "preset",
               std::array{Preset::kFast, Preset::kBalanced, Preset::kCareful, Preset::kManual},
               policy.preset);
    policy.fence = choice(node, "fence",
                          std::array{FenceClass::kAdvisory, FenceClass::kLease,
                                     FenceClass::kActuated, FenceClass::kEnforced},
                          policy.fence);
    policy.cooldown = duration(node, "cooldown").value_or(policy.cooldown);
    policy.max_per_day = whole(node, "max_per_day", policy.max_per_day);
    policy.hold = duration(node, "hold");
    policy.max_loss = duration(node, "max_loss");
    policy.is_reprotected = node.text("reprotect") != "manual";
    policy.is_frozen = node.flag("freeze", policy.is_frozen);
    return policy;
}

Probe build_probe(const Node& node, const Vocabulary& vocabulary) {
    Probe probe;
    probe.settings = node;
    probe.mark = node.mark;
    probe.interval = duration(node, "interval").value_or(probe.interval);
    // Four fifths of a short interval: a check must have ended before the next one starts.
    probe.timeout =
        duration(node, "timeout").value_or(std::min(probe.timeout, probe.interval * 4 / 5));
    probe.rise = whole(node, "rise", probe.rise);
    probe.fall = whole(node, "fall", probe.fall);
    probe.fall_hard = whole(node, "fall_hard", probe.fall_hard);
    probe.slow = whole(node, "slow", probe.slow);
    probe.attempts = whole(node, "attempts", probe.attempts);
    for (const auto& entry : node.entries) {
        if (probe.type.empty() && vocabulary.probes.contains(entry.key)) {
            probe.type = entry.key;
        }
    }
    return probe;
}

Capacity build_capacity(const Node& node) {
    Capacity capacity;
    capacity.normal = whole(node, "normal", capacity.normal);
    capacity.standby = whole(node, "standby", capacity.standby);
    capacity.failover = whole(node, "failover", std::max(capacity.normal, capacity.standby));
    return capacity;
}

Component build_component(const Node::Entry& entry, const Vocabulary& vocabulary) {
    Component component;
    component.id = ComponentId(entry.key);
    component.kind = entry.value.text("kind");
    component.needs = ids<ComponentId>(entry.value, "needs");
    if (const Node* const probe = entry.value.find("probe"); probe != nullptr) {
        component.probe = build_probe(*probe, vocabulary);
    }
    if (const Node* const capacity = entry.value.find("capacity"); capacity != nullptr) {
        component.capacity = build_capacity(*capacity);
    }
    if (const Node* const backup = entry.value.find("backup"); backup != nullptr) {
        component.backup = build_backup(*backup);
    }
    for (const auto& site : entries(entry.value, "sites")) {
        component.sites.push_back({SiteId(site.key), site.value});
    }
    component.settings = entry.value;
    component.mark = entry.key_mark;
    return component;
}

Service build_service(const Node::Entry& entry, const Vocabulary& vocabulary) {
    const Node& node = entry.value;
    Service service;
    service.id = ServiceId(entry.key);
    service.owner = node.text("owner");
    service.impact = build_impact(part(node, "impact"));
    const Node objectives = part(node, "objectives");
    service.objectives.rpo = duration(objectives, "rpo").value_or(Duration{});
    service.objectives.rto = duration(objectives, "rto").value_or(Duration{});
    service.strategy = choice(node, "strategy",
                              std::array{Strategy::kBackupRestore, Strategy::kPilotLight,
                                         Strategy::kWarmStandby, Strategy::kMultiSite},
                              service.strategy);
    service.primary = SiteId(node.text("primary"));
    service.standby = ids<SiteId>(node, "standby");
    service.depends_on = ids<ServiceId>(node, "depends_on");
    service.failover = build_failover(part(node, "failover"));
    for (const auto& component : entries(node, "components")) {
        service.components.push_back(build_component(component, vocabulary));
    }
    service.mark = entry.key_mark;
    return service;
}

Step build_step(const Node& node) {
    Step step;
    step.id = StepId(node.text("id"));
    step.action = node.text("action");
    step.with = part(node, "with");
    step.needs = ids<StepId>(node, "needs");
    step.when = node.text("when");
    step.timeout = duration(node, "timeout");
    if (node.find("attempts") != nullptr) {
        step.attempts = whole(node, "attempts", 1);
    }
    step.backoff = duration(node, "backoff");
    step.point_of_no_return = node.flag("point_of_no_return", false);
    step.phase = node.text("phase");
    step.mark = node.mark;
    return step;
}

Procedure build_procedure(const Node::Entry& entry) {
    Procedure procedure;
    procedure.name = entry.key;
    procedure.on = entry.value.text("on");
    if (entry.value.find("service") != nullptr) {
        procedure.service = ServiceId(entry.value.text("service"));
    }
    for (const auto& parameter : entries(entry.value, "parameters")) {
        procedure.parameters[parameter.key] = parameter.value.scalar;
    }
    for (const auto& step : items(entry.value, "steps")) {
        procedure.steps.push_back(build_step(step));
    }
    procedure.mark = entry.key_mark;
    return procedure;
}

Dns build_dns(const Node& node) {
    Dns dns;
    dns.listen = node.text("listen", dns.listen);
    for (const auto& item : items(node, "zones")) {
        DnsZone zone;
        zone.name = item.text("name");
        zone.name_servers = item.texts("name_servers");
        zone.contact = item.text("contact", zone.contact);
        for (const auto& fixed : items(item, "records")) {
            DnsRecord record;
            record.name = fixed.text("name");
            record.type = fixed.text("type");
            record.ttl = duration(fixed, "ttl").value_or(record.ttl);
            record.answers = fixed.texts("answers");
            zone.records.push_back(std::move(record));
        }
        dns.zones.push_back(std::move(zone));
    }
    return dns;
}

}  // namespace

Plan build(const Node& document, const Vocabulary& vocabulary) {
    Plan plan;
    plan.version = whole(document, "muster", plan.version);
    plan.name = document.text("plan");
    for (const auto& site : entries(document, "sites")) {
        plan.sites.push_back(build_site(site));
    }
    for (const auto& service : entries(document, "services")) {
        plan.services.push_back(build_service(service, vocabulary));
    }
    for (const auto& procedure : entries(document, "procedures")) {
        plan.procedures.push_back(build_procedure(procedure));
    }
    for (const auto& repository : entries(document, "repositories")) {
        plan.repositories.push_back(build_repository(repository));
    }
    if (const Node* const dns = document.find("dns"); dns != nullptr) {
        plan.dns = build_dns(*dns);
    }
    return plan;
}

}  // namespace muster::plan
