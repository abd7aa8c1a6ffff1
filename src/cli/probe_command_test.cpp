#include "cli/probe_command.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "probe/probe_test_support.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;
using probe::Evidence;
using test::FakeAnswer;

class ProbeCommandTest : public testing::Test {
  protected:
    ProbeCommandTest() {
        plan::Component orders;
        orders.id = ComponentId("orders");
        plan::Component web;
        web.id = ComponentId("web");
        for (const auto* name : {"shop", "desk"}) {
            plan::Service service;
            service.id = ServiceId(name);
            service.components.push_back(web);
            plan_.services.push_back(service);
        }
        plan_.services.front().components.push_back(orders);
        for (const auto* site : {"east", "west"}) {
            auto settings = test::fake_settings("orders");
            settings.target.site = SiteId(site);
            settings_.push_back(settings);
        }
    }
    int run(const std::string& component, int samples = 0, bool is_json = false) {
        ProbeCommand command(plan_, settings_, registry_,
                             {loop_.get_executor(), clock_, random_, log_, {}});
        out_.str("");
        err_.str("");
        return clock_.run(command.run({component, samples}, {out_, err_, is_json})).value();
    }

    boost::asio::io_context loop_;
    test::VirtualClock clock_{loop_};
    SeededRandom random_{1};
    NullLog log_;
    plan::Plan plan_;
    std::vector<probe::Settings> settings_;
    FakeAnswer west_{.takes = 2ms};
    int checks_ = 0;
    probe::Registry registry_ = test::FakeProbe::registry([this](const probe::Settings& settings) {
        ++checks_;
        return settings.target.site == SiteId("west") ? west_ : FakeAnswer{.takes = 1ms};
    });
    std::ostringstream out_;
    std::ostringstream err_;
};

TEST_F(ProbeCommandTest, EndsWithZeroWhenEveryTargetIsUp) {
    EXPECT_EQ(run("orders"), kExitDone);
    EXPECT_EQ(checks_, 4);
    EXPECT_EQ(out_.str(),
              "TARGET            HEALTH  EVIDENCE DETAIL\n"
              "shop/orders@east  up      good     good\n"
              "  samples: good (1 ms) good (1 ms)\n"
              "shop/orders@west  up      good     good\n"
              "  samples: good (2 ms) good (2 ms)\n");
    EXPECT_EQ(err_.str(), "");
}

TEST_F(ProbeCommandTest, EndsWithOneWhenOneIsDown) {
    west_.evidence = Evidence::kHard;
    EXPECT_EQ(run("shop/orders"), kExitFailed);
    EXPECT_TRUE(out_.str().contains("shop/orders@west  down    hard     hard\n")) << out_.str();
    west_ = {.takes = 1h};
    EXPECT_EQ(run("orders"), kExitFailed);
    EXPECT_TRUE(out_.str().contains("down    silence")) << out_.str();
}

TEST_F(ProbeCommandTest, TakesAsManySamplesAsAsked) {
    EXPECT_EQ(run("orders", 1), kExitFailed);
    EXPECT_EQ(checks_, 2);
    EXPECT_TRUE(out_.str().contains("unknown -        good")) << out_.str();
}

TEST_F(ProbeCommandTest, PrintsTheSameAsJson) {
    EXPECT_EQ(run("orders", 3, true), kExitDone);
    const auto document = boost::json::parse(out_.str());
    EXPECT_EQ(document.at("is_up"), true);
    const auto& first = document.at("targets").at(0);
    EXPECT_EQ(first.at("target"), "shop/orders@east");
    EXPECT_EQ(first.at("health"), "up");
    EXPECT_EQ(first.at("latency_ms"), 1.0);
    EXPECT_EQ(first.at("samples").as_array().size(), 3U);
}

TEST_F(ProbeCommandTest, SaysWhichComponentsThereAre) {
    EXPECT_EQ(run("odrers"), kExitUsage);
    EXPECT_EQ(err_.str(),
              "muster: the plan has no component \"odrers\"\n"
              "  hint: it has: shop/web, shop/orders, desk/web\n");
    EXPECT_EQ(run("web"), kExitUsage);
    EXPECT_TRUE(err_.str().contains("write shop/web")) << err_.str();
    EXPECT_EQ(run("desk/web"), kExitUsage);
    EXPECT_TRUE(err_.str().contains("has no probe")) << err_.str();
}

}  // namespace
}  // namespace muster::cli
