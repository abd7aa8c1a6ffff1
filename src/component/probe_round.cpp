#include "component/probe_round.h"

#include <algorithm>
#include <utility>

#include "base/task_group.h"
#include "component/parameters.h"

namespace muster::component {
namespace {

Result<> read_duration(const plan::Node& node, std::string_view key, Duration& into) {
    if (const std::string text = node.text(key); !text.empty()) {
        TRY(into, parse_duration(text).with("in `" + std::string(key) + "` of a probe"));
    }
    return {};
}

}  // namespace

plan::Node to_node(const plan::Probe& probe) {
    plan::Node node = probe.settings;
    node.kind = plan::Node::Kind::kMap;
    const auto add = [&node](std::string_view key, const std::string& value) {
        if (node.find(key) == nullptr) {
            node.entries.push_back({std::string(key), {}, text_node(value)});
        }
    };
    add("interval", format_duration(probe.interval));
    add("timeout", format_duration(probe.timeout));
    return node;
}

Result<plan::Probe> probe_from(const plan::Node& node, const probe::Registry& registry) {
    plan::Probe probe;
    probe.settings = node;
    for (const auto& entry : node.entries) {
        if (registry.entries().contains(entry.key)) {
            probe.type = entry.key;
        }
    }
    if (probe.type.empty()) {
        return Error(Errc::kInvalid, "the probe of this step names no known probe type",
                     "write one, such as `probe: {tcp: \"host:port\"}`");
    }
    TRY_OK(read_duration(node, "interval", probe.interval));
    TRY_OK(read_duration(node, "timeout", probe.timeout));
    probe.attempts = static_cast<int>(node.integer("attempts", probe.attempts));
    return probe;
}

Fields address_fields(const std::string& address) {
    Fields fields{{"address", address}, {"host", address}, {"port", ""}};
    const auto colon = address.rfind(':');
    const auto bracket = address.rfind(']');
    if (address.starts_with('[') && bracket != std::string::npos) {
        fields["host"] = address.substr(1, bracket - 1);
        if (colon != std::string::npos && colon > bracket) {
            fields["port"] = address.substr(colon + 1);
        }
    } else if (colon != std::string::npos && address.find(':') == colon) {
        fields["host"] = address.substr(0, colon);
        fields["port"] = address.substr(colon + 1);
    }
    return fields;
}

ProbeRound::ProbeRound(const Deps& deps, plan::Probe probe, probe::TargetId target)
    : deps_(deps), plan_(std::move(probe)), target_(std::move(target)) {
}

Result<probe::Probe*> ProbeRound::probe_for(const Fields& variables) {
    auto& slot = probes_[variables];
    if (slot == nullptr) {
        probe::Settings settings{plan_, target_, variables};
        if (const auto address = variables.find("address"); address != variables.end()) {
            settings.target.instance = address->second;
        }
        probe::Deps probe_deps = deps_.probe_deps;
        probe_deps.disturbed = {};
        TRY(slot, deps_.probes.make(settings, std::move(probe_deps)));
    }
    return slot.get();
}

Task<> ProbeRound::check_one(probe::Probe* probe, std::size_t index, Outcome* outcome,
                             Instant deadline) {
    CO_TRY(const auto sample, co_await probe->check(deadline));
    if (sample.evidence == probe::Evidence::kGood || sample.evidence == probe::Evidence::kSlow) {
        outcome->is_good[index] = true;
        ++outcome->good;
        if (!outcome->first_good) {
            outcome->first_good = deps_.probe_deps.clock.now();
        }
    } else {
        outcome->detail = sample.detail;
    }
    co_return Result<>{};
}

Task<ProbeRound::Outcome> ProbeRound::run(std::vector<Fields> addresses, Instant deadline) {
    Outcome outcome;
    outcome.is_good.resize(addresses.size());
    const Instant end = std::min(deadline, deps_.probe_deps.clock.now() + plan_.timeout);
    std::vector<probe::Probe*> probes;
    for (const auto& variables : addresses) {
        CO_TRY(probe::Probe * made, probe_for(variables));
        probes.push_back(made);
    }
    TaskGroup checks(deps_.probe_deps.executor);
    for (std::size_t i = 0; i < probes.size(); ++i) {
        checks.spawn(check_one(probes[i], i, &outcome, end));
    }
    auto waited = co_await checks.wait();
    if (!waited) {
        auto stopped = co_await checks.stop();
        static_cast<void>(stopped);
        co_return std::move(waited).error();
    }
    co_return outcome;
}

}  // namespace muster::component
