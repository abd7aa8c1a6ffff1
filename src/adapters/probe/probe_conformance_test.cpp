// What every probe type promises (probe/probe.h), run over each of them; and what the registry
// promises of each type.

#include <filesystem>

#include "adapters/probe/probe_test_support.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using probe::Evidence;
using test::Listener;
using test::probe_settings;

struct Case {
    std::string type;
    bool has_network = true;
};
void PrintTo(const Case& one, std::ostream* out) {
    *out << one.type;
}

class ProbeConformance : public test::ProbeTest, public testing::WithParamInterface<Case> {
  protected:
    // The type's settings for a target at `address`.
    [[nodiscard]] probe::Settings settings(const std::string& address) const {
        const auto& type = GetParam().type;
        if (type == "http") {
            return probe_settings(type, {{type, {"http://" + address + "/"}}});
        }
        if (type == "tcp") {
            return probe_settings(type, {{type, {address}}, {"expect", {"hello"}}});
        }
        if (type == "postgres") {
            const auto colon = address.find(':');
            return probe_settings(type, {{type,
                                          {"host=" + address.substr(0, colon) +
                                           " dbname=x port=" + address.substr(colon + 1)}}});
        }
        return probe_settings(type, {{type, {"/bin/check", address}}});
    }
};

TEST_P(ProbeConformance, ARefusedConnectionIsHardEvidence) {
    if (!GetParam().has_network) {
        runner_.result->exit_code = 1;
    }
    const auto sample = check(settings("127.0.0.1:" + std::to_string(test::free_port())));
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->evidence, Evidence::kHard) << sample->detail;
    EXPECT_FALSE(sample->detail.empty());
}

TEST_P(ProbeConformance, AResetConnectionIsHardEvidence) {
    if (!GetParam().has_network) {
        GTEST_SKIP() << "no connection of its own";
    }
    Listener listener(loop_);
    listener.is_resetting = true;
    const auto sample = check(settings(listener.address()));
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->evidence, Evidence::kHard) << sample->detail;
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_P(ProbeConformance, ASilentTargetIsSilenceAtTheDeadlineAndNotLater) {
    Listener listener(loop_);
    runner_.is_hung = true;
    const auto began = clock_.now();
    const auto sample = check(settings(listener.address()), 150ms);
    const auto took = clock_.now() - began;
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->evidence, Evidence::kSilence) << sample->detail;
    EXPECT_GE(took, 150ms);
    EXPECT_LT(took, 500ms);
    EXPECT_GE(sample->latency, 150ms);
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_P(ProbeConformance, ACancelledCheckEndsAtOnceWithThatError) {
    Listener listener(loop_);
    runner_.is_hung = true;
    const auto probe = make(settings(listener.address()));
    std::optional<Errc> code;
    TaskGroup group(loop_.get_executor());
    group.spawn([](probe::Probe* checked, Instant deadline, std::optional<Errc>* out) -> Task<> {
        const auto sample = co_await checked->check(deadline);
        *out = sample ? Errc::kInvalid : sample.error().code();
        co_return Result<>{};
    }(probe.get(), clock_.now() + 60s, &code));
    ASSERT_TRUE(test::run(loop_, clock_.sleep_for(20ms)));
    const auto began = clock_.now();
    ASSERT_TRUE(test::run(loop_, group.stop()));
    EXPECT_EQ(code, Errc::kCancelled);
    EXPECT_LT(clock_.now() - began, 1s);
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_P(ProbeConformance, MayGoRightAfterACheck) {
    Listener listener(loop_);
    {
        const auto probe = make(settings(listener.address()));
        static_cast<void>(check(*probe, 20ms).has_value());
    }
    loop_.restart();
    loop_.poll();
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_P(ProbeConformance, AnUnknownVariableIsInvalidWhenTheProbeIsMade) {
    const auto& type = GetParam().type;
    EXPECT_EQ(refusal(probe_settings(type, {{type, {"{nothing}"}}})), Errc::kInvalid);
}

INSTANTIATE_TEST_SUITE_P(Types, ProbeConformance,
                         testing::Values(Case{"exec", false}, Case{"http"}, Case{"postgres"},
                                         Case{"tcp"}),
                         [](const auto& one) { return one.param.type; });

class AllProbes : public test::ProbeTest {};

TEST_F(AllProbes, EachHasItsReferencePageAndDescribesItsMainArgument) {
    ASSERT_FALSE(probes_.entries().empty());
    for (const auto& [type, entry] : probes_.entries()) {
        const auto page =
            std::filesystem::path(MUSTER_SOURCE_DIR) / "docs/reference/probes" / (type + ".md");
        EXPECT_TRUE(std::filesystem::exists(page)) << page;
        ASSERT_EQ(entry.settings.kind, plan::Type::Kind::kObject) << type;
        ASSERT_FALSE(entry.settings.fields.empty()) << type;
        EXPECT_EQ(entry.settings.fields.front().name, type);
        std::stringstream text;
        text << std::ifstream(page).rdbuf();
        for (const auto& field : entry.settings.fields) {
            EXPECT_TRUE(text.str().contains("`" + field.name + "`")) << type << ": " << field.name;
        }
    }
}

}  // namespace
}  // namespace muster::adapters
