#include "evidence/segments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

// The run's steps carry their phase and their place on the run's own clock; the cause carries what
// came before the run. A part ends where the last step of its phases ended. A phase that is not
// finished, and all after it, were not measured.

namespace muster::evidence {
namespace {

using workflow::StepStatus;

struct PhaseEnd {
    std::optional<Duration> at;  ///< On the run's clock.
    bool is_finished = true;     ///< No step of it is left, failed or undone.
};

PhaseEnd end_of_phase(const workflow::Run& run, std::string_view phase) {
    PhaseEnd end;
    for (const auto& step : run.spec.steps) {
        const auto* state = state_of(run, step);
        if (step.phase != phase || (state != nullptr && state->status == StepStatus::kSkipped)) {
            continue;
        }
        if (state == nullptr || state->status != StepStatus::kDone) {
            end.is_finished = false;
            continue;
        }
        end.at = std::max(end.at.value_or(Duration{}), end_of(*state));
    }
    return end;
}

std::optional<Duration> first_fence(const workflow::Run& run) {
    std::optional<Duration> first;
    for (const auto& step : run.spec.steps) {
        const auto* state = state_of(run, step);
        if (step.phase == "fence" && state != nullptr && state->started) {
            first = std::min(first.value_or(state->began_after), state->began_after);
        }
    }
    return first;
}

/// detect and decide, from the cause's times; where the run's parts begin.
Duration before_the_run(const workflow::Run& run, Axis& axis) {
    const auto& cause = run.spec.cause;
    if (!cause.outage_began) {
        const auto fence = first_fence(run);
        axis.has_outage = fence.has_value();
        axis.outage = fence.value_or(Duration{});
        return axis.outage;
    }
    axis.has_outage = true;
    const auto place = [&cause](WallTime at) {
        return std::max(Duration{}, Duration(at - *cause.outage_began));
    };
    axis.run_began = place(run.started);
    if (!cause.detected) {
        return axis.run_began;
    }
    const auto detected = place(*cause.detected);
    axis.segments.push_back({"detect", Duration{}, detected});
    if (!cause.decided) {
        return axis.run_began;
    }
    const auto decided = std::max(detected, place(*cause.decided));
    axis.segments.push_back({"decide", detected, decided});
    return decided;
}

struct Part {
    std::string_view name;
    std::string_view phase;
};
constexpr std::array kParts{Part{"fence", "fence"}, Part{"promote", "promote"},
                            Part{"steer", "steer"}, Part{"users back", "verify"}};

}  // namespace

const workflow::StepState* state_of(const workflow::Run& run, const plan::Step& step) {
    const auto found = run.steps.find(step.id);
    return found == run.steps.end() ? nullptr : &found->second;
}

// `first_good_ms` counts from the step's begin.
Duration end_of(const workflow::StepState& state) {
    const auto end = state.began_after + state.took;
    const auto found = state.outputs.find("first_good_ms");
    if (found == state.outputs.end()) {
        return end;
    }
    double after_ms = 0;
    const auto& text = found->second;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), after_ms);
    if (parsed.ec != std::errc{} || !(after_ms >= 0) || after_ms > to_ms(state.took)) {
        return end;
    }
    return state.began_after + std::chrono::duration_cast<Duration>(
                                   std::chrono::duration<double, std::milli>(after_ms));
}

Axis axis_of(const workflow::Run& run) {
    Axis axis;
    auto cursor = before_the_run(run, axis);
    for (const auto& part : kParts) {
        const auto end = end_of_phase(run, part.phase);
        if (!end.is_finished) {
            break;
        }
        if (!end.at) {
            continue;
        }
        const auto to = std::max(cursor, axis.run_began + *end.at);
        axis.segments.push_back({part.name, cursor, to});
        cursor = to;
    }
    return axis;
}

}  // namespace muster::evidence
