#include <algorithm>

#include "agent/look.h"

namespace muster::agent {

namespace {

using component::SiteReport;

// A verdict is fresh while its probe keeps its rhythm; a stalled one loses its vote by its age.
Instant received_of(Instant sampled, Instant now) {
    constexpr Duration kGrace = std::chrono::seconds(12);
    return now - sampled <= kGrace ? now : sampled;
}

const SiteReport* report_at(const std::vector<SiteReport>& reports, const SiteId& site) {
    const auto found = std::ranges::find(reports, site, &SiteReport::site);
    return found == reports.end() ? nullptr : &*found;
}

void add_witnesses(const LiveService& live, const std::vector<SiteReport>& reports,
                   const std::string& component, Instant now,
                   std::vector<decide::Witness>* witnesses) {
    for (const auto& report : reports) {
        const bool is_primary = report.site == live.primacy.site;
        decide::Witness witness;
        witness.site = report.site;
        witness.service = live.plan->id;
        witness.detail = report.detail;
        if (is_primary && report.is_confirmed_stopped) {
            witness.name = "host of " + component + "@" + report.site.str();
            witness.says = decide::Witness::Says::kDead;
            witness.is_confirmed_stop = true;
            witness.at = now;
            witnesses->push_back(witness);
        } else if (!is_primary && report.sees_primary.has_value()) {
            witness.name = component + "@" + report.site.str() + " sees the primary";
            witness.says =
                *report.sees_primary ? decide::Witness::Says::kAlive : decide::Witness::Says::kDead;
            witness.at = report.sees_primary_at;
            witnesses->push_back(witness);
        }
    }
}

// The first bad sample of the primary itself: what was written after it was not acknowledged. What
// else is down at its site does not end the writing.
std::optional<Instant> outage_began(const LiveService& live,
                                    const std::vector<SiteReport>& reports) {
    const auto* primary = report_at(reports, live.primacy.site);
    return primary != nullptr && primary->health == probe::Health::kDown
               ? std::optional(primary->since)
               : std::nullopt;
}

// What is one to the decision: a component with data is one target at each site, however many
// servers it has there.
bool is_one_of_many(const LiveService& live, const probe::TargetId& target) {
    if (target.instance.empty()) {
        return false;
    }
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        if (live.plan->components[i].id == target.component) {
            return live.components[i]->is_stateful();
        }
    }
    return false;
}

probe::TargetId whole(const probe::TargetId& target) {
    return {target.service, target.component, target.site, ""};
}

// A site that takes writes where a standby is wanted counts as down, and as a writer all the more.
void note_writers(const std::vector<SiteReport>& reports, decide::ServiceView* view) {
    std::vector<SiteId> writers;
    for (const auto& report : reports) {
        if (report.is_writable) {
            writers.push_back(report.site);
        }
    }
    if (writers.size() > view->writers.size()) {
        view->writers = std::move(writers);
        view->writable_primaries = static_cast<int>(view->writers.size());
    }
}

struct CandidateInput {
    const LiveService* live = nullptr;
    SiteId site;
    std::optional<Instant> began;
    Instant now;
};

void weigh(const CandidateInput& in, const component::Component& part, const SiteReport& report,
           decide::Candidate* candidate) {
    if (report.health != probe::Health::kUp) {
        candidate->is_up = false;
        candidate->why_not += (candidate->why_not.empty() ? "" : "; ") + report.detail;
    }
    if (report.wanted > 0 && report.healthy == 0) {
        candidate->has_capacity = false;
    }
    if (!part.is_stateful()) {
        return;
    }
    // Before anything else: a standby of which nothing is known is not in sync either.
    candidate->is_in_sync &= report.is_in_sync;
    candidate->sync_detail = report.sync_detail;
    if (!report.data_as_of) {
        candidate->loss.reset();
        return;
    }
    const auto last_write = in.began.value_or(in.now);
    const auto loss = std::max(Duration(0), last_write - *report.data_as_of);
    if (candidate->loss) {
        candidate->loss = std::max(*candidate->loss, loss);
    }
    candidate->loss_bytes = report.lag_bytes;
}

}  // namespace

component::Verdicts verdicts_of(const Look& look, const LiveService& live) {
    component::Verdicts verdicts;
    for (const auto& target : live.targets) {
        if (const auto* verdict = look.verdict(target)) {
            verdicts[target] = *verdict;
        }
    }
    return verdicts;
}

namespace {

using component::Verdicts;

// Managed replication counts by the record alone, never by what a probe happened to see.
void add_sync(const InSync& known, SiteReport* report) {
    report->is_in_sync = !known.site.empty() && known.site == report->site;
    if (report->is_in_sync) {
        report->lag = Duration(0);  // All that is acknowledged is there.
    } else {
        report->sync_detail = report->site.str() + " is not known to be in sync: " + known.detail;
    }
}

std::vector<SiteReport> reports_of_part(const Look& look, const LiveService& live,
                                        const Verdicts& verdicts, std::size_t index) {
    std::vector<SiteReport> reports;
    std::vector<SiteId> sites{live.plan->primary};
    sites.insert(sites.end(), live.plan->standby.begin(), live.plan->standby.end());
    const auto& part = live.plan->components[index];
    // A site that never takes over (the end of a cascade) may still hold a writer by mistake.
    for (const auto& at : part.sites) {
        if (std::ranges::find(sites, at.site) == sites.end()) {
            sites.push_back(at.site);
        }
    }
    const auto in_sync = look.in_sync(live, index);
    for (const auto& site : sites) {
        const bool is_there = std::ranges::any_of(live.targets, [&](const auto& target) {
            return target.component == part.id && target.site == site;
        });
        if (is_there) {
            reports.push_back(
                live.components[index]->assess(site, live.primacy.site, verdicts, look.now));
            if (in_sync && site != live.primacy.site) {
                add_sync(*in_sync, &reports.back());
            }
        }
    }
    return reports;
}

Reports reports_from(const Look& look, const LiveService& live, const Verdicts& verdicts) {
    Reports reports;
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        reports.push_back(reports_of_part(look, live, verdicts, i));
    }
    return reports;
}

// The witnesses of a component with data; and its vote for each site that has several servers.
void add_part(const Look& look, const LiveService& live, std::size_t index,
              const std::vector<SiteReport>& reports, Ballot* ballot) {
    const auto& component = live.plan->components[index].id;
    add_witnesses(live, reports, component.str(), look.now, &ballot->witnesses);
    for (const auto& report : reports) {
        const auto is_split = [&](const auto& target) {
            return target.component == component && target.site == report.site &&
                   is_one_of_many(live, target);
        };
        if (std::ranges::any_of(live.targets, is_split)) {
            ballot->votes.push_back({look.site,
                                     {live.plan->id, component, report.site, ""},
                                     report.health,
                                     report.evidence,
                                     report.since,
                                     received_of(report.sampled, look.now),
                                     report.detail});
        }
    }
}

}  // namespace

Reports reports_of(const Look& look, const LiveService& live) {
    return reports_from(look, live, verdicts_of(look, live));
}

Ballot ballot_of(const Look& look, const std::vector<LiveService>& services) {
    const auto now = look.now;
    Ballot ballot;
    ballot.vantage = {look.site, look.eligibility.is_eligible, look.eligibility.why_not};
    for (const auto& live : services) {
        for (const auto& target : live.targets) {
            const auto* verdict = look.verdict(target);
            if (verdict == nullptr) {
                continue;
            }
            if (is_one_of_many(live, target)) {
                continue;
            }
            // One good sample does not bring a target up again, yet nobody may act on its loss: a
            // pair that is started anew would be moved because the standby was seen up first.
            const bool answers_again =
                verdict->health == probe::Health::kDown && verdict->is_answering;
            ballot.votes.push_back({look.site, target,
                                    answers_again ? probe::Health::kUnknown : verdict->health,
                                    verdict->evidence, verdict->since,
                                    received_of(verdict->sampled, now), verdict->detail});
        }
        const auto reports = reports_of(look, live);
        for (std::size_t i = 0; i < live.components.size(); ++i) {
            if (live.components[i]->is_stateful()) {
                add_part(look, live, i, reports[i], &ballot);
            }
        }
    }
    return ballot;
}

namespace {

std::vector<probe::TargetId> targets_of(const LiveService& live) {
    std::vector<probe::TargetId> targets;
    for (const auto& target : live.targets) {
        const auto seen = is_one_of_many(live, target) ? whole(target) : target;
        if (std::ranges::find(targets, seen) == targets.end()) {
            targets.push_back(seen);
        }
    }
    return targets;
}

decide::Candidate candidate_at(const LiveService& live, const SiteId& site, const Reports& reports,
                               Instant now) {
    decide::Candidate candidate;
    candidate.site = site;
    candidate.is_up = true;
    candidate.loss = Duration(0);
    candidate.is_in_sync =
        std::ranges::any_of(live.components, [](const auto& part) { return part->is_stateful(); });
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        if (const auto* report = report_at(reports[i], site)) {
            weigh({&live, site, outage_began(live, reports[i]), now}, *live.components[i], *report,
                  &candidate);
        } else if (live.components[i]->is_stateful()) {
            candidate.is_in_sync = false;  // Nothing is known of it there.
            candidate.loss.reset();
        }
    }
    return candidate;
}

std::vector<decide::Candidate> candidates_of(const LiveService& live, const Reports& reports,
                                             Instant now) {
    std::vector<SiteId> sites{live.plan->primary};
    sites.insert(sites.end(), live.plan->standby.begin(), live.plan->standby.end());
    std::vector<decide::Candidate> candidates;
    for (const auto& site : sites) {
        if (site != live.primacy.site) {
            candidates.push_back(candidate_at(live, site, reports, now));
        }
    }
    return candidates;
}

}  // namespace

decide::ServiceView view_of(const Look& look, const LiveService& live) {
    const auto now = look.now;
    decide::ServiceView view;
    view.service = live.plan->id;
    view.primary = live.primacy.site;
    view.epoch = live.primacy.epoch;
    view.targets = targets_of(live);
    view.is_frozen = live.plan->failover.is_frozen;
    view.waiting_approval = live.waiting_approval;
    view.fence = plan::FenceClass::kEnforced;
    view.has_full_picture = !live.targets.empty();
    const auto verdicts = verdicts_of(look, live);
    for (const auto& [target, verdict] : verdicts) {
        // Refusing the probe is a report too: that target is neither up nor down.
        view.has_full_picture &= verdict.health != probe::Health::kUnknown || verdict.is_blind;
        if (!look.seen_up.has(target)) {
            view.never_up.push_back(target);
        }
    }
    const auto reports = reports_from(look, live, verdicts);
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        if (!live.components[i]->is_stateful()) {
            continue;
        }
        view.fence = std::min(
            view.fence, live.components[i]->fence_class().value_or(plan::FenceClass::kAdvisory));
        note_writers(reports[i], &view);
    }
    view.candidates = candidates_of(live, reports, now);
    view.active_run = look.active_run(live);
    view.rebuilding = look.rebuilding(live);
    for (const auto& [run, at] : live.automatic_moves) {
        if (now - at < std::chrono::hours(24)) {
            view.moves_ago.push_back(now - at);
        }
    }
    return view;
}

decide::View view_of(const Look& look, const std::vector<LiveService>& services) {
    decide::View whole;
    const auto own = ballot_of(look, services);
    std::vector<const Ballot*> ballots{&own};
    for (const auto& site : look.vantages) {
        const auto found = look.heard.find(site);
        if (site == look.site) {
            whole.vantages.push_back(own.vantage);
        } else if (found == look.heard.end()) {
            whole.vantages.push_back({site, false, "nothing heard of it yet"});
        } else if (look.now - found->second.heard > std::chrono::seconds(10)) {
            whole.vantages.push_back({site, false, "nothing heard of it for 10 s"});
        } else {
            whole.vantages.push_back(found->second.ballot.vantage);
            ballots.push_back(&found->second.ballot);
        }
    }
    for (const auto& live : services) {
        auto view = view_of(look, live);
        for (const auto* ballot : ballots) {
            std::ranges::copy_if(
                ballot->votes, std::back_inserter(view.votes),
                [&live](const auto& vote) { return vote.target.service == live.plan->id; });
            std::ranges::copy_if(
                ballot->witnesses, std::back_inserter(view.witnesses),
                [&live](const auto& witness) { return witness.service == live.plan->id; });
        }
        whole.services.push_back(std::move(view));
    }
    return whole;
}

Outcome outcome_of(const decide::Decision& decision) {
    Outcome outcome{decision.service,
                    std::string(to_string(decision.kind)),
                    decision.target ? decision.target->str() : std::string(),
                    {},
                    decision.summary};
    for (const auto& stage : decision.stages) {
        if (stage.state == decide::Stage::State::kStopped) {
            outcome.stops += (outcome.stops.empty() ? "" : ", ") + stage.name;
        }
    }
    return outcome;
}

}  // namespace muster::agent
