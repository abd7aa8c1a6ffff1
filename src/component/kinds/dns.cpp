#include "component/kinds/dns.h"

#include <algorithm>
#include <utility>

#include "component/make_step.h"
#include "component/parameters.h"
#include "component/probe_round.h"

namespace muster::component {
namespace {

steer::Record record_of(const plan::Component& plan) {
    const plan::Node record = part(plan.settings, "record");
    steer::Record made{record.text("name"), record.text("type", "A")};
    if (const auto ttl = parse_duration(record.text("ttl", "30s"))) {
        made.ttl = *ttl;
    }
    return made;
}

/// What the verdicts say of one address: an address is dead when all that listens there is down.
struct AddressState {
    bool is_watched = false;
    bool is_alive = false;
    bool is_suspect = false;
};

class DnsComponent final : public Component {
  public:
    DnsComponent(const plan::Service& service, plan::Component plan);

    [[nodiscard]] std::vector<probe::Settings> probes(const SiteId& /*primary*/) const override {
        return {};  // What the answers lead to is watched by the components there.
    }
    [[nodiscard]] SiteReport assess(const SiteId& site, const SiteId& primary,
                                    const Verdicts& verdicts, Instant now) const override;
    [[nodiscard]] std::vector<PhaseStep> steps(const Move& move) const override;
    [[nodiscard]] std::optional<plan::FenceClass> fence_class() const override { return {}; }
    [[nodiscard]] std::vector<steer::Wanted> wanted(const SiteId& primary, const Verdicts& verdicts,
                                                    Epoch epoch) const override;
    [[nodiscard]] bool is_stateful() const override { return false; }

  private:
    [[nodiscard]] std::vector<std::string> answers_at(const SiteId& site) const {
        return part(plan_.settings, "answers").texts(site.str());
    }
    /// The declared answers while `primary` serves; with multi-site, all but those of `lost`.
    [[nodiscard]] std::vector<std::string> declared(const SiteId& primary,
                                                    const SiteId& lost) const;
    [[nodiscard]] AddressState state_of(const std::string& answer, const Verdicts& verdicts) const;
    [[nodiscard]] PhaseStep point(const std::vector<std::string>& answers) const;
    [[nodiscard]] PhaseStep verify(const std::vector<std::string>& answers) const;

    ServiceId service_;
    bool is_multi_site_;
    std::vector<SiteId> sites_;
    plan::Component plan_;
    std::optional<plan::Probe> entry_probe_;
    /// What listens at the answers, when the probe is the needed servers' own.
    std::vector<std::string> instances_;
};

DnsComponent::DnsComponent(const plan::Service& service, plan::Component plan)
    : service_(service.id),
      is_multi_site_(service.strategy == plan::Strategy::kMultiSite),
      sites_(service.standby),
      plan_(std::move(plan)),
      entry_probe_(plan_.probe) {
    sites_.insert(sites_.begin(), service.primary);
    for (const auto& need : plan_.needs) {
        const plan::Component* needed = service.find(need);
        if (entry_probe_ || needed == nullptr || needed->kind != "servers") {
            continue;
        }
        entry_probe_ = needed->probe;
        for (const auto& at : needed->sites) {
            const auto hosts = at.settings.texts("hosts");
            instances_.insert(instances_.end(), hosts.begin(), hosts.end());
        }
    }
}

SiteReport DnsComponent::assess(const SiteId& site, const SiteId& /*primary*/,
                                const Verdicts& verdicts, Instant /*now*/) const {
    SiteReport report;
    report.site = site;
    const auto answers = answers_at(site);
    for (const auto& answer : answers) {
        const auto state = state_of(answer, verdicts);
        report.healthy += state.is_alive || !state.is_watched ? 1 : 0;
    }
    // A name has nothing of its own at a site that could fail; what it leads to speaks for itself.
    report.health = probe::Health::kUp;
    report.detail = std::to_string(report.healthy) + " of " + std::to_string(answers.size()) +
                    " answers usable";
    return report;
}

AddressState DnsComponent::state_of(const std::string& answer, const Verdicts& verdicts) const {
    AddressState state;
    for (const auto& [target, verdict] : verdicts) {
        if (target.service != service_ || target.instance.empty() ||
            address_fields(target.instance).at("host") != answer) {
            continue;
        }
        state.is_watched = true;
        state.is_alive = state.is_alive || verdict.health == probe::Health::kUp;
        state.is_suspect =
            state.is_suspect || verdict.is_suspect || verdict.health == probe::Health::kDown;
        // Not known yet is not dead: nothing is taken out on a guess.
        state.is_watched = state.is_watched && verdict.health != probe::Health::kUnknown;
        state.is_alive = state.is_alive || verdict.health == probe::Health::kUnknown;
    }
    return state;
}

std::vector<std::string> DnsComponent::declared(const SiteId& primary, const SiteId& lost) const {
    if (!is_multi_site_) {
        return answers_at(primary);
    }
    std::vector<std::string> all;
    for (const auto& site : sites_) {
        const auto here = answers_at(site);
        if (site != lost) {
            all.insert(all.end(), here.begin(), here.end());
        }
    }
    return all;
}

std::vector<steer::Wanted> DnsComponent::wanted(const SiteId& primary, const Verdicts& verdicts,
                                                Epoch epoch) const {
    steer::Wanted wanted;
    wanted.record = record_of(plan_);
    wanted.epoch = epoch;
    const auto all = declared(primary, SiteId());
    for (const auto& answer : all) {
        const auto state = state_of(answer, verdicts);
        wanted.is_suspect = wanted.is_suspect || state.is_suspect;
        if (state.is_alive || !state.is_watched) {
            wanted.answers.push_back(answer);
        }
    }
    if (wanted.answers.empty()) {
        wanted.answers = all;  // All dead: an empty set helps nobody and is cached for long.
    }
    if (wanted.answers.empty()) {
        return {};
    }
    return {std::move(wanted)};
}

PhaseStep DnsComponent::point(const std::vector<std::string>& answers) const {
    const auto record = record_of(plan_);
    PhaseStep made = make_step(Phase::kSteer, "point", "dns.point", std::chrono::seconds(10));
    made.step.with = std::move(Parameters()
                                   .text("name", record.name)
                                   .text("type", record.type)
                                   .text("ttl", format_duration(record.ttl))
                                   .texts("answers", answers))
                         .build();
    return made;
}

PhaseStep DnsComponent::verify(const std::vector<std::string>& answers) const {
    const auto record = record_of(plan_);
    PhaseStep made = make_step(Phase::kVerify, "verify", "wait", std::chrono::minutes(2));
    Parameters with;
    if (entry_probe_) {
        with.node("probe", to_node(*entry_probe_));
    }
    with.node("record",
              std::move(Parameters().text("name", record.name).text("type", record.type)).build());
    made.step.with =
        std::move(with.texts("answers", answers).texts("instances", instances_)).build();
    return made;
}

std::vector<PhaseStep> DnsComponent::steps(const Move& move) const {
    if (move.kind == Move::Kind::kRebuild) {
        return {};
    }
    const auto answers = declared(move.to, move.from);
    if (answers.empty()) {
        return {};
    }
    return {point(answers), verify(answers)};
}

Result<std::unique_ptr<Component>> make_dns(const plan::Service& service,
                                            const plan::Component& component) {
    const plan::Node record = part(component.settings, "record");
    if (record.text("name").empty()) {
        return Error(Errc::kInvalid, component.id.str() + " has no record name",
                     "write record: {name: shop.example.com, type: A, ttl: 10s}");
    }
    TRY(const auto ttl,
        parse_duration(record.text("ttl", "30s")).with("in `ttl` of " + component.id.str()));
    static_cast<void>(ttl);
    const plan::Node answers = part(component.settings, "answers");
    std::vector<SiteId> sites = service.standby;
    sites.push_back(service.primary);
    for (const auto& site : sites) {
        if (answers.texts(site.str()).empty()) {
            return Error(Errc::kInvalid,
                         component.id.str() + " has no answers for site " + site.str(),
                         "an entry that can't point to a site can't move there: add it to "
                         "`answers`");
        }
    }
    return std::make_unique<DnsComponent>(service, component);
}

plan::Type settings() {
    using plan::Type;
    Type record = Type::object(
        {{"name", Type::text("the name that users resolve"), true, ""},
         {"type", Type::one_of({"A", "AAAA", "CNAME", "TXT"}, "record type"), false, "A"},
         {"ttl", Type::duration("how long resolvers may keep the answer"), false, "30s"}},
        "the record that is moved");
    Type addresses = Type::one_or_list(Type::text("address"), "what to answer");
    addresses.min = 1;
    Type answers = Type::map(std::move(addresses), "answers while that site serves, by site");
    answers.names_sites = true;
    return Type::object(
        {{"record", std::move(record), true, ""}, {"answers", std::move(answers), true, ""}},
        "the name by which users come in");
}

}  // namespace

Kind dns_kind() {
    return {"dns",
            settings(),
            plan::Type::object({}, "a dns component has no sites of its own"),
            &make_dns,
            &add_dns_actions,
            false,
            true};
}

}  // namespace muster::component
