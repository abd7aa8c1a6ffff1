#include "component/kinds/servers.h"

#include <algorithm>
#include <utility>

#include "component/make_step.h"
#include "component/parameters.h"
#include "component/probe_round.h"

namespace muster::component {
namespace {

class ServersComponent final : public Component {
  public:
    ServersComponent(const plan::Service& service, plan::Component plan)
        : service_(service.id),
          is_multi_site_(service.strategy == plan::Strategy::kMultiSite),
          plan_(std::move(plan)) {}

    [[nodiscard]] std::vector<probe::Settings> probes(const SiteId& primary) const override;
    [[nodiscard]] SiteReport assess(const SiteId& site, const SiteId& primary,
                                    const Verdicts& verdicts, Instant now) const override;
    [[nodiscard]] std::vector<PhaseStep> steps(const Move& move) const override;
    /// Two running copies of a server without data are no split brain: nothing to fence.
    [[nodiscard]] std::optional<plan::FenceClass> fence_class() const override { return {}; }
    [[nodiscard]] bool is_stateful() const override { return false; }

  private:
    [[nodiscard]] std::vector<std::string> hosts(const SiteId& site) const {
        const plan::Node* node = plan_.at(site);
        return node == nullptr ? std::vector<std::string>{} : node->texts("hosts");
    }
    [[nodiscard]] int wanted_at(const SiteId& site, const SiteId& primary) const;
    [[nodiscard]] plan::Probe probe() const;
    [[nodiscard]] Parameters parameters(const SiteId& site) const;
    [[nodiscard]] PhaseStep scale(const SiteId& site, Phase phase, int target) const;
    [[nodiscard]] PhaseStep release(const SiteId& site) const;

    ServiceId service_;
    bool is_multi_site_;
    plan::Component plan_;
};

plan::Probe ServersComponent::probe() const {
    return plan_.probe.value_or(plan::Probe{});
}

int ServersComponent::wanted_at(const SiteId& site, const SiteId& primary) const {
    const int here = static_cast<int>(hosts(site).size());
    if (!plan_.capacity) {
        return here;
    }
    const bool serves = site == primary || is_multi_site_;
    return std::min(here, serves ? plan_.capacity->normal : plan_.capacity->standby);
}

std::vector<probe::Settings> ServersComponent::probes(const SiteId& /*primary*/) const {
    std::vector<probe::Settings> all;
    for (const auto& at : plan_.sites) {
        for (const auto& host : hosts(at.site)) {
            probe::Settings settings;
            settings.plan = probe();
            settings.target = {service_, plan_.id, at.site, host};
            settings.variables = address_fields(host);
            settings.variables["service"] = service_.str();
            settings.variables["component"] = plan_.id.str();
            settings.variables["site"] = at.site.str();
            all.push_back(std::move(settings));
        }
    }
    return all;
}

SiteReport ServersComponent::assess(const SiteId& site, const SiteId& primary,
                                    const Verdicts& verdicts, Instant /*now*/) const {
    using probe::Evidence;
    using probe::Health;
    SiteReport report;
    report.site = site;
    report.wanted = wanted_at(site, primary);
    int down = 0;
    int slow = 0;
    bool is_silent = false;
    const auto all = hosts(site);
    for (const auto& host : all) {
        const auto found = verdicts.find({service_, plan_.id, site, host});
        if (found == verdicts.end() || found->second.health == Health::kUnknown) {
            continue;
        }
        if (found->second.health == Health::kUp) {
            ++report.healthy;
            slow += static_cast<int>(found->second.evidence == Evidence::kSlow);
        } else {
            ++down;
            is_silent = is_silent || found->second.evidence != Evidence::kHard;
            report.detail = host + ": " + found->second.detail;
        }
    }
    const std::string count =
        std::to_string(report.healthy) + " of " + std::to_string(report.wanted) + " healthy";
    report.detail = report.detail.empty() ? count : count + ", " + report.detail;
    if (report.healthy > 0) {
        report.health = Health::kUp;
        report.evidence = slow * 2 > report.healthy ? Evidence::kSlow : Evidence::kGood;
    } else if (report.wanted == 0 && site != primary) {
        report.health = Health::kUp;
        report.detail = "none wanted here until a move";
    } else if (down > 0 && down == static_cast<int>(all.size())) {
        report.health = Health::kDown;
        report.evidence = is_silent ? Evidence::kSilence : Evidence::kHard;
    }
    return report;
}

Parameters ServersComponent::parameters(const SiteId& site) const {
    const plan::Node* at = plan_.at(site);
    Parameters with;
    with.text("component", plan_.id.str())
        .text("site", site.str())
        .texts("hosts", hosts(site))
        .texts("start", plan_.settings.texts("start"))
        .texts("stop", plan_.settings.texts("stop"))
        .texts("count", plan_.settings.texts("count"))
        .text("ssh", at == nullptr ? "" : at->text("ssh"))
        .text("run_as", at == nullptr ? "" : at->text("run_as"));
    return with;
}

PhaseStep ServersComponent::scale(const SiteId& site, Phase phase, int target) const {
    PhaseStep made = make_step(phase, phase == Phase::kScale ? "scale" : "restart", "servers.scale",
                               std::chrono::minutes(2));
    Parameters with = parameters(site);
    with.number("target", target)
        .node("probe", to_node(probe()))
        .flag("await_health", phase == Phase::kScale);
    made.step.with = std::move(with).build();
    return made;
}

PhaseStep ServersComponent::release(const SiteId& site) const {
    PhaseStep made =
        make_step(Phase::kRelease, "release", "servers.release", std::chrono::seconds(30));
    Parameters with = parameters(site);
    with.number("target", plan_.capacity ? plan_.capacity->standby : 0);
    made.step.with = std::move(with).build();
    return made;
}

std::vector<PhaseStep> ServersComponent::steps(const Move& move) const {
    std::vector<PhaseStep> steps;
    const int hosts_there = static_cast<int>(hosts(move.to).size());
    if (hosts_there == 0) {
        return steps;
    }
    const bool can_start = !plan_.settings.texts("start").empty();
    if (move.kind == Move::Kind::kRebuild) {
        const int standby = wanted_at(move.to, move.from);
        if (can_start && standby > 0) {
            steps.push_back(scale(move.to, Phase::kRebuild, standby));
        }
        return steps;
    }
    const int target = plan_.capacity ? plan_.capacity->failover : hosts_there;
    steps.push_back(scale(move.to, Phase::kScale, target));
    const int keeps =
        plan_.capacity ? plan_.capacity->standby : static_cast<int>(hosts(move.from).size());
    const bool has_surplus = keeps < static_cast<int>(hosts(move.from).size());
    if (!plan_.settings.texts("stop").empty() && !is_multi_site_ && has_surplus) {
        steps.push_back(release(move.from));
    }
    return steps;
}

Result<> check_templates(const plan::Component& component) {
    Fields sample = address_fields("host:1");
    sample["site"] = "site";
    sample["index"] = "0";
    for (const std::string_view hook : {"start", "stop", "count"}) {
        for (const auto& word : component.settings.texts(hook)) {
            if (auto filled = probe::fill(word, sample); !filled) {
                return std::move(filled).error().with("in `" + std::string(hook) + "` of " +
                                                      component.id.str());
            }
        }
    }
    return {};
}

Result<std::unique_ptr<Component>> make_servers(const plan::Service& service,
                                                const plan::Component& component) {
    if (!component.probe) {
        return Error(Errc::kInvalid, component.id.str() + " has no probe",
                     "write probe: {http: \"http://{address}/health\"}, or {tcp: \"{address}\"}");
    }
    for (const auto& at : component.sites) {
        if (at.settings.texts("hosts").empty()) {
            return Error(Errc::kInvalid,
                         component.id.str() + " at " + at.site.str() + " has no hosts",
                         "write hosts: [10.0.1.10, 10.0.1.11]");
        }
    }
    TRY_OK(check_templates(component));
    return std::make_unique<ServersComponent>(service, component);
}

plan::Type command(std::string doc) {
    return plan::Type::list(plan::Type::text("word"), std::move(doc));
}

plan::Type settings() {
    return plan::Type::object(
        {{"start",
          command("starts instance {index} on {host}; succeeds when it already runs, and returns "
                  "while it runs on"),
          false, ""},
         {"stop", command("stops instance {index} on {host}; succeeds when it is stopped"), false,
          ""},
         {"count", command("prints how many instances run on {host}"), false, ""}},
        "interchangeable servers without data of their own");
}

plan::Type site_settings() {
    using plan::Type;
    Type hosts = Type::list(Type::text("address or address:port"), "where they run");
    hosts.min = 1;
    return Type::object(
        {{"hosts", std::move(hosts), true, ""},
         {"ssh", Type::text("user@{host}: run the commands there"), false, "this host"},
         {"run_as", Type::text("a user to become, when muster is root"), false, ""}},
        "the servers at one site");
}

}  // namespace

Kind servers_kind() {
    return {"servers", settings(), site_settings(), &make_servers, &add_servers_actions};
}

}  // namespace muster::component
