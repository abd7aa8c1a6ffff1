#include "evidence/report.h"
#include "evidence/segments.h"
#include "evidence/text.h"

namespace muster::evidence {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ink:#1d2430;--dim:#5d6875;--paper:#fff;--card:#f5f7f9;
--line:#d9dee4;
--met:#1d7a43;--missed:#b3261e;--unknown:#8a6100}
@media (prefers-color-scheme:dark){:root{--ink:#e8ecf1;--dim:#9aa6b2;--paper:#14181d;--card:#1e242b;
--line:#39424d;--met:#6fd39a;--missed:#ff8a80;--unknown:#f2c14e}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 20px 48px;max-width:960px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:24px;line-height:1.25;margin:0 0 4px}h2{font-size:17px;margin:32px 0 10px}
p{margin:0 0 4px}.dim{color:var(--dim)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:12px;
margin:20px 0 0}
.card{background:var(--card);border-radius:8px;padding:12px 16px;border-left:5px solid var(--line)}
.card b{display:block;font-size:24px;line-height:1.3;overflow-wrap:anywhere}
.met{border-color:var(--met)}.missed{border-color:var(--missed)}
.unknown{border-color:var(--unknown)}
.met i{color:var(--met)}.missed i{color:var(--missed)}.unknown i{color:var(--unknown)}
i{font-style:normal;font-weight:600}
.scroll{overflow-x:auto}.scroll svg{min-width:760px;max-width:100%;height:auto;display:block}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.w{overflow-wrap:anywhere}td.s{min-width:150px}
th{color:var(--dim);font-weight:500}td.n,th.n{text-align:right;white-space:nowrap}
td.k{white-space:nowrap;width:1%;padding-right:28px;color:var(--dim)}.failed td{color:var(--missed)}
pre{background:var(--card);border-radius:8px;padding:14px 16px;overflow-x:auto;margin:0;
font:13px/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,monospace}
@media print{body{max-width:none}}
)";

std::string paragraph(std::string_view css, std::string_view text) {
    return text.empty() ? ""
                        : "<p class=\"" + std::string(css) + "\">" + escape_markup(text) + "</p>\n";
}

struct Card {
    std::string name;
    std::string value;
    std::string note;
    Objective objective = Objective::kUnknown;
};

std::string card(const Card& card) {
    const std::string verdict(to_string(card.objective));
    return "<div class=\"card " + verdict + "\">" + escape_markup(card.name) + "<b>" +
           escape_markup(card.value) + "</b><span class=\"dim\">" + escape_markup(card.note) +
           "</span> <i>" + verdict + "</i></div>\n";
}

std::string cards(const Report& report) {
    const auto& cause = report.run.spec.cause;
    const auto sampled = sample_line(report);
    const auto sample = sampled.empty() ? std::string() : "; " + sampled;
    const auto lost =
        "<div class=\"card\">Lost data<b>" +
        escape_markup(report.loss.transactions ? std::to_string(*report.loss.transactions)
                                               : std::string("not counted")) +
        "</b><span class=\"dim\">" + escape_markup(loss_line(report) + sample) + "</span></div>\n";
    return "<div class=\"cards\">\n" +
           card({"Time to recover (RTO)", rto_value(report),
                 "objective " + format_duration(cause.rto), report.rto}) +
           card({"Data lost, in time (RPO)", or_unmeasured(report.loss.time),
                 "objective " + format_duration(cause.rpo), report.rpo}) +
           lost + "</div>\n";
}

std::string cell(std::string_view css, std::string_view text) {
    return "<td class=\"" + std::string(css) + "\">" + escape_markup(text) + "</td>";
}

std::string parts_table(const Parts& parts) {
    std::string head = "<table><tr>";
    std::string body = "<tr>";
    auto named = named_parts(parts);
    named.emplace_back("total", parts.total);
    for (const auto& [name, took] : named) {
        head += "<th>" + escape_markup(name) + "</th>";
        body += cell("", or_unmeasured(took));
    }
    return head + "</tr>" + body + "</tr></table>\n";
}

std::string result_of(const workflow::StepState& state) {
    if (!state.error.empty()) {
        return state.error;
    }
    std::string result;
    for (const auto& [name, value] : state.outputs) {
        if (value.empty()) {
            continue;
        }
        result += result.empty() ? "" : ", ";
        result += name;
        result += ' ';
        result += value;
    }
    return result;
}

std::string step_row(const plan::Step& step, const workflow::StepState& state) {
    const bool is_bad = state.status == workflow::StepStatus::kFailed;
    const bool has_begun = state.started.has_value();
    std::string out = is_bad ? "<tr class=\"failed\">" : "<tr>";
    out += cell("w s", step.id.str());
    out += cell("", step.phase);
    out += cell("", workflow::to_string(state.status));
    out += cell("n", has_begun ? "+" + human_duration(state.began_after) : "");
    out += cell("n", has_begun ? human_duration(state.took) : "");
    out += cell("w", result_of(state));
    return out + "</tr>\n";
}

std::string steps_table(const workflow::Run& run) {
    std::string out =
        "<table><tr><th>step</th><th>phase</th><th>status</th><th class=\"n\">began</th>"
        "<th class=\"n\">took</th><th>result</th></tr>\n";
    for (const auto& step : run.spec.steps) {
        const auto* found = state_of(run, step);
        out += step_row(step, found == nullptr ? workflow::StepState{} : *found);
    }
    return out + "</table>\n";
}

std::string facts_table(const workflow::Run& run) {
    const auto& cause = run.spec.cause;
    std::string out = "<table>\n";
    const auto add = [&out](std::string_view name, std::string_view value) {
        if (!value.empty()) {
            out += "<tr>" + cell("k", name) + cell("w", value) + "</tr>\n";
        }
    };
    add("run", run.spec.id.str());
    add("asked by", cause.requested_by + (cause.is_automatic ? " (automatic)" : ""));
    add("epoch", std::to_string(cause.epoch.value));
    add("first bad sample", cause.outage_began ? format_wall(*cause.outage_began) : "");
    add("judged down", cause.detected ? format_wall(*cause.detected) : "");
    add("decided", cause.decided ? format_wall(*cause.decided) : "");
    add("run began", format_wall(run.started));
    add("run ended", run.ended ? format_wall(*run.ended) : "");
    add("taken up again", run.restarts > 0 ? std::to_string(run.restarts) + " times" : "");
    add("plan", run.spec.plan_digest);
    return out + "</table>\n";
}

}  // namespace

std::string to_html(const Report& report) {
    const auto& run = report.run;
    const auto& cause = run.spec.cause;
    const auto name = escape_markup(title(report));
    auto out =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>" +
        name + "</title>\n<style>" + std::string(kStyle) + "</style></head>\n<body>\n<h1>" + name +
        ": " + escape_markup(workflow::to_string(run.status)) + "</h1>\n";
    out += paragraph("", cause.summary) + paragraph("", run.reason) +
           paragraph("dim", format_wall(run.started) + " · " + run.spec.id.str()) + cards(report);
    out += "<h2>Timeline</h2>\n<div class=\"scroll\">" + timeline_svg(report) + "</div>\n";
    out += "<h2>Where the time went</h2>\n<div class=\"scroll\">" + parts_table(report.parts) +
           "</div>\n<h2>Steps</h2>\n<div class=\"scroll\">" + steps_table(run) + "</div>\n";
    if (!cause.decision.empty()) {
        out += "<h2>Why it was decided</h2>\n<pre>" + escape_markup(cause.decision) + "</pre>\n";
    }
    return out + "<h2>The record</h2>\n" + facts_table(run) + "</body></html>\n";
}

}  // namespace muster::evidence
