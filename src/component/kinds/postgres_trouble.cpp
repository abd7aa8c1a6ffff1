#include "component/kinds/postgres_trouble.h"

#include "component/kinds/facts.h"
#include "postgres/lineage.h"
#include "postgres/lines.h"
#include "postgres/lsn.h"

namespace muster::component {
namespace {

// Only what both said while they were up is compared.
bool is_told(const probe::Verdict& verdict) {
    return verdict.health == probe::Health::kUp && verdict.facts_at == verdict.sampled;
}

postgres::Lineage lineage_of(const probe::Verdict& verdict) {
    postgres::Lineage lineage;
    lineage.system_identifier = fact(verdict, "system_identifier");
    lineage.timeline = postgres::number_in<int>(fact(verdict, "timeline")).value_or(0);
    lineage.history = fact(verdict, "history");
    if (const auto lsn = postgres::parse_lsn(fact(verdict, "lsn"))) {
        lineage.position = *lsn;
    }
    return lineage;
}

std::string fork_of(const probe::Verdict& its, const probe::Verdict& primary) {
    const bool may_compare = is_told(its) && is_told(primary) && fact(its, "role") == "standby" &&
                             fact(primary, "role") == "primary";
    return may_compare ? postgres::explain_fork(lineage_of(primary), lineage_of(its))
                       : std::string();
}

}  // namespace

bool has_forked(const probe::Verdict& its, const probe::Verdict& primary) {
    return !fork_of(its, primary).empty();
}

std::string standby_trouble(const probe::TargetId& standby, const probe::Verdict& its,
                            const probe::Verdict& primary) {
    const bool is_idle = fact(its, "streaming") == "false" || has_forked(its, primary);
    if (!is_told(its) || !is_told(primary) || fact(its, "role") != "standby" || !is_idle) {
        return {};
    }
    const std::string mend = "; make it a standby again: muster rebuild " + standby.service.str() +
                             " --to " + standby.site.str();
    if (const auto fork = fork_of(its, primary); !fork.empty()) {
        return "does not follow the primary: " + fork + mend;
    }
    const auto mine = fact(its, "timeline");
    const auto theirs = fact(primary, "timeline");
    if (!mine.empty() && !theirs.empty() && mine != theirs) {
        return "does not follow the primary: it is on timeline " + mine +
               ", the primary on timeline " + theirs + mend;
    }
    const auto needed = postgres::parse_lsn(fact(its, "lsn"));
    const auto oldest = postgres::parse_lsn(fact(primary, "oldest_wal_lsn"));
    if (needed && oldest && *needed < *oldest) {
        return "does not follow the primary: it needs WAL from " + to_string(*needed) +
               " on, and the oldest that the primary still has is " + to_string(*oldest) + mend;
    }
    if (const auto full = fact(its, "disk_full"); !full.empty()) {
        return "does not follow the primary: " + full;
    }
    return "does not stream from the primary; its server log tells why (is the primary reachable "
           "from there, and has its pg_hba.conf a replication line for it?)";
}

}  // namespace muster::component
