#include "adapters/action/exec_action.h"

#include <gtest/gtest.h>

#include "../../../tests/conformance/action_suite.h"
#include "adapters/action/action_test_support.h"

namespace muster {
namespace {

using test::map;
using test::scalar;
using test::words;

class ExecWorld : public test::ActionWorld {
  public:
    static constexpr bool kCanLook = true;
    workflow::Action& action() { return action_; }
    plan::Node with() {
        auto node = without_looks();
        node.entries.push_back({"observe", {}, words({"test", "-e", file()})});
        node.entries.push_back({"undo", {}, words({"rm", file()})});
        return node;
    }
    plan::Node without_looks() {
        return map({{"argv", words({"sh", "-c", "echo x >> \"$1\"", "sh", file()})}});
    }
    int effects() {
        std::ifstream in(file());
        int lines = 0;
        for (std::string line; std::getline(in, line);) {
            ++lines;
        }
        return lines;
    }
    static plan::Node unreachable() { return {}; }
    static plan::Node hanging() { return map({{"argv", words({"sleep", "600"})}}); }
    std::string file() { return folder_.file("effect"); }

  private:
    test::Folder folder_;
    adapters::ExecAction action_{deps()};
};

using ExecWorlds = testing::Types<ExecWorld>;

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Exec, ActionSuite, ExecWorlds);
}  // namespace conformance

namespace {

class Exec : public conformance::ActionSuite<ExecWorld> {};

TEST_F(Exec, HandsOnWhatItPrinted) {
    const auto out = apply(map({{"argv", words({"printf", " a b \\n\\n"})}})).value();
    EXPECT_EQ(out.at("stdout"), " a b");
    EXPECT_EQ(out.at("exit_code"), "0");
}

TEST_F(Exec, KeepsTheJournalReadable) {
    const auto out = apply(map({{"argv", words({"printf", "a\\377\\000z"})}})).value();
    EXPECT_EQ(out.at("stdout"), "a\xef\xbf\xbd\xef\xbf\xbdz");
}

TEST_F(Exec, TellsTheProgramWhoAsks) {
    const auto out = apply(map({{"argv", words({"sh", "-c",
                                                "echo $MUSTER_RUN $MUSTER_STEP $MUSTER_EPOCH "
                                                "$MUSTER_SERVICE $COLOUR; cat; pwd"})},
                                {"environment", map({{"COLOUR", scalar("red")}})},
                                {"directory", scalar("/usr")},
                                {"input", scalar("in\n")}}))
                         .value();
    EXPECT_EQ(out.at("stdout"), "r-1 step 7 shop red\nin\n/usr");
}

TEST_F(Exec, FailsWithTheLastThingItSaid) {
    const auto done =
        apply(map({{"argv", words({"sh", "-c", "echo one >&2; echo two >&2; exit 3"})}}));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kInvalid) << "it can't be told: no second try";
    EXPECT_EQ(done.error().message(), "sh ended with exit code 3: two");
}

TEST_F(Exec, MayBeTriedAgainWhenThatIsHarmless) {
    const auto with = map({{"argv", words({"false"})}, {"repeatable", scalar("true")}});
    EXPECT_EQ(apply(with).error().code(), Errc::kOutcomeUnknown);
    EXPECT_EQ(observe(with).state, workflow::Observation::State::kNotDone);
}

TEST_F(Exec, TriesAgainLaterWhenTheProgramSaysSo) {
    EXPECT_EQ(apply(map({{"argv", words({"sh", "-c", "exit 75"})}})).error().code(),
              Errc::kUnavailable);
}

TEST_F(Exec, NamesAProgramThatIsNotThere) {
    EXPECT_EQ(apply(map({{"argv", words({"no-such-program-anywhere"})}})).error().code(),
              Errc::kNotFound);
}

TEST_F(Exec, KeepsNoMoreThanItWasTold) {
    const auto out = apply(map({{"argv", words({"head", "-c", "100000", "/dev/zero"})},
                                {"max_output", scalar("1KiB")}}))
                         .value();
    EXPECT_EQ(out.at("stdout").size(), 1024U * 3) << "each NUL became U+FFFD";
}

}  // namespace
}  // namespace muster
