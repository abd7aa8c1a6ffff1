#include "postgres/timeline_history.h"

#include "postgres/lines.h"

namespace muster::postgres {
namespace {

constexpr std::string_view kBlank = " \t";

Result<TimelineSwitch> switch_of(std::string_view line) {
    const auto first = line.find_first_of(kBlank);
    if (first != std::string_view::npos) {
        const auto rest = trimmed(line.substr(first));
        const auto timeline = number_in<int>(line.substr(0, first));
        const auto end = parse_lsn(rest.substr(0, rest.find_first_of(kBlank)));
        if (timeline && *timeline > 0 && end) {
            return TimelineSwitch{*timeline, *end};
        }
    }
    return Error(Errc::kCorrupt,
                 "\"" + std::string(line.substr(0, 60)) + "\" is no line of a timeline history");
}

}  // namespace

Result<std::vector<TimelineSwitch>> parse_timeline_history(std::string_view text) {
    std::vector<TimelineSwitch> history;
    for (const auto whole : lines_of(text)) {
        const auto line = trimmed(whole);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        TRY(const auto next, switch_of(line));
        if (!history.empty() && next.timeline <= history.back().timeline) {
            return Error(Errc::kCorrupt, "timeline history: " + std::to_string(next.timeline) +
                                             " comes after " +
                                             std::to_string(history.back().timeline));
        }
        history.push_back(next);
    }
    return history;
}

std::optional<Lsn> fork_of(const std::vector<TimelineSwitch>& history, int timeline) {
    for (const auto& entry : history) {
        if (entry.timeline == timeline) {
            return entry.end;
        }
    }
    return std::nullopt;
}

}  // namespace muster::postgres
