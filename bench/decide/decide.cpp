// One round of decide() over 1, 100 and 10,000 services, beside a bare count of the same votes.
#include "decide/decide.h"

#include <algorithm>

#include "support/report.h"

namespace {

using namespace muster;
using namespace std::chrono_literals;

constexpr Instant kNow{10h};
/// A measurement decides about so many services in all, in as many rounds as that takes.
constexpr int kServicesPerMeasurement = 10'000;
constexpr double kMicroseconds = 1e6;

struct Case {
    plan::Plan plan;
    decide::View view;
};

decide::Vote vote(const probe::TargetId& target, const SiteId& vantage, bool is_lost) {
    const bool is_down = is_lost && target.site == SiteId("east");
    return {.vantage = vantage,
            .target = target,
            .health = is_down ? probe::Health::kDown : probe::Health::kUp,
            .evidence = is_down ? probe::Evidence::kHard : probe::Evidence::kGood,
            .since = kNow - 1min,
            .received = kNow - 500ms,
            .detail = {}};
}

plan::Service planned(const ServiceId& id) {
    plan::Service service;
    service.id = id;
    service.primary = SiteId("east");
    service.standby = {SiteId("west")};
    service.objectives.rpo = 30s;
    service.failover.mode = plan::Mode::kAutomatic;
    service.failover.preset = plan::Preset::kFast;
    return service;
}

decide::ServiceView seen(const ServiceId& id, const std::vector<decide::Vantage>& vantages,
                         bool is_lost) {
    decide::ServiceView view;
    view.service = id;
    view.primary = SiteId("east");
    view.has_full_picture = true;
    view.writable_primaries = 1;
    view.fence = plan::FenceClass::kActuated;
    for (const auto* component : {"db", "web"}) {
        for (const auto* site : {"east", "west"}) {
            const probe::TargetId target{id, ComponentId(component), SiteId(site), ""};
            view.targets.push_back(target);
            for (const auto& vantage : vantages) {
                view.votes.push_back(vote(target, vantage.site, is_lost));
            }
        }
    }
    decide::Candidate candidate;
    candidate.site = SiteId("west");
    candidate.is_up = true;
    candidate.loss = 1s;
    view.candidates.push_back(candidate);
    return view;
}

/// Three vantages, two components at two sites: twelve votes for each service.
Case make(int services, bool is_lost) {
    Case made;
    for (const auto* name : {"east", "west", "arbiter"}) {
        plan::Site site;
        site.id = SiteId(name);
        site.is_arbiter = site.id == SiteId("arbiter");
        made.plan.sites.push_back(site);
        made.view.vantages.push_back({.site = site.id, .is_eligible = true, .why_not = {}});
    }
    for (int i = 0; i < services; ++i) {
        const ServiceId id("s" + std::to_string(i));
        made.plan.services.push_back(planned(id));
        made.view.services.push_back(seen(id, made.view.vantages, is_lost));
    }
    return made;
}

/// What a script would do: a service is down when most of the votes on its primary site say so.
int count_down(const decide::View& view) {
    int down = 0;
    for (const auto& service : view.services) {
        int balance = 0;
        for (const auto& vote : service.votes) {
            if (vote.target.site == service.primary) {
                balance += vote.health == probe::Health::kDown ? 1 : -1;
            }
        }
        down += balance > 0 ? 1 : 0;
    }
    return down;
}

int count_decided(const Case& at) {
    const auto decisions = decide::decide(at.view, at.plan, kNow);
    return static_cast<int>(std::ranges::count_if(
        decisions, [](const auto& decision) { return decision.kind == decide::Kind::kFailover; }));
}

void measure(int services, bool is_lost, bench::Report* report) {
    const Case at = make(services, is_lost);
    const int rounds = std::max(1, kServicesPerMeasurement / services);
    const int expected = is_lost ? services * rounds : 0;
    const std::string name = std::to_string(services) + (services == 1 ? " service" : " services") +
                             (is_lost ? ", site lost" : ", all well");
    int counted = 0;
    const double plain = bench::seconds_of([&] {
        for (int i = 0; i < rounds; ++i) {
            counted += count_down(at.view);
        }
    });
    int decided = 0;
    const double real = bench::seconds_of([&] {
        for (int i = 0; i < rounds; ++i) {
            decided += count_decided(at);
        }
    });
    if (counted != expected || decided != expected) {
        bench::give_up("of " + std::to_string(expected) + " outages, the count saw " +
                       std::to_string(counted) + " and decide() " + std::to_string(decided));
    }
    report->add({"plain count of votes", name, "us/round"}, plain / rounds * kMicroseconds);
    report->add({"muster decide()", name, "us/round"}, real / rounds * kMicroseconds);
}

}  // namespace

int main(int count, char** words) {
    bench::Report report;
    for (int i = 0; i < bench::kRepetitions; ++i) {
        for (const int services : {1, 100, 10'000}) {
            measure(services, false, &report);
            measure(services, true, &report);
        }
    }
    return report.finish(bench::words_of(count, words));
}
