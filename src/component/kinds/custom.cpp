#include "component/kinds/custom.h"

#include <array>
#include <optional>
#include <utility>

#include "component/kinds/facts.h"
#include "component/make_step.h"
#include "component/parameters.h"
#include "component/probe_round.h"

namespace muster::component {
namespace {

struct Hook {
    std::string_view name;
    Phase phase;
    std::string_view doc;
    Duration timeout;
};

constexpr std::array<Hook, 7> kHooks = {{
    {"fence", Phase::kFence, "stops the old side and proves it", std::chrono::seconds(30)},
    {"promote", Phase::kPromote, "makes the new side take writes", std::chrono::minutes(2)},
    {"scale", Phase::kScale, "starts what must run at the new side", std::chrono::minutes(5)},
    {"steer", Phase::kSteer, "sends the traffic to the new side", std::chrono::minutes(1)},
    {"verify", Phase::kVerify, "proves that the new side serves", std::chrono::minutes(2)},
    {"release", Phase::kRelease, "frees what the old side no longer needs",
     std::chrono::minutes(5)},
    {"rebuild", Phase::kRebuild, "makes the old side a standby again", std::chrono::hours(6)},
}};

class CustomComponent final : public Component {
  public:
    CustomComponent(ServiceId service, plan::Component plan)
        : service_(std::move(service)), plan_(std::move(plan)) {}

    [[nodiscard]] std::vector<probe::Settings> probes(const SiteId& primary) const override;
    [[nodiscard]] SiteReport assess(const SiteId& site, const SiteId& primary,
                                    const Verdicts& verdicts, Instant now) const override;
    [[nodiscard]] std::vector<PhaseStep> steps(const Move& move) const override;
    [[nodiscard]] std::optional<plan::FenceClass> fence_class() const override;
    [[nodiscard]] bool is_stateful() const override { return has("fence") || has("promote"); }

  private:
    [[nodiscard]] bool has(std::string_view hook) const {
        return !plan_.settings.texts(hook).empty();
    }
    [[nodiscard]] std::vector<std::string> command(std::string_view hook) const {
        return plan_.settings.texts(hook);
    }
    [[nodiscard]] bool belongs(const Hook& hook, Move::Kind kind) const;
    [[nodiscard]] PhaseStep step(const Hook& hook, const Move& move) const;

    ServiceId service_;
    plan::Component plan_;
};

std::vector<probe::Settings> CustomComponent::probes(const SiteId& primary) const {
    std::vector<probe::Settings> all;
    for (const auto& at : plan_.sites) {
        probe::Settings settings;
        settings.plan = plan_.probe.value_or(plan::Probe{});
        settings.target = {service_, plan_.id, at.site, ""};
        settings.variables = fields_of(&at.settings);
        if (const auto address = at.settings.text("address"); !address.empty()) {
            settings.variables.merge(address_fields(address));
        }
        settings.variables["service"] = service_.str();
        settings.variables["component"] = plan_.id.str();
        settings.variables["site"] = at.site.str();
        settings.variables["expect_role"] = at.site == primary ? "primary" : "standby";
        all.push_back(std::move(settings));
    }
    return all;
}

SiteReport CustomComponent::assess(const SiteId& site, const SiteId& /*primary*/,
                                   const Verdicts& verdicts, Instant /*now*/) const {
    return report_of({service_, plan_.id, site, ""}, verdicts);
}

bool CustomComponent::belongs(const Hook& hook, Move::Kind kind) const {
    if (!has(hook.name)) {
        return false;
    }
    const bool is_rebuild = hook.phase == Phase::kRebuild;
    // A planned move prefers its own, loss-free way to take the old side out of service.
    if (hook.phase == Phase::kFence && kind == Move::Kind::kSwitchover && has("demote")) {
        return false;
    }
    return is_rebuild ? kind != Move::Kind::kFailover : kind != Move::Kind::kRebuild;
}

PhaseStep CustomComponent::step(const Hook& hook, const Move& move) const {
    PhaseStep made = make_step(hook.phase, hook.name, "custom.run", hook.timeout);
    Parameters with;
    with.text("component", plan_.id.str())
        .text("hook", std::string(hook.name))
        .texts("run", command(hook.name))
        .text("from", move.from.str())
        .text("to", move.to.str());
    const bool acts_on_old = hook.phase == Phase::kFence || hook.phase == Phase::kRelease;
    const SiteId& site = acts_on_old ? move.from : move.to;
    with.text("site", site.str());
    if (const plan::Node* at = plan_.at(site)) {
        Fields values = fields_of(at);
        if (const auto address = at->text("address"); !address.empty()) {
            values.merge(address_fields(address));
        }
        with.text("ssh", at->text("ssh")).text("run_as", at->text("run_as"));
        values.erase("ssh");
        values.erase("run_as");
        with.fields("variables", values);
    }
    with.texts("check", command("check"));
    if (hook.phase == Phase::kFence) {
        with.texts("undo", command("unfence"));
    }
    if (hook.phase == Phase::kPromote) {
        made.step.point_of_no_return = true;
        const bool demotes = move.kind == Move::Kind::kSwitchover && has("demote");
        if (demotes || has("fence")) {
            with.text("proof",
                      "${steps." + plan_.id.str() + (demotes ? ".demote" : ".fence") + ".proof}");
        }
    }
    made.step.with = std::move(with).build();
    return made;
}

std::vector<PhaseStep> CustomComponent::steps(const Move& move) const {
    std::vector<PhaseStep> steps;
    if (plan_.at(move.from) == nullptr || plan_.at(move.to) == nullptr) {
        return steps;
    }
    if (move.kind == Move::Kind::kSwitchover && has("demote")) {
        constexpr Hook kDemote = {"demote", Phase::kFence, "", std::chrono::minutes(2)};
        steps.push_back(step(kDemote, move));
    }
    for (const auto& hook : kHooks) {
        if (belongs(hook, move.kind)) {
            steps.push_back(step(hook, move));
        }
    }
    return steps;
}

std::optional<plan::FenceClass> CustomComponent::fence_class() const {
    if (!is_stateful()) {
        return std::nullopt;
    }
    const std::string declared = plan_.settings.text("fence_class");
    for (const auto value :
         {plan::FenceClass::kEnforced, plan::FenceClass::kActuated, plan::FenceClass::kLease}) {
        if (has("fence") && declared == plan::to_string(value)) {
            return value;
        }
    }
    return plan::FenceClass::kAdvisory;
}

Result<std::unique_ptr<Component>> make_custom(const plan::Service& service,
                                               const plan::Component& component) {
    if (!component.probe) {
        return Error(Errc::kInvalid, component.id.str() + " has no probe",
                     "a custom component has no default: write probe: {exec: [./check]} or so");
    }
    const auto has = [&component](std::string_view hook) {
        return !component.settings.texts(hook).empty();
    };
    if (has("promote") && !has("fence")) {
        return Error(Errc::kInvalid, component.id.str() + " can promote but has no `fence`",
                     "without a fence two sites could take writes: add a fence command");
    }
    return std::make_unique<CustomComponent>(service.id, component);
}

plan::Type command_type(std::string doc) {
    return plan::Type::list(plan::Type::text("word"), std::move(doc));
}

plan::Type settings() {
    using plan::Type;
    std::vector<plan::Field> fields;
    fields.reserve(kHooks.size());
    for (const auto& hook : kHooks) {
        fields.push_back({std::string(hook.name), command_type(std::string(hook.doc)), false, ""});
    }
    fields.push_back(
        {"demote", command_type("planned stop of the old side, without loss"), false, "fence"});
    fields.push_back({"unfence",
                      command_type("takes the old side back into service, for a rollback"), false,
                      ""});
    fields.push_back(
        {"check", command_type("exit 0: the hook named by MUSTER_HOOK is done"), false, ""});
    fields.push_back({"fence_class",
                      Type::one_of({"advisory", "lease", "actuated", "enforced"},
                                   "how good a proof `fence` gives"),
                      false, "advisory"});
    return Type::object(std::move(fields), "anything that commands can move");
}

plan::Type site_settings() {
    return plan::Type::map(
        plan::Type::text("value"),
        "free names, filled into `{name}` of the commands; `ssh` and `run_as` say where and as "
        "whom they run");
}

}  // namespace

Kind custom_kind() {
    return {"custom", settings(), site_settings(), &make_custom, &add_custom_actions};
}

}  // namespace muster::component
