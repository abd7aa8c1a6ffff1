#include "cli/probe_command.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>

#include "base/task_group.h"
#include "cli/commands.h"

namespace muster::cli {

namespace {

namespace json = boost::json;

constexpr Duration kRecheck = std::chrono::milliseconds(50);  // As the daemon's scheduler.
constexpr Duration kLongestPause = std::chrono::seconds(1);

bool is_settled(const probe::Verdict& verdict) {
    return verdict.health != probe::Health::kUnknown && !verdict.is_suspect;
}

// Enough samples for any verdict to come about.
int most_samples(const plan::Probe& settings) {
    return std::max({settings.rise, settings.fall, settings.fall_hard});
}

}  // namespace

struct ProbeCommand::Target {
    probe::Settings settings;
    std::unique_ptr<probe::Probe> probe;
    probe::Detector detector;
};

ProbeCommand::ProbeCommand(const plan::Plan& plan, std::vector<probe::Settings> settings,
                           const probe::Registry& registry, probe::Deps deps)
    : plan_(plan), settings_(std::move(settings)), registry_(registry), deps_(std::move(deps)) {
}

// The component by its own name or as "service/component".
Result<ComponentId> ProbeCommand::find(const std::string& name, ServiceId& service) const {
    std::vector<ServiceId> owners;
    std::string component = name;
    std::string known;
    for (const auto& one : plan_.services) {
        for (const auto& part : one.components) {
            const auto full = one.id.str() + "/" + part.id.str();
            known += (known.empty() ? "" : ", ") + full;
            if (name == full || name == part.id.str()) {
                owners.push_back(one.id);
                component = part.id.str();
            }
        }
    }
    if (owners.empty()) {
        return Error{Errc::kInvalid, "the plan has no component \"" + name + "\"",
                     "it has: " + known};
    }
    if (owners.size() > 1) {
        return Error{Errc::kInvalid, "several services have a component \"" + name + "\"",
                     "write " + owners.front().str() + "/" + name};
    }
    service = owners.front();
    return ComponentId(component);
}

Result<std::vector<ProbeCommand::Target>> ProbeCommand::make_targets(const Request& request) const {
    ServiceId service;
    TRY(const auto component, find(request.component, service));
    std::vector<Target> targets;
    for (const auto& settings : settings_) {
        if (settings.target.service != service || settings.target.component != component) {
            continue;
        }
        TRY(auto probe, registry_.make(settings, deps_));
        targets.push_back({settings, std::move(probe), probe::Detector(settings.plan)});
    }
    if (targets.empty()) {
        return Error{Errc::kInvalid, request.component + " has no probe",
                     "give the component a probe: in the plan"};
    }
    return targets;
}

Task<> ProbeCommand::watch(Target* target, int samples) {
    const auto& plan = target->settings.plan;
    const int most = samples > 0 ? samples : most_samples(plan);
    for (int taken = 1; taken <= most; ++taken) {
        CO_TRY(const auto sample, co_await target->probe->check(deps_.clock.now() + plan.timeout));
        target->detector.observe(sample, deps_.clock.now());
        const bool is_enough = samples == 0 && is_settled(target->detector.verdict());
        if (is_enough || taken == most) {
            break;
        }
        const auto pause =
            target->detector.wants_recheck() ? kRecheck : std::min(plan.interval, kLongestPause);
        CO_TRY_OK(co_await deps_.clock.sleep_for(pause));
    }
    co_return Result<>{};
}

namespace {

json::object to_json(const probe::TargetId& target, const probe::Detector& detector) {
    const auto& verdict = detector.verdict();
    json::array samples;
    for (const auto& seen : detector.history()) {
        samples.push_back({{"evidence", probe::to_string(seen.evidence)},
                           {"latency_ms", to_ms(seen.latency)},
                           {"detail", seen.detail}});
    }
    json::object facts;
    for (const auto& [name, value] : verdict.facts) {
        facts[name] = value;
    }
    return {{"target", target.str()},
            {"site", target.site.str()},
            {"health", probe::to_string(verdict.health)},
            {"evidence", probe::to_string(verdict.evidence)},
            {"is_suspect", verdict.is_suspect},
            {"latency_ms", to_ms(verdict.latency)},
            {"detail", verdict.detail},
            {"facts", std::move(facts)},
            {"samples", std::move(samples)}};
}

void print_row(const probe::TargetId& target, const probe::Detector& detector, std::size_t width,
               std::ostream& out) {
    const auto& verdict = detector.verdict();
    const bool is_known = verdict.health != probe::Health::kUnknown;
    std::string health(probe::to_string(verdict.health));
    health += verdict.is_suspect ? "?" : "";
    out << std::left << std::setw(static_cast<int>(width)) << target.str() << "  " << std::setw(8)
        << health << std::setw(9) << (is_known ? probe::to_string(verdict.evidence) : "-")
        << verdict.detail << "\n";
    out << "  samples:";
    for (const auto& seen : detector.history()) {
        out << " " << probe::to_string(seen.evidence) << " (" << human_duration(seen.latency)
            << ")";
    }
    out << "\n";
    for (const auto& [name, value] : verdict.facts) {
        out << "  " << name << ": " << value << "\n";
    }
}

}  // namespace

Task<int> ProbeCommand::run(Request request, Streams streams) {
    auto targets = make_targets(request);
    if (!targets) {
        print_error(streams, targets.error());
        co_return kExitUsage;
    }
    TaskGroup group(deps_.executor);
    for (auto& target : *targets) {
        group.spawn(watch(&target, request.samples));
    }
    CO_TRY_OK(co_await group.wait());

    const bool is_up = std::ranges::all_of(*targets, [](const Target& target) {
        return target.detector.verdict().health == probe::Health::kUp;
    });
    if (streams.is_json) {
        json::array rows;
        for (const auto& target : *targets) {
            rows.push_back(to_json(target.settings.target, target.detector));
        }
        const json::object document = {
            {"component", request.component}, {"is_up", is_up}, {"targets", std::move(rows)}};
        streams.out << json::serialize(document) << "\n";
        co_return is_up ? kExitDone : kExitFailed;
    }
    std::size_t width = std::string_view("TARGET").size();
    for (const auto& target : *targets) {
        width = std::max(width, target.settings.target.str().size());
    }
    streams.out << std::left << std::setw(static_cast<int>(width)) << "TARGET"
                << "  HEALTH  EVIDENCE DETAIL\n";
    for (const auto& target : *targets) {
        print_row(target.settings.target, target.detector, width, streams.out);
    }
    co_return is_up ? kExitDone : kExitFailed;
}

}  // namespace muster::cli
