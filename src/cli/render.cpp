#include "cli/render.h"

#include <cmath>

#include "base/time.h"
#include "cli/table.h"

namespace muster::cli {

namespace {

Colour condition_colour(const std::string& condition) {
    if (condition == "ok") {
        return Colour::kGood;
    }
    if (condition == "moving") {
        return Colour::kBusy;
    }
    return condition == "down" ? Colour::kBad : Colour::kWarn;
}

std::string last_move(const JsonView& service) {
    const auto move = service["last_move"];
    if (move.is_empty()) {
        return "none";
    }
    return move.text("kind") + " to " + move.text("to") + ", " + move.text("status") + ", " +
           move.text("at").substr(0, 16) + "Z";
}

Duration to_duration(double seconds) {
    return std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

std::string join(const std::string& first, const std::string& second, std::string_view between) {
    return second.empty() ? first : first + std::string(between) + second;
}

Cell health_cell(const JsonView& service) {
    const auto condition = service.text("condition");
    return {condition, condition_colour(condition)};
}

Cell rpo_cell(const JsonView& service) {
    const auto now = service.number("rpo_now_s");
    const auto limit = service.number("rpo_s");
    const std::string text =
        human_seconds(now) + " / " + (limit ? format_duration(to_duration(*limit)) : "unknown");
    if (!now) {
        return {text, Colour::kWarn};
    }
    return {text, limit && *now > *limit ? Colour::kBad : Colour::kPlain};
}

Colour stage_colour(const std::string& state) {
    if (state == "stopped") {
        return Colour::kBad;
    }
    return state == "passed" ? Colour::kGood : Colour::kSoft;
}

}  // namespace

std::string human_seconds(std::optional<double> seconds) {
    if (!seconds || !std::isfinite(*seconds)) {
        return "unknown";
    }
    return human_duration(
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds)));
}

std::string render_status(const JsonView& status, bool has_colours) {
    std::string out = "plan " + status.text("plan") + ", seen from " + status.text("site") +
                      ", up " + human_seconds(status.number("uptime_s")) + "\n";
    if (!status.flag("is_eligible")) {
        out += paint("this node abstains: " + status.text("why_not_eligible"), Colour::kBad,
                     has_colours) +
               "\n";
    }
    if (!status.flag("has_full_picture")) {
        out += paint("the first picture is not complete yet", Colour::kWarn, has_colours) + "\n";
    }
    Table table({"SERVICE", "SITE", "HEALTH", "RPO NOW / OBJECTIVE", "LAST MOVE"});
    std::string notes;
    for (const auto& service : status.items("services")) {
        table.add({{service.text("id")},
                   {service.text("primary")},
                   health_cell(service),
                   rpo_cell(service),
                   {last_move(service)}});
        const auto detail = join(service.text("detail"), service.text("mode_reason"), "; ");
        if (!detail.empty() && service.text("condition") != "ok") {
            notes += service.text("id") + ": " + detail + "\n";
        }
        if (const auto run = service.text("active_run"); !run.empty()) {
            notes += service.text("id") + ": watch its run: muster run watch " + run + "\n";
        }
    }
    return out + table.render(has_colours) + notes;
}

std::string render_preview(const JsonView& preview, bool has_colours) {
    std::string out =
        preview.text("kind") + " from " + preview.text("from") + " to " + preview.text("to") + "\n";
    Table guards({"GUARD", "STATE", "WHAT WAS SEEN"});
    for (const auto& guard : preview.items("guards")) {
        const auto state = guard.text("state");
        guards.add({{guard.text("name")},
                    {state, stage_colour(state)},
                    {join(guard.text("reason"), guard.text("would_change"), "; would pass: ")}});
    }
    Table steps({"STEP", "ACTION", "PHASE", "NOTE"});
    for (const auto& step : preview.items("steps")) {
        const bool is_final = step.flag("point_of_no_return");
        steps.add({{step.text("id")},
                   {step.text("action")},
                   {step.text("phase")},
                   {is_final ? "point of no return" : "", Colour::kWarn}});
    }
    out += guards.render(has_colours) + "\n" + steps.render(has_colours);
    const bool is_allowed = preview.flag("is_allowed");
    out += is_allowed ? "\nthe guards let it pass\n"
                      : "\n" + paint("a guard stops it", Colour::kBad, has_colours) +
                            "; --force overrides what may be overridden\n";
    return out;
}

}  // namespace muster::cli
