// Rules of meaning of a service: its sites, its policy, and whether its objectives can be met.

#include <algorithm>
#include <array>

#include "plan/meaning.h"
#include "plan/nearest.h"
#include "plan/preset.h"

namespace muster::plan {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

/// The shortest objectives that a strategy can hold.
struct Reach {
    Strategy strategy;
    Duration rpo;
    Duration rto;
    std::string_view why;
};

// backup-restore: the field archives logs every 5 minutes at best (Amazon RDS user guide,
// "Restoring a DB instance to a specified time": the latest restorable time is typically within
// the last five minutes), and a restore copies all data before the first answer. "Disaster
// Recovery of Workloads on AWS" (AWS whitepaper, "Disaster recovery options in the cloud") puts it
// at hours, pilot-light at tens of minutes, warm-standby at minutes. Refused is only what nobody
// meets; the whitepaper's figure for pilot-light is a warning, since its servers start in seconds
// on some platforms.
constexpr std::array kReach{
    Reach{Strategy::kBackupRestore, minutes(5), minutes(10),
          "it ships backups at intervals and copies all data back first"},
    Reach{Strategy::kPilotLight, Duration{}, seconds(30), "its servers are started first"},
};
constexpr Duration kSlowPilotLight = minutes(10);

void check_arbiters(const Plan& plan, const Node* list, Findings& findings) {
    if (list == nullptr) {
        return;
    }
    const auto check = [&](const Node& item) {
        const Site* const site = plan.find(SiteId(item.scalar));
        if (item.is_scalar() && site != nullptr && site->is_arbiter) {
            findings.error(item.mark,
                           "site " + quote(item.scalar) + " is an arbiter: it can't run a service",
                           "name another site, or remove its `role: arbiter`");
        }
    };
    if (list->is_scalar()) {
        check(*list);
    }
    std::ranges::for_each(list->items, check);
}

void check_places(const Subject& subject, const Service& service, const Node& node,
                  Findings& findings) {
    const Node* const standby = node.find("standby");
    check_references(node.find("primary"), subject.sites, "", findings);
    check_references(standby, subject.sites, "", findings);
    check_arbiters(subject.plan, node.find("primary"), findings);
    check_arbiters(subject.plan, standby, findings);
    if (!service.primary.empty() &&
        std::ranges::find(service.standby, service.primary) != service.standby.end()) {
        findings.error(mark_of(node, "standby", service.primary.str()),
                       "site " + quote(service.primary.str()) + " is both primary and standby of " +
                           service.id.str(),
                       "a standby must be another site than the primary");
    }
    if (service.standby.empty() && service.strategy != Strategy::kBackupRestore) {
        findings.error(standby == nullptr ? service.mark : standby->mark,
                       "service " + service.id.str() + " has no standby, but its strategy is " +
                           std::string(to_string(service.strategy)),
                       "add `standby: [SITE]`, or use the strategy backup-restore");
    }
}

/// Even with a witness, silence is held for so long before anything moves.
void check_hold(const Service& service, const Node& node, Findings& findings) {
    const auto rto = service.objectives.rto;
    const auto holds = holds_of(service.failover);
    if (service.failover.mode != Mode::kAutomatic || rto <= Duration{}) {
        return;
    }
    if (holds.silence >= rto) {
        findings.error(at_path(node, {"objectives", "rto"}).mark,
                       "an rto of " + format_duration(rto) +
                           " can't be met: a silent loss is held for " +
                           format_duration(holds.silence) + " before a move",
                       "use the preset fast, a shorter failover.hold, or a longer rto");
    }
}

void check_policy(const Service& service, const Node& node, Findings& findings) {
    const Node& failover = at_path(node, {"failover"});
    const auto& policy = service.failover;
    if (policy.mode == Mode::kAutomatic && policy.preset == Preset::kManual) {
        findings.error(at_path(failover, {"preset"}).mark,
                       "the preset manual never moves by itself, but the mode is automatic",
                       "use the mode approve, or the preset fast, balanced or careful");
    }
    if (policy.mode == Mode::kAutomatic && policy.max_per_day == 0) {
        findings.error(at_path(failover, {"max_per_day"}).mark,
                       "the mode is automatic, but max_per_day is 0",
                       "use the mode approve, or allow at least one move a day");
    }
    if (policy.mode == Mode::kAutomatic && policy.fence == FenceClass::kAdvisory) {
        findings.warning(at_path(failover, {"fence"}).mark,
                         "an advisory fence proves nothing: an automatic move may leave two "
                         "writable primaries",
                         "use `fence: actuated`, or the mode approve");
    }
    if (policy.max_loss && *policy.max_loss > service.objectives.rpo) {
        findings.warning(at_path(failover, {"max_loss"}).mark,
                         "an automatic move may lose " + format_duration(*policy.max_loss) +
                             ", more than the rpo of " + format_duration(service.objectives.rpo),
                         "lower max_loss, or remove it: the rpo is then the bound");
    }
    check_hold(service, node, findings);
}

}  // namespace

void check_objectives(const Node& node, const Service& service, Findings& findings) {
    const Node& objectives = at_path(node, {"objectives"});
    const Node* const rpo = objectives.find("rpo");
    const Node* const rto = objectives.find("rto");
    const std::string strategy(to_string(service.strategy));
    const bool has_rto =
        rto != nullptr && (service.objectives.rto > Duration{} || rto->scalar == "0s");
    if (has_rto && service.objectives.rto == Duration{}) {
        findings.error(rto->mark, "an rto of 0s can't be met: noticing a loss takes time",
                       "write the longest outage that the business can bear, such as 2m");
        return;
    }
    for (const auto& reach : kReach) {
        if (reach.strategy != service.strategy) {
            continue;
        }
        if (rpo != nullptr && rpo->is_scalar() && parse_duration(rpo->scalar) &&
            service.objectives.rpo < reach.rpo) {
            findings.error(
                rpo->mark,
                "the strategy " + strategy + " can't meet an rpo of " +
                    format_duration(service.objectives.rpo) + ": " + std::string(reach.why),
                "at least " + format_duration(reach.rpo) + ", or the strategy warm-standby");
        }
        if (has_rto && service.objectives.rto < reach.rto) {
            findings.error(
                rto->mark,
                "the strategy " + strategy + " can't meet an rto of " +
                    format_duration(service.objectives.rto) + ": " + std::string(reach.why),
                "at least " + format_duration(reach.rto) + ", or the strategy warm-standby");
        }
    }
    if (has_rto && service.strategy == Strategy::kPilotLight &&
        service.objectives.rto >= seconds(30) && service.objectives.rto < kSlowPilotLight) {
        findings.warning(rto->mark,
                         "pilot-light takes tens of minutes where servers are slow to start; the "
                         "rto is " +
                             format_duration(service.objectives.rto),
                         "rehearse it by a switchover, or use the strategy warm-standby");
    }
}

void check_service(const Subject& subject, const Service& service, Findings& findings) {
    const Node& node = at_path(subject.document, {"services", service.id.str()});
    check_places(subject, service, node, findings);
    check_references(node.find("depends_on"), subject.services, service.id.str(), findings);
    check_objectives(node, service, findings);
    check_policy(service, node, findings);
}

}  // namespace muster::plan
