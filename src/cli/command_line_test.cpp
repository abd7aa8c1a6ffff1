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
    EXPECT_THAT(run({"--repo", "x", "snapshotz"}).err, HasSubstr("did you mean \"snapshots\"?"));
}

TEST(CommandLine, WhatIsTooMuchIsNamedWithItsCommandAndWhatIsNear) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{"run", "list", "extra"},
         "`muster run list` takes no further argument: \"extra\"\n"
         "  hint: `muster run list --help` shows what it takes\n"},
        {{"unlock", "--repo", "x", "one", "two"},
         "`muster unlock` takes no further argument: \"one\"\n"
         "  hint: `muster unlock --help` shows what it takes\n"},
        {{"backup", "--exlude", "a", "b"},
         "`muster backup` knows no option --exlude\n  hint: did you mean --exclude?\n"},
        {{"backup", "--pasword-file=x", "b"},
         "`muster backup` knows no option --pasword-file\n  hint: did you mean --password-file?\n"},
        {{"status", "--nonsense"},
         "`muster status` knows no option --nonsense\n"
         "  hint: `muster status --help` lists those that it knows\n"},
        {{"status", "--rep", "x"},
         "`muster status` knows no option --rep\n"
         "  hint: `muster status --help` lists those that it knows\n"},
        {{"backup", "-Z"},
         "`muster backup` knows no option -Z\n"
         "  hint: `muster backup --help` lists those that it knows\n"},
        {{"--exclude", "a", "backup", "b"},
         "--exclude stands before the command that it belongs to\n"
         "  hint: write it behind: `muster backup --exclude`\n"},
        {{"--no-such"},
         "`muster` knows no option --no-such\n"
         "  hint: `muster --help` lists those that it knows\n"},
        {{"backups", "nonsense"},
         "there is no command \"nonsense\"\n  hint: known here: run, accept\n"}};
    for (const auto& [arguments, words] : cases) {
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, kExitUsage) << testing::PrintToString(arguments);
        EXPECT_EQ(outcome.err, "muster: " + words) << testing::PrintToString(arguments);
    }
}

TEST(CommandLine, WhatIsMissingOrContradictsIsNamedInWords) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{}, "muster: no command was given\n  hint: `muster --help` lists them\n"},
        {{"key"},
         "muster: `muster key` needs a command\n  hint: known here: list, add, remove, passwd\n"},
        {{"why"},
         "muster: `muster why` needs SERVICE: the service\n"
         "  hint: `muster why --help` shows what it takes\n"},
        {{"snapshots", "--repo"}, "--repo needs a value\n"},
        {{"--repo", "a", "snapshots", "--repo", "b"}, "--repo was given more than once\n"},
        {{"find", "--pack", "--blob", "x"}, "--blob and --pack don't go together\n"},
        {{"repo", "init", "--from-password-file", "x"},
         "--from-password-file is of no use without --copy-chunker-params-from\n"},
        {{"snapshots", "--latest", "0"}, "--latest: Value 0 not in range 1 to 1000000000\n"}};
    for (const auto& [arguments, words] : cases) {
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, kExitUsage) << testing::PrintToString(arguments);
        EXPECT_THAT(outcome.err, HasSubstr(words)) << testing::PrintToString(arguments);
    }
}

TEST(CommandLine, OptionsOfRepositoriesMayStandBeforeTheCommand) {
    const std::vector<std::vector<std::string>> all = {
        {"--repo", "/nonexistent/a", "--no-cache", "--no-lock", "snapshots"},
        {"-r", "/nonexistent/a", "-q", "-v", "backup", "-n", "-v", "x"},
        {"-vvr/nonexistent/a", "backup", "x"},
        {"--repo=/nonexistent/a", "--verbose=2", "key", "list"},
        {"key", "-r", "/nonexistent/a", "list"}};
    for (auto arguments : all) {
        arguments.insert(arguments.end(), {"--password-command", "echo x"});
        const auto outcome = run(arguments);
        EXPECT_THAT(outcome.err, HasSubstr("there is no repository at /nonexistent/a"))
            << testing::PrintToString(arguments);
        EXPECT_EQ(outcome.exit_code, 10) << testing::PrintToString(arguments);
    }
    EXPECT_THAT(run({"--repo", "a", "snapshots", "--repository-file", "b"}).err,
                HasSubstr("--repo and --repository-file don't go together"));
    EXPECT_THAT(run({"--repo", "", "snapshots"}).err, HasSubstr("--repo: it is empty"));
    for (const auto& [before, behind] :
         {std::pair("s3.region=x", "no.such=x"), {"no.such=x", "s3.region=x"}}) {
        EXPECT_THAT(run({"-o", before, "-r", "/nonexistent/a", "snapshots", "-o", behind}).err,
                    HasSubstr("no option no.such"))
            << "the second does not replace the first";
    }
    for (const auto* word : {"-r,--repo", "--no-lock", "--host", "12 wrong password"}) {
        EXPECT_THAT(run({"snapshots", "--help"}).out, HasSubstr(word));
    }
}

TEST(CommandLine, OtherCommandsRefuseTheOptionsOfRepositories) {
    const std::vector<std::vector<std::string>> all = {{"--repo", "x", "status"},
                                                       {"status", "--repo", "x"},
                                                       {"serve", "plan.yaml", "--repo", "x"},
                                                       {"--repo", "x", "validate", "plan.yaml"},
                                                       {"--repo", "x", "backups"},
                                                       {"run", "list", "--repo", "x"},
                                                       {"serve-repo", "--path", "y", "-r", "x"}};
    for (const auto& arguments : all) {
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, kExitUsage) << testing::PrintToString(arguments);
        EXPECT_THAT(outcome.err, HasSubstr("works on no repository: it has no use for --repo"));
    }
    EXPECT_THAT(run({"--repo", "x", "init"}).err, HasSubstr("`muster repo init` makes"));
    EXPECT_THAT(run({"-v", "status"}).err, HasSubstr("write it behind: `muster status --verbose`"));
}

TEST(CommandLine, WhatWasTypedDoesNotActOnTheTerminal) {
    EXPECT_THAT(run({"snapshots", "--latest", "\x1b[31m"}).err, HasSubstr("Value \\x1b[31m not"));
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
