#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "decide/decide.h"

// Random views from a seed: what must hold for all of them.

namespace muster::decide {
namespace {

using namespace std::chrono_literals;
using probe::Evidence;
using probe::Health;

constexpr Instant kNow{10h};
constexpr int kCases = 1000;
constexpr std::array kSites{"east", "west", "arbiter"};

class Dice {
  public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    int roll(int sides) { return static_cast<int>(engine_() % static_cast<unsigned>(sides)); }
    bool one_in(int sides) { return roll(sides) == 0; }

  private:
    std::mt19937 engine_;
};

struct Case {
    plan::Plan plan;
    View view;
};

plan::Service planned(Dice& dice, const std::string& name) {
    plan::Service service;
    service.id = ServiceId(name);
    service.primary = SiteId("east");
    service.standby = {SiteId("west")};
    service.objectives.rpo = 30s;
    service.impact.tier = 1 + dice.roll(3);
    service.failover.mode = dice.one_in(6) ? plan::Mode::kApprove : plan::Mode::kAutomatic;
    service.failover.preset =
        std::array{plan::Preset::kFast, plan::Preset::kBalanced,
                   plan::Preset::kCareful}[static_cast<std::size_t>(dice.roll(3))];
    return service;
}

Vote vote(Dice& dice, const probe::TargetId& target, int vantage) {
    const bool is_lost = target.site == SiteId("east");
    Vote made;
    made.vantage = SiteId("v" + std::to_string(vantage));
    made.target = target;
    made.health = dice.one_in(is_lost ? 12 : 1) || !is_lost ? Health::kUp : Health::kDown;
    if (dice.one_in(25)) {
        made.health = dice.one_in(2) ? Health::kUnknown : Health::kDown;
    }
    if (made.health == Health::kDown) {
        made.evidence = dice.one_in(3) ? Evidence::kHard : Evidence::kSilence;
    }
    made.since = kNow - std::chrono::seconds(1 + dice.roll(240));
    made.received = kNow - std::chrono::milliseconds(dice.one_in(20) ? 9000 : dice.roll(2500));
    return made;
}

ServiceView seen(Dice& dice, const ServiceId& service, int vantages) {
    ServiceView view;
    view.service = service;
    view.primary = SiteId("east");
    view.has_full_picture = true;
    view.writable_primaries = 1;
    view.fence = dice.one_in(6) ? plan::FenceClass::kLease : plan::FenceClass::kActuated;
    for (const auto* component : {"db", "web"}) {
        for (const auto* site : {"east", "west"}) {
            const probe::TargetId target{.service = service,
                                         .component = ComponentId(component),
                                         .site = SiteId(site),
                                         .instance = ""};
            view.targets.push_back(target);
            for (int v = 0; v < vantages; ++v) {
                view.votes.push_back(vote(dice, target, v));
            }
        }
    }
    if (dice.one_in(2)) {
        Witness witness;
        witness.name = "db@west";
        witness.site = SiteId("west");
        witness.says = dice.one_in(4) ? Witness::Says::kAlive : Witness::Says::kDead;
        witness.at = kNow - std::chrono::milliseconds(dice.roll(9000));
        view.witnesses.push_back(witness);
    }
    Candidate candidate;
    candidate.site = SiteId("west");
    candidate.is_up = !dice.one_in(8);
    if (!dice.one_in(8)) {
        candidate.loss = std::chrono::seconds(dice.roll(40));
    }
    view.candidates.push_back(candidate);
    return view;
}

Case make(unsigned seed) {
    Dice dice(seed);
    Case made;
    for (const auto* site : kSites) {
        plan::Site planned_site;
        planned_site.id = SiteId(site);
        made.plan.sites.push_back(planned_site);
    }
    const int vantages = 1 + dice.roll(6);
    for (int v = 0; v < vantages; ++v) {
        made.view.vantages.push_back({.site = SiteId("v" + std::to_string(v)),
                                      .is_eligible = !dice.one_in(9),
                                      .why_not = ""});
    }
    const int services = 1 + dice.roll(4);
    for (int s = 0; s < services; ++s) {
        made.plan.services.push_back(planned(dice, "s" + std::to_string(s)));
        auto& service = made.plan.services.back();
        if (s > 0 && dice.one_in(3)) {
            service.depends_on = {ServiceId("s" + std::to_string(dice.roll(s)))};
        }
        made.view.services.push_back(seen(dice, service.id, vantages));
    }
    return made;
}

int action(Kind kind) {
    if (kind == Kind::kFailover) {
        return 2;
    }
    return kind == Kind::kApproval ? 1 : 0;
}

std::map<ServiceId, int> actions(const Case& at) {
    std::map<ServiceId, int> all;
    for (const auto& decision : decide(at.view, at.plan, kNow)) {
        all[decision.service] = action(decision.kind);
    }
    return all;
}

void expect_not_above(const Case& at, const std::map<ServiceId, int>& before, unsigned seed) {
    for (const auto& [service, level] : actions(at)) {
        EXPECT_LE(level, before.at(service)) << service.str() << ", seed " << seed;
    }
}

TEST(Decide, TakingAVoteAwayNeverRaisesAnAction) {
    for (unsigned seed = 0; seed < kCases; ++seed) {
        auto at = make(seed);
        const auto before = actions(at);
        Dice dice(seed + 1);
        auto& votes = at.view
                          .services[static_cast<std::size_t>(
                              dice.roll(static_cast<int>(at.view.services.size())))]
                          .votes;
        votes.erase(votes.begin() + dice.roll(static_cast<int>(votes.size())));
        expect_not_above(at, before, seed);
    }
}

TEST(Decide, AgeingVotesNeverRaisesAnAction) {
    for (unsigned seed = 0; seed < kCases; ++seed) {
        auto at = make(seed);
        const auto before = actions(at);
        Dice dice(seed + 1);
        for (auto& service : at.view.services) {
            for (auto& cast : service.votes) {
                cast.received -= dice.one_in(4) ? 10s : 0s;
            }
        }
        expect_not_above(at, before, seed);
    }
}

TEST(Decide, OneEligibleUpBlocksSilence) {
    for (unsigned seed = 0; seed < kCases; ++seed) {
        auto at = make(seed);
        for (auto& vantage : at.view.vantages) {
            vantage.is_eligible = true;
        }
        for (auto& service : at.view.services) {
            for (auto& cast : service.votes) {
                cast.evidence =
                    cast.evidence == Evidence::kHard ? Evidence::kSilence : cast.evidence;
                if (cast.vantage == SiteId("v0")) {
                    cast.health = Health::kUp;
                }
            }
        }
        for (const auto& [service, level] : actions(at)) {
            EXPECT_EQ(level, 0) << service.str() << ", seed " << seed;
        }
    }
}

TEST(Decide, SameViewSameDecision) {
    for (unsigned seed = 0; seed < kCases / 10; ++seed) {
        const auto at = make(seed);
        const auto again = make(seed);
        const auto first = decide(at.view, at.plan, kNow);
        const auto second = decide(again.view, again.plan, kNow);
        ASSERT_EQ(first.size(), second.size());
        for (std::size_t i = 0; i < first.size(); ++i) {
            EXPECT_EQ(explain(first[i], kNow), explain(second[i], kNow)) << "seed " << seed;
        }
    }
}

TEST(Decide, OrderOfTheVotesDoesNotMatter) {
    for (unsigned seed = 0; seed < kCases / 10; ++seed) {
        auto at = make(seed);
        const auto before = decide(at.view, at.plan, kNow);
        std::mt19937 engine(seed);
        for (auto& service : at.view.services) {
            std::shuffle(service.votes.begin(), service.votes.end(), engine);
        }
        const auto after = decide(at.view, at.plan, kNow);
        for (std::size_t i = 0; i < before.size(); ++i) {
            EXPECT_EQ(explain(before[i], kNow), explain(after[i], kNow)) << "seed " << seed;
        }
    }
}

TEST(Decide, TheCasesMoveAskAndHold) {
    std::array<int, 3> seen_levels{};
    for (unsigned seed = 0; seed < kCases; ++seed) {
        for (const auto& [service, level] : actions(make(seed))) {
            ++seen_levels.at(static_cast<std::size_t>(level));
        }
    }
    for (const int number : seen_levels) {
        EXPECT_GT(number, 50) << "the generator no longer reaches every outcome";
    }
}

TEST(Decide, DependenciesComeFirst) {
    for (unsigned seed = 0; seed < kCases / 10; ++seed) {
        const auto at = make(seed);
        std::map<ServiceId, std::size_t> place;
        for (const auto& decision : decide(at.view, at.plan, kNow)) {
            place.emplace(decision.service, place.size());
        }
        for (const auto& service : at.plan.services) {
            for (const auto& on : service.depends_on) {
                EXPECT_LT(place.at(on), place.at(service.id)) << "seed " << seed;
            }
        }
    }
}

TEST(Decide, LooksAgainWhenTheHoldDownHasRun) {
    int held = 0;
    for (unsigned seed = 0; seed < kCases; ++seed) {
        const auto at = make(seed);
        for (const auto& decision : decide(at.view, at.plan, kNow)) {
            ASSERT_TRUE(!decision.reconsider || *decision.reconsider > kNow) << "seed " << seed;
            for (const auto& stage : decision.stages) {
                if (stage.name == "hold-down" && stage.state == Stage::State::kStopped) {
                    ++held;
                    EXPECT_TRUE(decision.reconsider.has_value()) << "seed " << seed;
                }
            }
        }
    }
    EXPECT_GT(held, 25);
}

TEST(PolicyFor, PresetsGrowMoreCareful) {
    plan::Service service;
    Policy previous{};
    for (const auto preset :
         {plan::Preset::kFast, plan::Preset::kBalanced, plan::Preset::kCareful}) {
        service.failover.preset = preset;
        const auto policy = policy_for(service);
        EXPECT_GE(policy.hold_hard, previous.hold_hard);
        EXPECT_GT(policy.hold_silence, previous.hold_silence);
        EXPECT_GT(policy.hold_without_witness, policy.hold_silence);
        previous = policy;
    }
}

TEST(PolicyFor, PlansHoldOverridesThePreset) {
    plan::Service service;
    service.failover.hold = 7s;
    const auto policy = policy_for(service);
    EXPECT_EQ(policy.hold_hard, 7s);
    EXPECT_EQ(policy.hold_silence, 7s);
    EXPECT_EQ(policy.hold_without_witness, 7s);
}

}  // namespace
}  // namespace muster::decide
