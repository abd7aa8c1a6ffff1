#include <algorithm>
#include <optional>

#include "base/time.h"
#include "cli/render.h"
#include "cli/table.h"

namespace muster::cli {

namespace {

Colour run_colour(const std::string& status) {
    if (status == "done") {
        return Colour::kGood;
    }
    if (status == "running" || status == "rolling_back") {
        return Colour::kBusy;
    }
    return status == "failed" ? Colour::kBad : Colour::kWarn;
}

struct Mark {
    std::string_view text;
    Colour colour = Colour::kSoft;
};

Mark mark_of(const std::string& status) {
    if (status == "done") {
        return {"✓", Colour::kGood};
    }
    if (status == "failed") {
        return {"✗", Colour::kBad};
    }
    if (status == "running" || status == "undoing") {
        return {"▶", Colour::kBusy};
    }
    if (status == "retrying") {
        return {"↻", Colour::kWarn};
    }
    if (status == "awaiting") {
        return {"‖", Colour::kWarn};
    }
    if (status == "undone") {
        return {"↶", Colour::kWarn};
    }
    return {status == "skipped" ? "–" : "·", Colour::kSoft};
}

std::string pad(std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

std::string route(const JsonView& run) {
    const auto from = run.text("from");
    const auto to = run.text("to");
    if (from.empty() && to.empty()) {
        return run.text("service");
    }
    return run.text("service") + " " + from + " → " + to;
}

std::string note_of(const JsonView& step) {
    if (const auto error = step.text("error"); !error.empty()) {
        return error;
    }
    std::string note;
    for (const auto& [name, text] : step.texts("outputs")) {
        if (!text.empty()) {
            note.append(note.empty() ? "" : ", ").append(name).append(" ").append(text);
        }
    }
    return note;
}

}  // namespace

std::string render_runs(const JsonView& runs, bool has_colours) {
    Table table({"RUN", "KIND", "SERVICE", "STATUS", "TOOK", "STEPS", "BY"});
    for (const auto& run : runs.items("runs")) {
        const auto status = run.text("status");
        const bool is_final = run.flag("is_final");
        table.add(
            {{run.text("id")},
             {run.text("kind")},
             {route(run)},
             {status, run_colour(status)},
             {is_final ? human_seconds(run.number("took_s")) : "since " + run.text("started")},
             {std::to_string(run.whole("steps_done").value_or(0)) + "/" +
              std::to_string(run.whole("steps_total").value_or(0))},
             {run.flag("is_automatic") ? "muster" : run.text("requested_by")}});
    }
    return table.render(has_colours);
}

std::string render_step(const JsonView& step, bool has_colours) {
    const auto status = step.text("status");
    const auto mark = mark_of(status);
    const bool has_time = !step["ended"].is_empty();
    std::string line =
        paint(std::string(mark.text) + " " + pad(status, 9), mark.colour, has_colours);
    line += " " + pad(step.text("id"), 24) + " ";
    line += pad(has_time ? human_seconds(step.number("took_s")) : "", 9);
    if (const auto attempts = step.whole("attempts").value_or(0); attempts > 1) {
        line += " attempt " + std::to_string(attempts);
    }
    line += " " + note_of(step);
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string render_run(const JsonView& run, bool has_colours) {
    const auto status = run.text("status");
    std::string out =
        run.text("kind") + " " + route(run) + ": " + paint(status, run_colour(status), has_colours);
    if (run.flag("is_final")) {
        out += " after " + human_seconds(run.number("took_s"));
    }
    out += "\n";
    for (const auto& line : {run.text("summary"), run.text("reason")}) {
        out += line.empty() ? "" : "  " + line + "\n";
    }
    for (const auto& step : run.items("steps")) {
        out += "  " + render_step(step, has_colours) + "\n";
    }
    return out;
}

std::string render_event(const JsonView& event, bool has_colours) {
    const auto severity = event.text("severity");
    const Colour colour = severity == "error"  ? Colour::kBad
                          : severity == "warn" ? Colour::kWarn
                                               : Colour::kPlain;
    std::string line = paint(event.text("at"), Colour::kSoft, has_colours) + " " +
                       paint(pad(event.text("name"), 20), colour, has_colours) + " " +
                       pad(event.text("subject"), 20) + " " + event.text("message");
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

}  // namespace muster::cli
