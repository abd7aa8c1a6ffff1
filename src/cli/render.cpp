#include "cli/render.h"

#include <algorithm>
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
    return condition == "down" || condition == "stalled" ? Colour::kBad : Colour::kWarn;
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

Cell time_cell(const JsonView& times, std::string_view key) {
    const auto seconds = times.number(key);
    return {human_seconds(seconds), seconds ? Colour::kPlain : Colour::kWarn};
}

std::string render_forecast(const std::string& service, const JsonView& forecast,
                            bool has_colours) {
    Table table({"STEP", "P50", "P95", "FROM", "ON THE CRITICAL PATH"});
    const auto add = [&table](const std::string& name, const JsonView& time,
                              const std::string& path) {
        const auto samples = time.whole("samples").value_or(0);
        table.add({{name},
                   time_cell(time, "p50_s"),
                   time_cell(time, "p95_s"),
                   {std::to_string(samples)},
                   {path}});
    };
    const bool is_forced = forecast.text("kind") == "failover";
    if (is_forced) {
        add("detect", forecast["detect"], "always");
        add("decide", forecast["decide"], "always");
    }
    for (const auto& step : forecast.items("steps")) {
        const auto share =
            std::lround(std::clamp(step.number("critical_share").value_or(0), 0.0, 1.0) * 100);
        const std::string path = !step.flag("is_awaited")   ? "no: users are back before it"
                                 : step.flag("is_critical") ? "yes, " + std::to_string(share) + " %"
                                                            : std::to_string(share) + " %";
        add(step.text("id"), step, path);
    }
    return service + ": next " + forecast.text("kind") + " to " + forecast.text("to") + ": " +
           forecast.text("text") + "\n" + table.render(has_colours);
}

// One line for each service. What is over the RTO stands out.
std::string render_forecasts(const JsonView& status, bool has_colours) {
    std::string out;
    for (const auto& service : status.items("services")) {
        for (const auto& forecast : service.items("forecasts")) {
            if (forecast.text("kind") != "failover") {
                continue;
            }
            const bool is_late = forecast.text("verdict") == "exceeds";
            const auto line = service.text("id") + ": next failover: " + forecast.text("text") +
                              (is_late ? ": over the RTO" : "");
            out += paint(line, is_late ? Colour::kBad : Colour::kPlain, has_colours) + "\n";
        }
    }
    return out;
}

}  // namespace

std::string human_seconds(std::optional<double> seconds) {
    constexpr double kLongest = 9e9;  // About what 64 bits hold in nanoseconds.
    if (!seconds || !(std::abs(*seconds) < kLongest)) {
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
    if (const auto problem = status.text("store_problem"); !problem.empty()) {
        out += paint("nothing can be written, so nothing new begins: " + problem, Colour::kBad,
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
        for (const auto& notice : service.items("notices")) {
            notes += service.text("id") + ": " + notice.text() + "\n";
        }
        if (const auto run = service.text("active_run"); !run.empty()) {
            notes += service.text("id") + ": watch its run: muster run watch " + run + "\n";
        }
    }
    std::vector<JsonView> backups;
    for (const auto& service : status.items("services")) {
        for (const auto& component : service.items("components")) {
            const auto some = component.items("backups");
            backups.insert(backups.end(), some.begin(), some.end());
        }
    }
    return out + table.render(has_colours) + notes + render_forecasts(status, has_colours) +
           backup_table(backups, has_colours);
}

std::string render_status_in_full(const JsonView& status, bool has_colours) {
    std::string out = render_status(status, has_colours);
    for (const auto& service : status.items("services")) {
        for (const auto& forecast : service.items("forecasts")) {
            out += "\n" + render_forecast(service.text("id"), forecast, has_colours);
        }
    }
    return out;
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
    Table steps({"STEP", "ACTION", "PHASE", "P50", "P95", "NOTE"});
    const auto times = preview["forecast"].items("steps");
    std::size_t at = 0;
    for (const auto& step : preview.items("steps")) {
        const bool is_final = step.flag("point_of_no_return");
        const auto time = at < times.size() ? times[at++] : JsonView(nullptr);
        steps.add({{step.text("id")},
                   {step.text("action")},
                   {step.text("phase")},
                   time_cell(time, "p50_s"),
                   time_cell(time, "p95_s"),
                   {is_final ? "point of no return" : "", Colour::kWarn}});
    }
    out += guards.render(has_colours) + "\n" + steps.render(has_colours);
    if (const auto text = preview["forecast"].text("text"); !text.empty()) {
        out += "\nin all: " + text + "\n";
    }
    const bool is_allowed = preview.flag("is_allowed");
    out += is_allowed ? "\nthe guards let it pass\n"
                      : "\n" + paint("a guard stops it", Colour::kBad, has_colours) +
                            "; --force overrides what may be overridden\n";
    return out;
}

}  // namespace muster::cli
