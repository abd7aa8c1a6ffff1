#include "component/kinds/facts.h"

namespace muster::component {

std::string fact(const probe::Verdict& verdict, const std::string& name) {
    const auto found = verdict.facts.find(name);
    return found == verdict.facts.end() ? std::string() : found->second;
}

bool has_current_facts(const probe::Verdict& verdict) {
    return verdict.facts_at == verdict.sampled && !verdict.facts.empty();
}

SiteReport report_of(const probe::TargetId& target, const Verdicts& verdicts) {
    SiteReport report;
    report.site = target.site;
    report.wanted = 1;
    const auto found = verdicts.find(target);
    if (found == verdicts.end()) {
        report.detail = "not watched yet";
        return report;
    }
    const probe::Verdict& verdict = found->second;
    const bool is_current = has_current_facts(verdict);
    report.health = verdict.health;
    report.evidence = verdict.evidence;
    report.since = verdict.since;
    report.sampled = verdict.sampled;
    report.detail = verdict.detail;
    report.healthy = verdict.health == probe::Health::kUp ? 1 : 0;
    report.role = fact(verdict, "role");
    report.is_writable = is_current && fact(verdict, "writable") == "true";
    report.is_confirmed_stopped = is_current && fact(verdict, "process") == "stopped";
    return report;
}

}  // namespace muster::component
