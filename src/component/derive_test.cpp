#include "component/derive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "component/fakes_test.h"
#include "workflow/check_procedures.h"

namespace muster::component {
namespace {

constexpr Move::Kind kAllMoves[] = {Move::Kind::kFailover, Move::Kind::kSwitchover,
                                    Move::Kind::kRebuild};

plan::Plan plan_of(plan::Service service) {
    plan::Plan plan;
    plan.name = "shop";
    plan.digest = "0123456789abcdef";
    plan.services = {std::move(service)};
    return plan;
}

Result<std::vector<plan::Step>> derived(const plan::Service& service, Move::Kind kind) {
    return derive(plan_of(service), service, move_of(kind));
}

/// Compares with tests/golden/derive/NAME, or rewrites it when MUSTER_UPDATE_GOLDEN is set.
void expect_golden(const std::string& name, const std::string& text) {
    const auto path =
        std::filesystem::path(MUSTER_SOURCE_DIR) / "tests" / "golden" / "derive" / name;
    if (std::getenv("MUSTER_UPDATE_GOLDEN") != nullptr) {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
        return;
    }
    std::ifstream file(path);
    std::stringstream golden;
    golden << file.rdbuf();
    EXPECT_EQ(text, golden.str()) << "in " << name << "; script/test --update rewrites it";
}

std::string described(const plan::Service& service, Move::Kind kind) {
    const auto steps = derived(service, kind);
    return steps ? describe(*steps) : "error: " + steps.error().message() + "\n";
}

/// All that a step waits for, directly or not.
std::set<std::string> before(const std::vector<plan::Step>& steps, const std::string& id) {
    std::set<std::string> found;
    const auto step =
        std::ranges::find_if(steps, [&id](const auto& one) { return one.id.str() == id; });
    for (const auto& need : step->needs) {
        found.insert(need.str());
        found.merge(before(steps, need.str()));
    }
    return found;
}

TEST(Derive, FailoverOfAWarmStandby) {
    expect_golden("warm-standby-failover.txt",
                  described(shop({orders(), web(), entry()}), Move::Kind::kFailover));
}

TEST(Derive, SwitchoverOfAWarmStandby) {
    expect_golden("warm-standby-switchover.txt",
                  described(shop({orders(), web(), entry()}), Move::Kind::kSwitchover));
}

TEST(Derive, RebuildOfAWarmStandby) {
    expect_golden("warm-standby-rebuild.txt",
                  described(shop({orders(), web(), entry()}), Move::Kind::kRebuild));
}

TEST(Derive, FailoverOfAPilotLight) {
    auto service = shop({orders(), web(), entry()});
    service.strategy = plan::Strategy::kPilotLight;
    service.components[1].capacity = plan::Capacity{2, 0, 2};
    expect_golden("pilot-light-failover.txt", described(service, Move::Kind::kFailover));
}

TEST(Derive, FailoverOfSeveralSites) {
    auto front = web();
    front.needs.clear();
    auto service = shop({front, entry()});
    service.strategy = plan::Strategy::kMultiSite;
    expect_golden("multi-site-failover.txt", described(service, Move::Kind::kFailover));
}

TEST(Derive, FailoverWithACustomComponent) {
    auto front = web();
    front.needs = {ComponentId("orders"), ComponentId("queue")};
    expect_golden("custom-failover.txt",
                  described(shop({front, orders(), queue(), entry()}), Move::Kind::kFailover));
}

TEST(Derive, FailoverThatNeedsAPersonsFence) {
    auto database = orders();
    database.sites[0].settings = map({{"conninfo", "host=east.db"}});
    expect_golden("advisory-failover.txt", described(shop({database}), Move::Kind::kFailover));
}

TEST(Derive, Runbook) {
    auto service = shop({orders(), web(), entry()});
    service.owner = "team-shop";
    const auto text = runbook(plan_of(service));
    ASSERT_TRUE(text);
    expect_golden("runbook.md", *text);
}

TEST(Derive, EveryFenceComesBeforeAnyPromotion) {
    const auto service = shop({web(), orders(), queue(), entry()});
    for (const auto kind : {Move::Kind::kFailover, Move::Kind::kSwitchover}) {
        const auto steps = derived(service, kind);
        ASSERT_TRUE(steps) << steps.error().message();
        for (const auto& step : *steps) {
            if (step.phase != "promote") {
                continue;
            }
            const auto earlier = before(*steps, step.id.str());
            for (const auto& fence : *steps) {
                EXPECT_TRUE(fence.phase != "fence" || earlier.contains(fence.id.str()))
                    << step.id.str() << " does not wait for " << fence.id.str();
            }
        }
    }
}

TEST(Derive, TrafficFollowsOnlyWhenTheNewSiteServes) {
    const auto steps = derived(shop({orders(), web(), entry()}), Move::Kind::kFailover);
    ASSERT_TRUE(steps);
    const auto earlier = before(*steps, "entry.point");
    EXPECT_TRUE(earlier.contains("orders.promote"));
    EXPECT_TRUE(earlier.contains("web.scale"));
}

TEST(Derive, StepsSpeakOnlyOfStepsThatTheyWaitFor) {
    for (const auto kind : kAllMoves) {
        const auto steps = derived(shop({orders(), web(), queue(), entry()}), kind);
        ASSERT_TRUE(steps) << steps.error().message();
        for (const auto& step : *steps) {
            for (const auto& [name, value] : fields_of(&step.with)) {
                if (!value.starts_with("${steps.")) {
                    continue;
                }
                const auto id = value.substr(8, value.rfind('.') - 8);
                EXPECT_TRUE(before(*steps, step.id.str()).contains(id))
                    << step.id.str() << " " << value;
            }
        }
    }
}

TEST(Derive, NothingIsDiscardedBeforeItIsKept) {
    const auto steps = derived(shop({orders()}), Move::Kind::kRebuild);
    ASSERT_TRUE(steps);
    EXPECT_TRUE(before(*steps, "orders.rebuild").contains("orders.keep"));
    EXPECT_TRUE(before(*steps, "orders.keep").contains("orders.fence"));
}

TEST(Derive, RefusesWhatCannotBeMovedSafely) {
    auto service = shop({orders()});
    service.strategy = plan::Strategy::kBackupRestore;
    EXPECT_EQ(derived(service, Move::Kind::kFailover).error().code(), Errc::kInvalid);
    service = shop({orders()});
    service.components[0].sites.pop_back();
    EXPECT_EQ(derived(service, Move::Kind::kFailover).error().code(), Errc::kInvalid);
    service = shop({orders()});
    service.components[0].sites[0].settings = map({{"conninfo", "host=east.db"}});
    EXPECT_EQ(derived(service, Move::Kind::kSwitchover).error().code(), Errc::kInvalid);
    EXPECT_EQ(derived(service, Move::Kind::kRebuild).error().code(), Errc::kInvalid);
    service = shop({orders()});
    EXPECT_EQ(
        derive(plan_of(service), service, {Move::Kind::kFailover, SiteId("east"), SiteId("mars")})
            .error()
            .code(),
        Errc::kInvalid);
    EXPECT_EQ(
        derive(plan_of(service), service, {Move::Kind::kFailover, SiteId("east"), SiteId("east")})
            .error()
            .code(),
        Errc::kInvalid);
}

TEST(Derive, AWrittenProcedureReplacesTheDerivedOne) {
    const auto service = shop({orders()});
    auto plan = plan_of(service);
    plan::Procedure procedure;
    procedure.name = "by-hand";
    procedure.on = "failover";
    procedure.service = service.id;
    procedure.steps.resize(1);
    procedure.steps[0].id = StepId("call");
    procedure.steps[0].action = "exec";
    plan.procedures = {procedure};
    const auto steps = derive(plan, service, move_of(Move::Kind::kFailover));
    ASSERT_TRUE(steps);
    ASSERT_EQ(steps->size(), 1U);
    EXPECT_EQ(steps->front().id.str(), "call");
    EXPECT_GT(derive(plan, service, move_of(Move::Kind::kSwitchover))->size(), 1U);
    plan.procedures[0].steps[0].action = "postgres.promote";
    EXPECT_EQ(derive(plan, service, move_of(Move::Kind::kFailover)).error().code(), Errc::kInvalid);
}

// A service may have so many; the node stands still while it derives their move.
TEST(Derive, OrdersAHundredComponentsWithAsFewNeedsAsTwo) {
    constexpr std::size_t kMany = 100;
    auto component = queue();
    Parameters settings;
    for (const auto* hook : {"fence", "promote", "scale", "steer", "verify", "release"}) {
        settings.texts(hook, {"run"});
    }
    component.settings = std::move(settings).build();
    std::vector<plan::Component> all(kMany, component);
    for (std::size_t i = 0; i < kMany; ++i) {
        all[i].id = ComponentId("c" + std::to_string(i));
    }
    const auto steps = derived(shop(all), Move::Kind::kFailover);
    ASSERT_TRUE(steps);
    ASSERT_EQ(steps->size(), 6 * kMany);
    for (const auto& step : *steps) {
        const std::size_t needs = step.phase == "fence" ? 0 : step.phase == "scale" ? 1 : kMany;
        EXPECT_EQ(step.needs.size(), needs) << step.id.str();
    }
}

// The port's conformance suite, over every kind.
struct KindConformance : testing::TestWithParam<std::string> {
    static plan::Component sample(const std::string& kind) {
        const std::map<std::string, plan::Component> samples = {
            {"custom", queue()}, {"dns", entry()}, {"postgres", orders()}, {"servers", web()}};
        return samples.at(kind);
    }
    plan::Component declared = sample(GetParam());
    std::unique_ptr<Component> component = *make_component(shop({declared}), declared);
};

TEST_P(KindConformance, StepIdsAreUniqueAndFencesComeFirst) {
    for (const auto kind : kAllMoves) {
        std::set<std::string> ids;
        bool has_promotion = false;
        for (const auto& [phase, step] : component->steps(move_of(kind))) {
            EXPECT_TRUE(ids.insert(step.id.str()).second) << step.id.str();
            has_promotion = has_promotion || phase == Phase::kPromote;
            EXPECT_FALSE(phase == Phase::kFence && has_promotion) << step.id.str();
            EXPECT_FALSE(step.action.empty());
            for (const auto& need : step.needs) {
                EXPECT_TRUE(ids.contains(need.str())) << step.id.str();
            }
        }
    }
}

TEST_P(KindConformance, AnswersTheSameTwice) {
    for (const auto kind : kAllMoves) {
        EXPECT_EQ(described(shop({declared}), kind), described(shop({declared}), kind));
    }
}

TEST_P(KindConformance, EveryStepHasAnActionThatTakesItsParameters) {
    const Bench bench;
    for (const auto kind : kAllMoves) {
        for (const auto& [phase, step] : component->steps(move_of(kind))) {
            const auto types = bench.actions.parameter_types();
            const auto type = types.find(step.action);
            ASSERT_NE(type, types.end()) << step.action;
            for (const auto& entry : step.with.entries) {
                EXPECT_TRUE(
                    std::ranges::any_of(type->second.fields,
                                        [&](const auto& field) { return field.name == entry.key; }))
                    << step.action << " has no parameter " << entry.key;
            }
            for (const auto& field : type->second.fields) {
                EXPECT_TRUE(!field.is_required || step.with.find(field.name) != nullptr)
                    << step.action << " lacks " << field.name;
            }
        }
    }
}

TEST_P(KindConformance, WhatItsStepsHandOnIsDeclared) {
    const Bench bench;
    for (const auto kind : kAllMoves) {
        const auto steps = derived(shop({declared}), kind);
        if (!steps) {
            continue;  // Nothing to do in this move.
        }
        plan::Plan plan;
        plan.procedures.emplace_back().steps = *steps;
        for (const auto& found : workflow::check_procedures(plan, bench.actions.output_names())) {
            ADD_FAILURE() << found.message;
        }
    }
}

TEST_P(KindConformance, ReportsUnknownBeforeTheFirstSample) {
    if (GetParam() == "dns") {
        return;  // It has nothing of its own at a site that could fail.
    }
    EXPECT_EQ(component->assess(SiteId("east"), SiteId("east"), {}, Instant()).health,
              probe::Health::kUnknown);
}

TEST_P(KindConformance, StatefulKindsNameTheirFence) {
    EXPECT_EQ(component->fence_class().has_value(), component->is_stateful());
}

TEST_P(KindConformance, HasAReferencePage) {
    const auto page = std::filesystem::path(MUSTER_SOURCE_DIR) / "docs" / "reference" /
                      "components" / (GetParam() + ".md");
    EXPECT_TRUE(std::filesystem::exists(page)) << page;
}

INSTANTIATE_TEST_SUITE_P(All, KindConformance, testing::ValuesIn([] {
                             std::vector<std::string> names;
                             for (const auto& kind : all_kinds()) {
                                 names.push_back(kind.name);
                             }
                             return names;
                         }()));

TEST(AllKinds, AreSortedAndRefuseAnUnknownOne) {
    EXPECT_TRUE(std::ranges::is_sorted(all_kinds(), {}, &Kind::name));
    auto component = orders();
    component.kind = "mainframe";
    EXPECT_EQ(make_component(shop({component}), component).error().code(), Errc::kInvalid);
}

TEST(AllKinds, DeclareWhatTheirActionsPutOut) {
    const Bench bench;
    const auto outputs = bench.actions.output_names();
    for (const auto& [type, parameters] : bench.actions.parameter_types()) {
        EXPECT_EQ(outputs.contains(type), type != "custom.run") << type;
    }
}

TEST(AllKinds, BringTheirKeysToThePlan) {
    plan::Vocabulary vocabulary;
    add_kinds(vocabulary);
    EXPECT_TRUE(vocabulary.kinds.contains("postgres"));
    EXPECT_FALSE(vocabulary.site_settings.contains("dns"));
    EXPECT_TRUE(vocabulary.kinds_with_default_probe.contains("postgres"));
    EXPECT_FALSE(vocabulary.kinds_with_default_probe.contains("servers"));
}

}  // namespace
}  // namespace muster::component
