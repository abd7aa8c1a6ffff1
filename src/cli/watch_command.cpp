#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/render.h"

namespace muster::cli {

namespace {

/// Draws a run again and again: in place on a terminal, as lines of what is new elsewhere.
class Display {
  public:
    explicit Display(Context& context) : context_(context) {}

    void draw(const JsonView& run) {
        if (context_.is_terminal) {
            in_place(run);
        } else {
            as_lines(run);
        }
    }

  private:
    void in_place(const JsonView& run) {
        const std::string text = render_run(run, true);
        auto& out = context_.streams.out;
        if (lines_ > 0) {
            out << "\x1b[" << lines_ << "A\x1b[J";
        }
        out << text << std::flush;
        lines_ = std::ranges::count(text, '\n');
    }

    void as_lines(const JsonView& run) {
        auto& out = context_.streams.out;
        if (seen_.empty()) {
            out << run.text("kind") << " " << run.text("service") << " " << run.text("from")
                << " → " << run.text("to") << "\n";
        }
        for (const auto& step : run.items("steps")) {
            const auto status = step.text("status");
            auto& last = seen_[step.text("id")];
            if (status != last && status != "pending") {
                out << "  " << render_step(step, false) << "\n";
            }
            last = status;
        }
        const auto status = run.text("status");
        if (status != status_ && status != "running") {
            out << status << (run.text("reason").empty() ? "" : ": " + run.text("reason")) << "\n";
        }
        status_ = status;
        out << std::flush;
    }

    Context& context_;
    std::ptrdiff_t lines_ = 0;
    std::map<std::string, std::string> seen_;
    std::string status_;
};

// Whether the finished run met its objectives, from its report.
int judge(Context& context, const std::string& id) {
    const auto answer =
        context.client.get("/api/v1/runs/" + encode_part(id) + "/report?format=json");
    if (!answer) {
        return kExitDone;
    }
    const JsonText document(answer->body);
    const auto report = document.root();
    for (const auto* name : {"rpo", "rto"}) {
        const auto objective = report.text(name);
        const auto nested = report[name].text("objective");
        const auto listed = report["objectives"].text(name);
        if (objective == "missed" || nested == "missed" || listed == "missed") {
            context.streams.err << "muster: the run is done, but its " << name << " was missed\n"
                                << "  hint: muster report " << id << "\n";
            return kExitMissed;
        }
    }
    return kExitDone;
}

}  // namespace

int run_watch(Context& context, const std::string& id) {
    Display display(context);
    while (true) {
        const auto answer = context.client.get("/api/v1/runs/" + encode_part(id));
        if (!answer) {
            return print_error(context.streams, answer.error());
        }
        const JsonText document(answer->body);
        const auto run = document.root();
        if (!context.streams.is_json) {
            display.draw(run);
        }
        const bool is_waiting = run.text("status") == "waiting";
        if (run.flag("is_final") || is_waiting) {
            if (context.streams.is_json) {
                context.streams.out << answer->body;
            }
            if (is_waiting) {
                context.streams.err << "muster: the run waits for a person\n"
                                    << "  hint: muster run show " << id
                                    << ", then approve, resume, rollback or abort it\n";
            }
            return run.text("status") == "done" ? judge(context, id) : kExitFailed;
        }
        context.client.pause();
    }
}

}  // namespace muster::cli
