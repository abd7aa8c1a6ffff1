#include <algorithm>
#include <array>
#include <cstdio>

#include "evidence/report.h"
#include "evidence/segments.h"
#include "evidence/text.h"

// The picture: the band of the six parts, its legend in fixed columns, a time axis, and a row for
// each step. Names stand left of the plot and durations right of each bar, where room is kept for
// them, so that no two texts can meet.

namespace muster::evidence {
namespace {

using workflow::StepStatus;

constexpr double kWidth = 900;
constexpr double kPlotLeft = 196;
constexpr double kPlotRight = 812;  // the rest is for the duration behind the longest bar
constexpr double kBandTop = 14;
constexpr double kBandHeight = 26;
constexpr double kLegendTop = 62;
constexpr double kLegendColumn = (kWidth - 16) / 6;
constexpr double kAxisY = 122;
constexpr double kFirstRow = 132;
constexpr double kRow = 24;
constexpr std::size_t kNameLetters = 27;
constexpr int kMostTicks = 8;

constexpr std::string_view kStyle = R"(<style>
.mt text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#1d2430}
.mt .dim{fill:#5d6875}.mt .bad{fill:#b3261e}.mt .num{font-weight:600}.mt .mid{text-anchor:middle}
.mt .grid{stroke:#d9dee4;stroke-width:1}.mt .goal{stroke:#b3261e;stroke-width:1.5;
stroke-dasharray:5 4}
.mt .p0{fill:#8a96a3}.mt .p1{fill:#9a6fc4}.mt .p2{fill:#d0603f}.mt .p3{fill:#2f7dd1}
.mt .p4{fill:#d3a018}.mt .p5{fill:#35a05f}.mt .p6{fill:#2a9d98}.mt .none{fill:#eef1f4}
.mt .open{opacity:.45}.mt .failed{fill:#b3261e}
@media (prefers-color-scheme:dark){.mt text{fill:#e8ecf1}.mt .dim{fill:#9aa6b2}
.mt .bad{fill:#ff8a80}.mt .grid{stroke:#39424d}.mt .goal{stroke:#ff8a80}.mt .none{fill:#2a313a}}
</style>
)";

std::string number(double value) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.1f", value);
    return buffer.data();
}

struct Scale {
    double seconds = 1;
    [[nodiscard]] double x(Duration at) const {
        const auto share = std::clamp(to_seconds(at) / seconds, 0.0, 1.0);
        return kPlotLeft + share * (kPlotRight - kPlotLeft);
    }
};

std::string text(double x, double y, std::string_view css, std::string_view content) {
    return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" class=\"" + std::string(css) +
           "\">" + escape_markup(content) + "</text>\n";
}

struct Box {
    double left;
    double right;
    double top;
    double height;
};

std::string rectangle(Box box, std::string_view css, std::string_view tip) {
    return "<rect x=\"" + number(box.left) + "\" y=\"" + number(box.top) + "\" width=\"" +
           number(std::max(2.0, box.right - box.left)) + "\" height=\"" + number(box.height) +
           "\" rx=\"2\" class=\"" + std::string(css) + "\"><title>" + escape_markup(tip) +
           "</title></rect>\n";
}

std::string vertical(double x, double bottom, std::string_view css) {
    return "<line x1=\"" + number(x) + "\" y1=\"" + number(kAxisY) + "\" x2=\"" + number(x) +
           "\" y2=\"" + number(bottom) + "\" class=\"" + std::string(css) + "\"/>\n";
}

constexpr std::array<std::string_view, 6> kPartNames{"detect",  "decide", "fence",
                                                     "promote", "steer",  "users back"};

std::string part_class(std::string_view name) {
    const auto found = std::find(kPartNames.begin(), kPartNames.end(), name);
    return found == kPartNames.end() ? "p0" : "p" + std::to_string(found - kPartNames.begin());
}

std::string phase_class(std::string_view phase) {
    if (phase == "verify") {
        return "p5";
    }
    return phase == "scale" ? "p6" : part_class(phase);
}

std::string band(const Axis& axis, Scale scale) {
    auto out = rectangle({kPlotLeft, kPlotRight, kBandTop, kBandHeight}, "none", "not measured");
    for (const auto& [name, from, to] : axis.segments) {
        out += rectangle({scale.x(from), scale.x(to), kBandTop, kBandHeight}, part_class(name),
                         std::string(name) + " " + human_duration(to - from));
    }
    return out;
}

std::string legend(const Report& report) {
    std::string out;
    double x = 8;
    for (const auto& [name, took] : named_parts(report.parts)) {
        out += rectangle({x, x + 11, kLegendTop - 10, 11}, took ? part_class(name) : "none", name);
        out += text(x + 17, kLegendTop, "", name);
        out += text(x + 17, kLegendTop + 17, took ? "num" : "dim", or_unmeasured(took));
        x += kLegendColumn;
    }
    return out;
}

constexpr std::array<double, 27> kTickSteps{
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,  0.2,  0.5,  1,     2,     5,     10,    15,
    30,    60,    120,   300,  600,  900,  1800, 3600, 7200, 14400, 43200, 86400, 604800};

std::string tick_label(double seconds, double step) {
    std::array<char, 32> buffer{};
    if (step < 1) {
        std::snprintf(buffer.data(), buffer.size(), "%.4g s", seconds);
    } else if (step < 60) {
        std::snprintf(buffer.data(), buffer.size(), "%.0f s", seconds);
    } else if (step < 3600) {
        std::snprintf(buffer.data(), buffer.size(), "%.0f min", seconds / 60);
    } else {
        std::snprintf(buffer.data(), buffer.size(), "%.0f h", seconds / 3600);
    }
    return buffer.data();
}

std::string ticks(Scale scale, double bottom) {
    double step = kTickSteps.back();
    for (const double candidate : kTickSteps) {
        if (scale.seconds / candidate <= kMostTicks) {
            step = candidate;
            break;
        }
    }
    const int count = std::min(1000, static_cast<int>(scale.seconds / step));
    std::string out;
    for (int i = 0; i <= count; ++i) {
        const double at = i * step;
        const auto x =
            scale.x(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(at)));
        out += vertical(x, bottom, "grid") + text(x, kAxisY - 6, "dim mid", tick_label(at, step));
    }
    return out;
}

bool has_bar(const workflow::StepState& state) {
    return state.started && state.status != StepStatus::kSkipped &&
           state.status != StepStatus::kPending;
}

bool is_open(const workflow::StepState& state) {
    return has_bar(state) && !state.ended && state.took == Duration{};
}

Duration end_of_bar(const workflow::Run& run, const workflow::StepState& state) {
    const auto end = state.began_after + state.took;
    return is_open(state) ? std::max(end, run.took) : end;
}

std::string shortened(const std::string& name) {
    std::string out;
    std::size_t letters = 0;
    for (const char letter : clean(name)) {
        const bool is_first_byte = (static_cast<unsigned char>(letter) & 0xC0U) != 0x80U;
        letters += is_first_byte ? 1 : 0;
        if (is_first_byte && letters == kNameLetters) {
            return out + "…";
        }
        out += letter;
    }
    return out;
}

/// Where one step's row stands.
struct Row {
    const plan::Step* step;
    workflow::StepState state;
};

std::string row(const Report& report, const Axis& axis, const Row& at, Scale scale, double top) {
    const auto& [step, state] = at;
    const bool is_bad = state.status == StepStatus::kFailed;
    const std::string status(workflow::to_string(state.status));
    auto out = text(8, top + 15, is_bad ? "bad" : "", shortened(step->id.str()));
    if (!has_bar(state)) {
        return out + text(kPlotLeft + 4, top + 15, "dim", status);
    }
    const auto from = axis.run_began + state.began_after;
    const auto to = axis.run_began + end_of_bar(report.run, state);
    const auto took = human_duration(to - from);
    const auto css = is_bad ? "failed" : phase_class(step->phase) + (is_open(state) ? " open" : "");
    out += rectangle({scale.x(from), scale.x(to), top + 4, kRow - 9}, css,
                     step->id.str() + ": " + status + ", " + took);
    const auto label = state.status == StepStatus::kDone ? took : status;
    return out + text(std::max(scale.x(to), scale.x(from) + 2) + 6, top + 15,
                      is_bad ? "bad" : "dim", label);
}

/// In the order in which they began; those that have not begun come last.
std::vector<Row> rows_of(const workflow::Run& run) {
    std::vector<Row> rows;
    for (const auto& step : run.spec.steps) {
        const auto* state = state_of(run, step);
        rows.push_back({&step, state == nullptr ? workflow::StepState{} : *state});
    }
    const auto place = [](const Row& at) {
        const auto began = has_bar(at.state) ? at.state.began_after : Duration::max();
        return std::pair(began, at.step);  // steps lie in one array: ties keep its order
    };
    std::sort(rows.begin(), rows.end(),
              [&place](const Row& left, const Row& right) { return place(left) < place(right); });
    return rows;
}

Scale scale_for(const workflow::Run& run, const Axis& axis, const std::vector<Row>& rows) {
    Duration end = axis.run_began;
    for (const auto& segment : axis.segments) {
        end = std::max(end, segment.to);
    }
    for (const auto& at : rows) {
        if (has_bar(at.state)) {
            end = std::max(end, axis.run_began + end_of_bar(run, at.state));
        }
    }
    return {std::max(0.001, to_seconds(end))};
}

std::string goal(const Report& report, const Axis& axis, Scale scale, double bottom) {
    const auto at = axis.outage + report.run.spec.cause.rto;
    const bool is_inside = to_seconds(at) <= scale.seconds;
    if (!axis.has_outage || report.run.spec.cause.service.empty() || !is_inside) {
        return {};
    }
    const auto x = scale.x(at);
    return vertical(x, bottom + 16, "goal") +
           text(x, bottom + 30, "bad mid", "RTO " + format_duration(report.run.spec.cause.rto));
}

}  // namespace

std::string timeline_svg(const Report& report) {
    const auto axis = axis_of(report.run);
    const auto rows = rows_of(report.run);
    const auto scale = scale_for(report.run, axis, rows);
    const auto bottom = kFirstRow + kRow * static_cast<double>(rows.size());
    const auto target = goal(report, axis, scale, bottom);
    const auto height = number(bottom + (target.empty() ? 24 : 40));
    const auto& cause = report.run.spec.cause;
    auto out = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mt\" viewBox=\"0 0 900 " +
               height + "\" width=\"900\" height=\"" + height + "\" role=\"img\" aria-label=\"" +
               escape_markup("timeline: " + title(report)) + "\">\n" + std::string(kStyle);
    out += text(8, kBandTop + 17, "num", "RTO " + rto_value(report));
    out += band(axis, scale) + legend(report) + ticks(scale, bottom);
    auto top = kFirstRow;
    for (const auto& at : rows) {
        out += row(report, axis, at, scale, top);
        top += kRow;
    }
    const auto zero = cause.outage_began ? "first bad sample, " + format_wall(*cause.outage_began)
                                         : "run began, " + format_wall(report.run.started);
    out += target + text(8, kAxisY - 6, "dim", "step");
    return out + text(8, bottom + 14, "dim", "0 s: " + zero) + "</svg>\n";
}

}  // namespace muster::evidence
