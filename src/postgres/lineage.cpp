#include "postgres/lineage.h"

#include "postgres/timeline_history.h"

namespace muster::postgres {

std::string explain_fork(const Lineage& primary, const Lineage& standby) {
    if (!primary.system_identifier.empty() && !standby.system_identifier.empty() &&
        primary.system_identifier != standby.system_identifier) {
        return "it belongs to another cluster (system identifier " + standby.system_identifier +
               ", the primary's is " + primary.system_identifier + "): is its conninfo right?";
    }
    if (primary.timeline == 0 || standby.timeline == 0 || primary.timeline == standby.timeline) {
        return "";
    }
    const std::string own = "it is on timeline " + std::to_string(standby.timeline) + " up to " +
                            to_string(standby.position);
    const std::string other = "timeline " + std::to_string(primary.timeline);
    if (standby.timeline > primary.timeline) {
        return own + ", the primary still on " + other + ": it was promoted once";
    }
    const auto history = parse_timeline_history(primary.history);
    if (primary.history.empty() || !history) {
        return "";
    }
    const auto fork = fork_of(*history, standby.timeline);
    if (!fork) {
        return own + ", which the primary's " + other + " never went through";
    }
    if (standby.position <= *fork) {
        return "";
    }
    return own + ", which the primary's " + other + " left at " + to_string(*fork) + ": it has " +
           std::to_string(standby.position.value - fork->value) + " bytes of its own";
}

}  // namespace muster::postgres
