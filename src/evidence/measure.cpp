#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "evidence/report.h"
#include "evidence/segments.h"

namespace muster::evidence {
namespace {

std::optional<double> number(const Fields& outputs, const std::string& name) {
    const auto found = outputs.find(name);
    if (found == outputs.end()) {
        return std::nullopt;
    }
    double value = 0;
    const char* end = found->second.data() + found->second.size();
    const auto parsed = std::from_chars(found->second.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end || !(value >= 0) || value > 1e15) {
        return std::nullopt;
    }
    return value;
}

void add(std::optional<std::uint64_t>& sum, std::optional<double> value) {
    if (value) {
        sum = sum.value_or(0) + static_cast<std::uint64_t>(*value);
    }
}

void take_loss(Loss& loss, const Fields& outputs) {
    if (const auto ms = number(outputs, "loss_ms")) {
        const auto time =
            std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(*ms));
        loss.time = std::max(loss.time.value_or(Duration{}), time);
    }
    add(loss.transactions, number(outputs, "lost_transactions"));
    add(loss.own, number(outputs, "own_transactions"));
    add(loss.bytes, number(outputs, "lost_bytes"));
    if (const auto found = outputs.find("artefact");
        found != outputs.end() && !found->second.empty()) {
        loss.artefact += (loss.artefact.empty() ? "" : ", ") + found->second;
    }
    if (const auto found = outputs.find("tables"); found != outputs.end()) {
        loss.tables += (loss.tables.empty() ? "" : "; ") + found->second;
    }
}

std::string text(const Fields& outputs, const std::string& name) {
    const auto found = outputs.find(name);
    return found == outputs.end() ? std::string() : found->second;
}

void take_sample(Loss& loss, const Fields& outputs) {
    add(loss.sampled, number(outputs, "acknowledged_sampled"));
    add(loss.missing, number(outputs, "acknowledged_missing"));
    for (const auto& [name, into] : {std::pair{"missing_ids", &loss.missing_ids},
                                     std::pair{"sample_error", &loss.sample_error}}) {
        if (const auto found = text(outputs, name); !found.empty()) {
            *into += (into->empty() ? "" : ", ") + found;
        }
    }
}

Loss loss_of(const workflow::Run& run) {
    Loss loss;
    loss.was_in_sync = text(run.spec.parameters, "was_in_sync") == "true";
    std::optional<std::uint64_t> divergence;  // the same bytes, before they were counted
    for (const auto& step : run.spec.steps) {
        const auto* state = state_of(run, step);
        if (state != nullptr && state->status == workflow::StepStatus::kDone) {
            take_loss(loss, state->outputs);
            take_sample(loss, state->outputs);
            add(divergence, number(state->outputs, "divergence_bytes"));
        }
    }
    if (!loss.bytes) {
        loss.bytes = divergence;
    }
    // Counted, and nothing was missing: then no time was lost either.
    const bool has_counted = loss.transactions.has_value() || loss.bytes.has_value();
    if (!loss.time && has_counted && loss.transactions.value_or(0) == 0 &&
        loss.bytes.value_or(0) == 0) {
        loss.time = Duration{};
    }
    // What the steps could not tell in time, the heartbeat had: the age of the newest one that had
    // arrived when the outage began bounds the loss from above.
    if (const auto bound = number(run.spec.parameters, "loss_bound_ms"); bound && !loss.time) {
        loss.time =
            std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(*bound));
    }
    // An acknowledged row that is not there was lost, whatever was believed to be in sync.
    if (loss.was_in_sync && loss.missing.value_or(0) > 0) {
        loss.time.reset();
    }
    return loss;
}

Parts parts_of(const Axis& axis) {
    static constexpr std::array<std::pair<std::string_view, std::optional<Duration> Parts::*>, 6>
        kMembers{{{"detect", &Parts::detect},
                  {"decide", &Parts::decide},
                  {"fence", &Parts::fence},
                  {"promote", &Parts::promote},
                  {"steer", &Parts::steer},
                  {"users back", &Parts::users_back}}};
    Parts parts;
    for (const auto& segment : axis.segments) {
        const auto* found = std::find_if(kMembers.begin(), kMembers.end(), [&](const auto& known) {
            return known.first == segment.name;
        });
        CHECK(found != kMembers.end());
        parts.*(found->second) = segment.to - segment.from;
    }
    if (parts.users_back && axis.has_outage) {
        parts.total = axis.segments.back().to - axis.outage;
    }
    return parts;
}

Objective judge(std::optional<Duration> measured, Duration objective) {
    if (!measured) {
        return Objective::kUnknown;
    }
    return *measured <= objective ? Objective::kMet : Objective::kMissed;
}

/// An outage that is not over has lasted at least so long.
std::optional<Duration> outage_so_far(const workflow::Run& run, const Axis& axis) {
    if (!axis.has_outage || run.status == workflow::RunStatus::kDone) {
        return std::nullopt;
    }
    return axis.run_began + run.took - axis.outage;
}

}  // namespace

std::string_view to_string(Objective objective) {
    switch (objective) {
        case Objective::kMet:
            return "met";
        case Objective::kMissed:
            return "missed";
        case Objective::kUnknown:
            break;
    }
    return "unknown";
}

Report measure(const workflow::Run& run) {
    const auto axis = axis_of(run);
    Report report{.run = run, .parts = parts_of(axis), .loss = loss_of(run)};
    const auto& cause = run.spec.cause;
    if (cause.service.empty()) {
        return report;
    }
    report.rpo = judge(report.loss.time, cause.rpo);
    if (report.loss.missing.value_or(0) > 0 && cause.rpo == Duration{}) {
        report.rpo = Objective::kMissed;
    }
    report.rto = judge(report.parts.total, cause.rto);
    const auto so_far = outage_so_far(run, axis);
    if (!report.parts.total && so_far && *so_far > cause.rto) {
        report.rto = Objective::kMissed;
    }
    return report;
}

}  // namespace muster::evidence
