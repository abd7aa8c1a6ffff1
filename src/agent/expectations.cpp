#include "agent/expectations.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <map>

#include "component/component.h"
#include "probe/attempts.h"
#include "probe/scheduler.h"

namespace muster::agent {

namespace json = boost::json;

namespace {

using decide::Expectation;
using plan::Diagnostic;

/// More false moves a year than this are worth a warning.
constexpr double kManyAlarms = 1;
constexpr int kFewSilent = 3;
constexpr int kFewHard = 2;

using Components = std::vector<std::unique_ptr<component::Component>>;

/// The worst of the service's fences; a service without data needs none.
plan::FenceClass fence_of(const Components& components) {
    auto fence = plan::FenceClass::kEnforced;
    for (const auto& part : components) {
        if (part->is_stateful()) {
            fence = std::min(fence, part->fence_class().value_or(plan::FenceClass::kAdvisory));
        }
    }
    return fence;
}

decide::Watching watching_of(const probe::Settings& settings, const probe::Registry& registry,
                             const Assumptions& assumptions) {
    decide::Watching watching;
    watching.probe = settings.plan;
    const auto entry = registry.entries().find(settings.plan.type);
    watching.is_retried = entry != registry.entries().end() && entry->second.is_retried;
    watching.attempt_spacing = probe::kAttemptSpacing;
    watching.recheck = probe::Scheduler::Options{}.recheck;
    watching.vantages = assumptions.vantages;
    return watching;
}

void add_service(const plan::Service& service, const probe::Registry& registry,
                 const Assumptions& assumptions, std::vector<Expectation>* all) {
    Components components;
    Duration witness{};
    for (const auto& declared : service.components) {
        auto made = component::make_component(service, declared);
        if (!made) {
            return;  // Its fault is reported where components are checked.
        }
        witness = std::max(witness, (*made)->witness_silence());
        components.push_back(std::move(*made));
    }
    const auto fence = fence_of(components);
    for (std::size_t i = 0; i < components.size(); ++i) {
        const auto probes = components[i]->probes(service.primary);
        const auto at_primary = std::ranges::find_if(
            probes, [&service](const auto& one) { return one.target.site == service.primary; });
        if (at_primary != probes.end()) {
            const decide::Watched watched{service.components[i].id,
                                          watching_of(*at_primary, registry, assumptions), witness,
                                          fence};
            all->push_back(decide::expect(service, watched, assumptions.channels));
        }
    }
}

std::string figure(double value) {
    std::array<char, 32> buffer{};
    if (value == 0) {
        return "0";
    }
    const char* format = value >= 100 ? "%.0f" : value >= 0.001 ? "%.2g" : "%.0e";
    std::snprintf(buffer.data(), buffer.size(), format, value);
    return buffer.data();
}

std::string percent(double share) {
    return figure(share * 100) + " %";
}

std::string times(const decide::Times& times) {
    return human_duration(times.p50) + " p50, " + human_duration(times.p99) + " p99";
}

std::string name_of(const Expectation& one) {
    return one.service.str() + "/" + one.component.str();
}

std::string describe(const Expectation& one) {
    const auto& probe = one.watching.probe;
    std::string text = name_of(one) + ": every " + format_duration(probe.interval) + ", timeout " +
                       format_duration(probe.timeout) + "\n";
    text += "  hard failure (" + std::to_string(probe.fall_hard) + " in a row, held " +
            format_duration(one.hold_hard) + "): seen after " + times(one.hard.seen) +
            "; acted on after " + times(one.hard.acted) + "; false moves by loss: 0 a year\n";
    text += "  silence (" + std::to_string(probe.fall) + " in a row, held " +
            format_duration(one.hold_silence) + "; " + one.silence_rule + "): seen after " +
            times(one.silence.seen) + "; acted on after " + times(one.silence.acted) + "\n";
    for (const auto& rate : one.silence_rates) {
        text += std::string("    ") +
                (one.is_moved_by_silence ? "false moves a year" : "asked in vain a year") +
                ", bursts of " + format_duration(rate.channel.burst) + ": " +
                figure(rate.alarms.independent) + ", and " + figure(rate.alarms.own_line) +
                " by the target's own line\n";
    }
    return text;
}

void warn(std::vector<Diagnostic>* all, plan::Mark mark, std::string message, std::string hint) {
    all->push_back({Diagnostic::Severity::kWarning, mark, std::move(message), std::move(hint)});
}

void check_probe(const Expectation& one, plan::Mark mark, bool is_automatic,
                 std::vector<Diagnostic>* all) {
    const auto& probe = one.watching.probe;
    if (probe.timeout >= probe.interval) {
        warn(all, mark,
             "the probe of " + name_of(one) + " may take " + format_duration(probe.timeout) +
                 ", as long as its interval of " + format_duration(probe.interval) +
                 ": silence is then sampled more rarely than it says",
             "a timeout shorter than the interval, such as four fifths of it");
    }
    if (is_automatic && probe.fall < kFewSilent) {
        warn(all, mark,
             "the probe of " + name_of(one) + " calls " + std::to_string(probe.fall) +
                 (probe.fall == 1 ? " silent sample" : " silent samples in a row") + " down",
             "fall: 4; each further sample costs an interval and takes away most false alarms");
    }
    if (is_automatic && probe.fall_hard < kFewHard) {
        warn(all, mark, "the probe of " + name_of(one) + " calls one hard failure down",
             "fall_hard: 2; it costs 50 ms, since hard failures are checked again at once");
    }
}

void check_silence(const Expectation& one, const plan::Service& service,
                   std::vector<Diagnostic>* all) {
    double most = 0;
    for (const auto& rate : one.silence_rates) {
        most = std::max(most, rate.alarms.in_all());
    }
    if (one.is_moved_by_silence && most > kManyAlarms) {
        warn(all, service.mark,
             "silence of " + name_of(one) + " alone is expected to move it up to " + figure(most) +
                 " times a year on a network that loses 1 % in bursts",
             "a longer failover.hold, or a preset that holds longer; `muster replay` tries it on "
             "what was recorded");
    }
    if (!one.is_moved_by_silence) {
        warn(all, service.mark,
             "silence of " + name_of(one) + " alone never moves it: " + one.silence_rule,
             one.has_witness ? "give every site of the database a `data:` or a fence command, so "
                               "that its fence is confirmed"
                             : "a component whose standby sees its primary, such as postgres");
    }
}

void check_service(const plan::Service& service, const std::vector<const Expectation*>& parts,
                   std::vector<Diagnostic>* all) {
    const bool is_automatic = service.failover.mode == plan::Mode::kAutomatic;
    for (const auto* one : parts) {
        const auto* part = service.find(one->component);
        check_probe(*one, part == nullptr ? service.mark : part->mark, is_automatic, all);
    }
    if (!is_automatic || parts.empty()) {
        return;
    }
    // The weakest speaks for the service; the others would say the same again.
    const auto worst = std::ranges::max_element(parts, {}, [](const auto* one) {
        double most = 0;
        for (const auto& rate : one->silence_rates) {
            most = std::max(most, rate.alarms.in_all());
        }
        return most;
    });
    check_silence(**worst, service, all);
    const auto& first = *parts.front();
    if (!first.has_witness) {
        warn(all, service.mark,
             "no witness inside " + service.id.str() +
                 " tells whether it lives: loss on its own line looks like death to every vantage",
             "a database whose standby sees its primary; without one silence is held for " +
                 format_duration(first.hold_silence));
    }
    const auto rto = service.objectives.rto;
    for (const auto* one : parts) {
        if (rto > Duration{} && one->silence.acted.p99 > rto) {
            warn(all, service.mark,
                 "an outage of " + name_of(*one) + " that shows as silence is acted on after " +
                     human_duration(one->silence.acted.p99) + ", past the rto of " +
                     format_duration(rto),
                 "a preset that holds less, or a longer rto");
            break;
        }
    }
}

json::object encode(const decide::Times& times) {
    return {{"p50_s", to_seconds(times.p50)}, {"p99_s", to_seconds(times.p99)}};
}

json::object encode(const Expectation& one) {
    json::array rates;
    for (const auto& rate : one.silence_rates) {
        rates.push_back(json::object{{"loss", rate.channel.loss},
                                     {"burst_s", to_seconds(rate.channel.burst)},
                                     {"own_line_share", rate.channel.own_line},
                                     {"independent_per_year", rate.alarms.independent},
                                     {"own_line_per_year", rate.alarms.own_line}});
    }
    return {{"service", one.service.str()},
            {"component", one.component.str()},
            {"vantages", one.watching.vantages},
            {"interval_s", to_seconds(one.watching.probe.interval)},
            {"timeout_s", to_seconds(one.watching.probe.timeout)},
            {"fall", one.watching.probe.fall},
            {"fall_hard", one.watching.probe.fall_hard},
            {"hard", json::object{{"hold_s", to_seconds(one.hold_hard)},
                                  {"seen", encode(one.hard.seen)},
                                  {"acted", encode(one.hard.acted)},
                                  {"false_moves_per_year", 0}}},
            {"silence", json::object{{"hold_s", to_seconds(one.hold_silence)},
                                     {"rule", one.silence_rule},
                                     {"is_moved", one.is_moved_by_silence},
                                     {"has_witness", one.has_witness},
                                     {"seen", encode(one.silence.seen)},
                                     {"acted", encode(one.silence.acted)},
                                     {"false_alarms", std::move(rates)}}}};
}

}  // namespace

std::vector<Expectation> expectations(const plan::Plan& plan, const probe::Registry& registry,
                                      const Assumptions& assumptions) {
    std::vector<Expectation> all;
    for (const auto& service : plan.services) {
        add_service(service, registry, assumptions, &all);
    }
    return all;
}

std::vector<Diagnostic> weak_settings(const plan::Plan& plan,
                                      const std::vector<Expectation>& expected) {
    std::vector<Diagnostic> all;
    for (const auto& service : plan.services) {
        std::vector<const Expectation*> parts;
        for (const auto& one : expected) {
            if (one.service == service.id) {
                parts.push_back(&one);
            }
        }
        check_service(service, parts, &all);
    }
    return all;
}

std::string describe(const std::vector<Expectation>& expected, const Assumptions& assumptions) {
    if (expected.empty()) {
        return {};
    }
    const auto& channel = assumptions.channels.front();
    std::string text = "\nwhat its observers are worth, assuming " +
                       std::to_string(assumptions.vantages) +
                       (assumptions.vantages == 1 ? " vantage" : " independent vantages") +
                       " and " + percent(channel.loss) + " loss in solid bursts, " +
                       percent(channel.own_line) + " of it on the target's own line:\n";
    for (const auto& one : expected) {
        text += describe(one);
    }
    return text;
}

std::string to_json(const std::vector<Expectation>& expected) {
    json::array all;
    for (const auto& one : expected) {
        all.push_back(encode(one));
    }
    return json::serialize(all);
}

}  // namespace muster::agent
