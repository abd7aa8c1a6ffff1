#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <sstream>

#include "cli/commands.h"

namespace muster::cli {
namespace {

using testing::HasSubstr;

struct Outcome {
    int exit_code = 0;
    std::string out;
    std::string err;
};

Outcome run(std::vector<std::string> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const auto parsed = parse_command_line(std::move(arguments), out, err);
    const int exit_code = parsed.run ? parsed.run(out, err) : parsed.exit_code;
    return {exit_code, out.str(), err.str()};
}

TEST(CommandLine, BadUsageIsExitTwo) {
    const std::vector<std::vector<std::string>> bad = {
        {},
        {"nonsense"},
        {"status", "--nonsense"},
        {"why"},
        {"failover"},
        {"run"},
        {"run", "nonsense"},
        {"run", "approve", "r-1"},
        {"report", "r-1", "--format", "pdf"},
        {"events", "--limit", "0"},
        {"serve"},
        {"serve", "plan.yaml", "--log-level", "loud"}};
    for (const auto& arguments : bad) {
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, kExitUsage) << testing::PrintToString(arguments);
        EXPECT_NE(outcome.err, "") << testing::PrintToString(arguments);
    }
}

TEST(CommandLine, AnUnknownCommandIsNamedWithTheNearest) {
    EXPECT_EQ(run({"faliover", "shop"}).err,
              "muster: there is no command \"faliover\"\n  hint: did you mean \"failover\"?\n");
    EXPECT_THAT(run({"run", "resum", "r-1"}).err,
                HasSubstr("no command \"resum\"\n  hint: did you mean \"resume\"?"));
    EXPECT_THAT(run({"run", "list", "extra"}).err, HasSubstr("not expected: extra"));
    EXPECT_THAT(run({}).err, HasSubstr("required"));
}

TEST(CommandLine, AnEmptyTextNeverMeansTheDefault) {
    const std::vector<std::vector<std::string>> bad = {{"--data", "", "status"},
                                                       {"--url", "", "failover", "shop", "--yes"},
                                                       {"failover", "shop", "--to", "", "--yes"},
                                                       {"failover", "", "--yes"},
                                                       {"run", "list", "--service", ""},
                                                       {"replay", "--from", ""},
                                                       {"serve", "plan.yaml", "--listen", ""},
                                                       {"validate", ""},
                                                       {"init", ""}};
    for (const auto& arguments : bad) {
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, kExitUsage) << testing::PrintToString(arguments);
        EXPECT_THAT(outcome.err, testing::AnyOf(HasSubstr("it is empty"), HasSubstr("no name")));
    }
}

TEST(CommandLine, WhatCantBeANameIsRefusedBeforeItIsAskedFor) {
    for (const auto* name : {"a/b", "../x", "a b", "\xff\xfe", "\x1b[31m", "%00"}) {
        const auto outcome = run({"why", name, "--data", "/nonexistent"});
        EXPECT_EQ(outcome.exit_code, kExitUsage) << name;
        EXPECT_THAT(outcome.err, HasSubstr("SERVICE: this is no name"));
    }
    EXPECT_EQ(run({"why", std::string(5000, 'x')}).exit_code, kExitUsage);
    EXPECT_EQ(
        run({"run", "approve", "r-1", "orders.fence-west_1", "--data", "/nonexistent"}).exit_code,
        kExitFailed);
}

TEST(CommandLine, ANumberOutOfItsRangeIsToldWithTheRange) {
    for (const auto* number : {"-1", "x", "", "99999999999999999999"}) {
        EXPECT_THAT(run({"events", "--after", number}).err,
                    HasSubstr("not in range 0 to 1000000000000000"));
    }
}

TEST(CommandLine, APlanThatIsNotThereIsBadUsageForEveryCommand) {
    const std::vector<std::vector<std::string>> all = {{"validate", "/nonexistent"},
                                                       {"graph", "/nonexistent"},
                                                       {"runbook", "/nonexistent"},
                                                       {"serve", "/nonexistent"},
                                                       {"probe", "/nonexistent", "web"}};
    for (const auto& arguments : all) {
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, kExitUsage) << arguments.front();
        EXPECT_THAT(outcome.err, HasSubstr("/nonexistent: can't read the plan"))
            << arguments.front();
        EXPECT_THAT(outcome.err, HasSubstr("muster init /nonexistent")) << arguments.front();
    }
}

TEST(CommandLine, HelpAndVersionAreExitZero) {
    const auto help = run({"--help"});
    EXPECT_EQ(help.exit_code, kExitDone);
    for (const auto* part :
         {"Write a plan", "Run a node", "Look", "Act", "failover", "Exit status"}) {
        EXPECT_THAT(help.out, HasSubstr(part));
    }
    const auto version = run({"--version"});
    EXPECT_EQ(version.exit_code, kExitDone);
    EXPECT_THAT(version.out, HasSubstr("muster 0."));
    EXPECT_EQ(run({"run", "watch", "--help"}).exit_code, kExitDone);
}

TEST(CommandLine, WithoutANodeItSaysHowToStartOne) {
    const auto nowhere = (std::filesystem::temp_directory_path() / "muster-nowhere").string();
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"status"}, {"failover", "shop", "--yes"}, {"events"}}) {
        auto arguments = command;
        arguments.insert(arguments.end(), {"--data", nowhere});
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, kExitFailed);
        EXPECT_EQ(outcome.err, "muster: no muster is serving at " + nowhere +
                                   "/muster.sock\n  hint: start one: muster serve PLAN --data " +
                                   nowhere + "\n");
    }
}

TEST(CommandLine, ErrorsAreJsonWhenAsked) {
    const auto outcome = run({"--data", "/nonexistent", "status", "--json"});
    EXPECT_EQ(outcome.exit_code, kExitFailed);
    EXPECT_THAT(outcome.out, HasSubstr(R"({"error":{"code":"unavailable")"));
}

TEST(CommandLine, ListeningToTheNetworkWithoutTlsIsRefused) {
    const auto outcome = run({"serve", "plan.yaml", "--listen", "0.0.0.0:0"});
    EXPECT_EQ(outcome.exit_code, kExitUsage);
    EXPECT_THAT(outcome.err, HasSubstr("without TLS"));
    EXPECT_EQ(run({"serve", "p.yaml", "--tls-cert", "c.pem"}).exit_code, kExitUsage);
}

/// Answers from a list, and remembers what was asked.
class FakeClient final : public Client {
  public:
    Result<Answer> get(const std::string& path) override { return next("GET " + path); }
    Result<Answer> post(const std::string& path, const std::string& body) override {
        return next("POST " + path + " " + body);
    }
    void pause() override { ++pauses; }
    Result<Answer> next(std::string asked_now) {
        asked.push_back(std::move(asked_now));
        if (answers.empty()) {
            return Error{Errc::kUnavailable, "gone"};
        }
        Answer answer{200, answers.front()};
        answers.pop_front();
        return answer;
    }
    std::deque<std::string> answers;
    std::vector<std::string> asked;
    int pauses = 0;
};

struct Scene {
    std::ostringstream out;
    std::ostringstream err;
    Streams streams{out, err};
    FakeClient client;
    Context context{streams, client};
};

TEST(RunWatch, PrintsEachChangeOnceAndEndsWithTheRun) {
    Scene scene;
    const std::string head = R"({"kind":"failover","service":"shop","from":"a","to":"b",)";
    scene.client.answers = {
        head + R"("status":"running","steps":[{"id":"x.fence","status":"running"}]})",
        head + R"("status":"running","steps":[{"id":"x.fence","status":"running"}]})",
        head + R"("status":"done","is_final":true,"steps":[{"id":"x.fence","status":"done"}]})",
        R"({"rpo":"met","rto":"met"})"};
    EXPECT_EQ(run_watch(scene.context, "r-1"), kExitDone);
    EXPECT_EQ(scene.client.pauses, 2);
    EXPECT_EQ(scene.out.str(),
              "failover shop a → b\n  ▶ running   x.fence\n  ✓ done      x.fence\ndone\n");
}

TEST(RunWatch, AMissedObjectiveIsExitThreeAndAFailureExitOne) {
    Scene missed;
    missed.client.answers = {R"({"status":"done","is_final":true})",
                             R"({"rpo":"met","rto":"missed"})"};
    EXPECT_EQ(run_watch(missed.context, "r-1"), kExitMissed);
    Scene failed;
    failed.client.answers = {R"({"status":"failed","is_final":true})"};
    EXPECT_EQ(run_watch(failed.context, "r-1"), kExitFailed);
    Scene waiting;
    waiting.client.answers = {R"({"status":"waiting","is_final":false})"};
    EXPECT_EQ(run_watch(waiting.context, "r-1"), kExitFailed);
    EXPECT_THAT(waiting.err.str(), HasSubstr("waits for a person"));
}

TEST(RunMove, WithYesItStartsAtOnceAndWithDryRunItOnlyAsks) {
    Scene scene;
    scene.client.answers = {R"({"run":"r-7"})"};
    MoveOptions options;
    options.verb = "switchover";
    options.service = "my shop";
    options.to = "west";
    options.is_confirmed = true;
    EXPECT_EQ(run_move(scene.context, options), kExitDone);
    EXPECT_THAT(scene.out.str(), HasSubstr("muster run watch r-7"));
    ASSERT_EQ(scene.client.asked.size(), 1U);
    EXPECT_THAT(scene.client.asked[0], HasSubstr("POST /api/v1/services/my%20shop/switchover {"));
    EXPECT_THAT(scene.client.asked[0], HasSubstr(R"("dry_run":false)"));

    Scene dry;
    dry.client.answers = {R"({"kind":"switchover","is_allowed":true})"};
    options.is_dry_run = true;
    EXPECT_EQ(run_move(dry.context, options), kExitDone);
    ASSERT_EQ(dry.client.asked.size(), 1U);
    EXPECT_THAT(dry.client.asked[0], HasSubstr(R"("dry_run":true)"));
}

TEST(RunProcedure, ParametersAreNameEqualsValue) {
    Scene scene;
    EXPECT_EQ(run_procedure(scene.context, {"drain", {"mode"}, false}), kExitUsage);
    scene.client.answers = {R"({"run":"r-1"})"};
    EXPECT_EQ(run_procedure(scene.context, {"drain", {"mode=a=b"}, false}), kExitDone);
    EXPECT_EQ(scene.client.asked[0],
              R"(POST /api/v1/procedures/drain {"parameters":{"mode":"a=b"}})");
}

}  // namespace
}  // namespace muster::cli
