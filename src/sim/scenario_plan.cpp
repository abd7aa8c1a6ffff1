#include "sim/scenario.h"

namespace muster::sim {

namespace {

using plan::Node;

Node text(std::string value) {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.scalar = std::move(value);
    return node;
}

Node map(std::vector<std::pair<std::string, Node>> entries) {
    Node node;
    node.kind = Node::Kind::kMap;
    for (auto& [key, value] : entries) {
        node.entries.push_back({key, {}, std::move(value)});
    }
    return node;
}

Node list(std::vector<std::string> texts) {
    Node node;
    node.kind = Node::Kind::kList;
    for (auto& one : texts) {
        node.items.push_back(text(std::move(one)));
    }
    return node;
}

plan::Component orders(const std::string& degrade) {
    plan::Component component;
    component.id = ComponentId("orders");
    component.kind = "postgres";
    component.settings = map({{"kind", text("postgres")}});
    if (!degrade.empty()) {
        component.settings = map(
            {{"kind", text("postgres")}, {"sync", text("managed")}, {"degrade", text(degrade)}});
    }
    component.probe = plan::Probe{};  // Once a second: closer looks would only cost time.
    for (const auto* site : {"east", "west"}) {
        component.sites.push_back(
            {SiteId(site),
             map({{"conninfo", text(std::string("host=") + site)}, {"data", text("/data")}})});
    }
    return component;
}

plan::Component entry() {
    plan::Component component;
    component.id = ComponentId("entry");
    component.kind = "dns";
    component.needs = {ComponentId("orders")};
    component.settings =
        map({{"kind", text("dns")},
             {"record",
              map({{"name", text("shop.example.com")}, {"type", text("A")}, {"ttl", text("10s")}})},
             {"answers", map({{"east", list({"10.0.0.1"})}, {"west", list({"10.1.0.1"})}})}});
    return component;
}

}  // namespace

plan::Plan scenario_plan(const ScenarioOptions& options) {
    plan::Plan plan;
    plan.name = "simulated";
    plan.digest = "0";
    for (const auto* name : {"east", "west", "arbiter"}) {
        plan::Site site;
        site.id = SiteId(name);
        site.is_arbiter = site.id == SiteId("arbiter");
        for (const auto* other : {"east", "west", "arbiter"}) {
            if (options.nodes > 1 && site.id != SiteId(other)) {
                site.reference.emplace_back(other);
            }
        }
        plan.sites.push_back(std::move(site));
    }
    plan::Service shop;
    shop.id = ServiceId("shop");
    shop.objectives = {std::chrono::seconds(30), std::chrono::minutes(2)};
    if (!options.degrade.empty()) {
        shop.objectives.rpo = Duration(0);
    }
    shop.primary = SiteId("east");
    shop.standby = {SiteId("west")};
    shop.failover.mode = plan::Mode::kAutomatic;
    shop.failover.preset = plan::Preset::kFast;
    shop.failover.cooldown = std::chrono::minutes(10);
    shop.failover.max_per_day = 24;
    shop.components = {orders(options.degrade), entry()};
    plan.services.push_back(std::move(shop));
    return plan;
}

}  // namespace muster::sim
