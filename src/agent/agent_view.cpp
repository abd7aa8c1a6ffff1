#include <algorithm>

#include "agent/state.h"

namespace muster::agent {

namespace {

using component::SiteReport;

// A verdict is fresh while its probe keeps its rhythm; a stalled one loses its vote by its age.
Instant received_of(const probe::Verdict& verdict, Instant now) {
    constexpr Duration kGrace = std::chrono::seconds(12);
    return now - verdict.sampled <= kGrace ? now : verdict.sampled;
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

// The first bad sample at the primary: what was written after it was not acknowledged.
std::optional<Instant> outage_began(const LiveService& live, const component::Verdicts& verdicts) {
    std::optional<Instant> began;
    for (const auto& [target, verdict] : verdicts) {
        if (target.site == live.primacy.site && verdict.health == probe::Health::kDown &&
            (!began || verdict.since < *began)) {
            began = verdict.since;
        }
    }
    return began;
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
    candidate->is_in_sync &= report.is_in_sync;
}

}  // namespace

Ballot Agent::State::own_ballot() const {
    const auto now = deps.clock.now();
    Ballot ballot;
    ballot.vantage = {options.site, eligibility.is_eligible, eligibility.why_not};
    for (const auto& live : services) {
        for (const auto& target : live.targets) {
            const auto* detector = scheduler.find(target);
            if (detector == nullptr) {
                continue;
            }
            const auto& verdict = detector->verdict();
            ballot.votes.push_back({options.site, target, verdict.health, verdict.evidence,
                                    verdict.since, received_of(verdict, now), verdict.detail});
        }
        for (std::size_t i = 0; i < live.components.size(); ++i) {
            if (live.components[i]->is_stateful()) {
                add_witnesses(live, reports_of(live, i), live.plan->components[i].id.str(), now,
                              &ballot.witnesses);
            }
        }
    }
    return ballot;
}

decide::ServiceView Agent::State::view_of(const LiveService& live) const {
    const auto now = deps.clock.now();
    decide::ServiceView view;
    view.service = live.plan->id;
    view.primary = live.primacy.site;
    view.epoch = live.primacy.epoch;
    view.targets = live.targets;
    view.is_frozen = live.plan->failover.is_frozen;
    view.waiting_approval = live.waiting_approval;
    view.fence = plan::FenceClass::kEnforced;
    view.has_full_picture = !live.targets.empty();
    const auto verdicts = verdicts_of(live);
    for (const auto& [target, verdict] : verdicts) {
        view.has_full_picture &= verdict.health != probe::Health::kUnknown;
    }
    std::vector<std::vector<SiteReport>> reports;
    for (std::size_t i = 0; i < live.components.size(); ++i) {
        reports.push_back(reports_of(live, i));
        if (!live.components[i]->is_stateful()) {
            continue;
        }
        view.fence = std::min(
            view.fence, live.components[i]->fence_class().value_or(plan::FenceClass::kAdvisory));
        note_writers(reports.back(), &view);
    }
    const auto began = outage_began(live, verdicts);
    std::vector<SiteId> sites{live.plan->primary};
    sites.insert(sites.end(), live.plan->standby.begin(), live.plan->standby.end());
    for (const auto& site : sites) {
        if (site == live.primacy.site) {
            continue;
        }
        decide::Candidate candidate;
        candidate.site = site;
        candidate.is_up = true;
        candidate.loss = Duration(0);
        candidate.is_in_sync = std::ranges::any_of(
            live.components, [](const auto& part) { return part->is_stateful(); });
        for (std::size_t i = 0; i < live.components.size(); ++i) {
            if (const auto* report = report_at(reports[i], site)) {
                weigh({&live, site, began, now}, *live.components[i], *report, &candidate);
            }
        }
        view.candidates.push_back(std::move(candidate));
    }
    view.active_run = active_run(live);
    for (const auto& [run, at] : live.automatic_moves) {
        if (now - at < std::chrono::hours(24)) {
            view.moves_ago.push_back(now - at);
        }
    }
    return view;
}

decide::View Agent::State::view() const {
    decide::View whole;
    const auto own = own_ballot();
    std::vector<const Ballot*> ballots{&own};
    for (const auto& site : options.vantages) {
        const auto found = heard.find(site);
        if (site == options.site) {
            whole.vantages.push_back(own.vantage);
        } else if (found == heard.end()) {
            whole.vantages.push_back({site, false, "nothing heard of it yet"});
        } else if (deps.clock.now() - found->second.heard > std::chrono::seconds(10)) {
            whole.vantages.push_back({site, false, "nothing heard of it for 10 s"});
        } else {
            whole.vantages.push_back(found->second.ballot.vantage);
            ballots.push_back(&found->second.ballot);
        }
    }
    for (const auto& live : services) {
        auto view = view_of(live);
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

}  // namespace muster::agent
