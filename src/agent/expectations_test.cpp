#include "agent/expectations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "sim/scenario.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The simulator's: one PostgreSQL pair, automatic, preset `fast`, and a name.
plan::Plan pair() {
    return sim::scenario_plan({});
}

std::string messages(const std::vector<plan::Diagnostic>& all) {
    std::string text;
    for (const auto& one : all) {
        EXPECT_EQ(one.severity, plan::Diagnostic::Severity::kWarning);
        EXPECT_FALSE(one.hint.empty());
        text += one.message + "\n";
    }
    return text;
}

std::string weak(const plan::Plan& plan, const Assumptions& assumptions = {}) {
    return messages(weak_settings(plan, expectations(plan, {}, assumptions)));
}

TEST(Expectations, AreGivenForEachComponentThatIsWatched) {
    const auto all = expectations(pair(), {}, {});
    ASSERT_EQ(all.size(), 1U) << "a name is not probed";
    EXPECT_EQ(all[0].component, ComponentId("orders"));
    EXPECT_TRUE(all[0].has_witness) << "its standby sees it";
    EXPECT_EQ(all[0].hold_silence, 3s) << "the preset's, as decide has it";
    EXPECT_EQ(all[0].hold_hard, 0s);
}

TEST(Expectations, NameTheirAssumptionsForPeople) {
    Assumptions assumptions;
    assumptions.vantages = 5;
    const auto text = describe(expectations(pair(), {}, assumptions), assumptions);
    EXPECT_THAT(text, HasSubstr("assuming 5 independent vantages and 1 % loss in solid bursts, 1 % "
                                "of it on the target's own line"));
    EXPECT_THAT(text, HasSubstr("bursts of 3s: "));
    EXPECT_THAT(text, HasSubstr("false moves by loss: 0 a year"));
}

TEST(Expectations, AreNumbersInJson) {
    const auto value = boost::json::parse(to_json(expectations(pair(), {}, {})));
    const auto& one = value.at(0);
    EXPECT_EQ(one.at("service"), "shop");
    EXPECT_EQ(one.at("silence").at("hold_s").to_number<double>(), 3);
    EXPECT_EQ(one.at("silence").at("false_alarms").as_array().size(), 2U);
    EXPECT_GT(one.at("silence").at("seen").at("p99_s").to_number<double>(), 4);
}

TEST(WeakSettings, OfAFastPairAreItsFalseMoves) {
    EXPECT_THAT(weak(pair()), HasSubstr("silence of shop/orders alone is expected to move it"));
}

TEST(WeakSettings, OfABalancedPairAreNone) {
    auto plan = pair();
    plan.services[0].failover.preset = plan::Preset::kBalanced;
    EXPECT_THAT(weak(plan), IsEmpty());
}

TEST(WeakSettings, AreATimeoutAsLongAsTheIntervalAndCountsThatAreTooSmall) {
    auto plan = pair();
    plan.services[0].failover.preset = plan::Preset::kBalanced;
    auto& probe = plan.services[0].components[0].probe.emplace();
    probe.timeout = probe.interval;
    probe.fall = 2;
    probe.fall_hard = 1;
    const auto text = weak(plan);
    EXPECT_THAT(text, HasSubstr("as long as its interval"));
    EXPECT_THAT(text, HasSubstr("calls 2 silent samples in a row down"));
    EXPECT_THAT(text, HasSubstr("calls one hard failure down"));
    plan.services[0].failover.mode = plan::Mode::kApprove;
    EXPECT_THAT(weak(plan), Not(HasSubstr("down"))) << "a person looks first";
}

TEST(WeakSettings, AreAServiceThatNoWitnessSpeaksForAndAFenceThatIsNotConfirmed) {
    auto plan = pair();
    auto& sites = plan.services[0].components[0].sites;
    for (auto& site : sites) {
        std::erase_if(site.settings.entries, [](const auto& entry) { return entry.key == "data"; });
    }
    EXPECT_THAT(weak(plan), HasSubstr("silence of shop/orders alone never moves it"));
    plan.services[0].standby.clear();
    sites.pop_back();
    EXPECT_THAT(weak(plan), HasSubstr("no witness inside shop"));
}

TEST(WeakSettings, AreAnRtoThatSilenceCanNotMeet) {
    auto plan = pair();
    plan.services[0].failover.preset = plan::Preset::kBalanced;
    plan.services[0].objectives.rto = 61s;
    EXPECT_THAT(weak(plan), HasSubstr("past the rto of 1m1s"));
}

}  // namespace
}  // namespace muster::agent
