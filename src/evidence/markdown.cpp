#include "evidence/report.h"
#include "evidence/segments.h"
#include "evidence/text.h"

namespace muster::evidence {
namespace {

std::string row(std::initializer_list<std::string> cells) {
    std::string out = "|";
    for (const auto& cell : cells) {
        out += " " + escape_markdown(cell) + " |";
    }
    return out + "\n";
}

/// A fence longer than any run of backticks in the text.
std::string fenced(const std::string& text) {
    std::size_t longest = 2;
    std::size_t here = 0;
    for (const char letter : text) {
        here = letter == '`' ? here + 1 : 0;
        longest = std::max(longest, here);
    }
    const std::string fence(longest + 1, '`');
    return fence + "text\n" + clean(text) + (text.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string facts(const Report& report) {
    const auto& run = report.run;
    const auto& cause = run.spec.cause;
    auto out =
        "| | |\n| --- | --- |\n" +
        row({"Run", run.spec.id.str() + ", " + std::string(workflow::to_string(run.status))});
    if (!run.reason.empty()) {
        out += row({"Reason", run.reason});
    }
    out += row({"Why", cause.summary}) + row({"Asked by", cause.requested_by}) +
           row({"Epoch", std::to_string(cause.epoch.value)}) +
           row({"Began", format_wall(run.started)});
    if (cause.outage_began) {
        out += row({"First bad sample", format_wall(*cause.outage_began)});
    }
    out += row({"RTO", rto_line(report)}) + row({"RPO", rpo_line(report)}) +
           row({"Lost", loss_line(report)});
    if (const auto sample = sample_line(report); !sample.empty()) {
        out += row({"Acknowledged", sample});
    }
    return out;
}

std::string steps(const workflow::Run& run) {
    std::string out =
        "| step | phase | status | began | took | error |\n"
        "| --- | --- | --- | ---: | ---: | --- |\n";
    for (const auto& step : run.spec.steps) {
        const auto* found = state_of(run, step);
        const auto state = found == nullptr ? workflow::StepState{} : *found;
        const bool has_begun = state.started.has_value();
        out += row({step.id.str(), step.phase, std::string(workflow::to_string(state.status)),
                    has_begun ? "+" + human_duration(state.began_after) : "",
                    has_begun ? human_duration(state.took) : "", state.error});
    }
    return out;
}

}  // namespace

std::string to_markdown(const Report& report) {
    auto out = "# " + escape_markdown(title(report)) + "\n\n" + facts(report);
    out += "\n## Where the time went\n\n| part | took |\n| --- | ---: |\n";
    for (const auto& [name, took] : named_parts(report.parts)) {
        out += row({name, or_unmeasured(took)});
    }
    out += row({"total", or_unmeasured(report.parts.total)});
    out += "\n## Steps\n\n" + steps(report.run);
    if (!report.run.spec.cause.decision.empty()) {
        out += "\n## The decision\n\n" + fenced(report.run.spec.cause.decision);
    }
    return out;
}

}  // namespace muster::evidence
