#include "cli/plan_commands.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plan/starter.h"
#include "plans/vocabulary.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

class PlanCommands : public testing::Test {
  protected:
    PlanCommands() { fs::create_directories(folder_); }
    ~PlanCommands() override { fs::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
        return folder_ / name;
    }
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
    Streams streams(bool is_json = false) { return {out_, err_, is_json}; }

    plan::Vocabulary vocabulary_ = tests::plan_vocabulary();
    std::ostringstream out_;
    std::ostringstream err_;

  private:
    fs::path folder_ = fs::path(testing::TempDir()) /
                       (std::string("plan_commands_") +
                        testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(PlanCommands, InitWritesAPlanThatValidates) {
    const auto file = path("plan.yaml");
    EXPECT_EQ(run_init(file, false, streams()), kExitDone);
    EXPECT_EQ(run_validate(file, vocabulary_, streams()), kExitDone) << err_.str();
    EXPECT_EQ(err_.str(), "");
    EXPECT_NE(out_.str().find("plan shop is valid: 3 sites, 1 service, 3 components"),
              std::string::npos)
        << out_.str();
}

TEST_F(PlanCommands, InitKeepsAFileThatIsThereUnlessForced) {
    const auto file = write("plan.yaml", "mine");
    EXPECT_EQ(run_init(file, false, streams()), kExitUsage);
    EXPECT_EQ(fs::file_size(file), 4U);
    EXPECT_EQ(run_init(file, true, streams()), kExitDone);
    EXPECT_EQ(fs::file_size(file), plan::starter_plan().size());
}

TEST_F(PlanCommands, InitToStandardOutputWritesNoFile) {
    EXPECT_EQ(run_init("-", false, streams()), kExitDone);
    EXPECT_EQ(out_.str(), plan::starter_plan());
}

TEST_F(PlanCommands, InitInAMissingFolderFailsWithAHint) {
    EXPECT_EQ(run_init(path("missing/plan.yaml"), false, streams()), kExitFailed);
    EXPECT_NE(err_.str().find("hint:"), std::string::npos);
}

TEST_F(PlanCommands, ValidatePrintsPlaceMessageAndHintOfEachMistake) {
    const auto file =
        write("bad.yaml", "muster: 1\nplan: x\nsites: {a: {regoin: b}}\nservises: {}\n");
    EXPECT_EQ(run_validate(file, vocabulary_, streams()), kExitUsage);
    EXPECT_NE(err_.str().find(file + ":3:13: error: unknown key \"regoin\" in sites.a\n"
                                     "  hint: did you mean \"region\"?"),
              std::string::npos)
        << err_.str();
    EXPECT_NE(err_.str().find(file + ":4:1: error: unknown key \"servises\""), std::string::npos);
    EXPECT_NE(err_.str().find(": 3 errors, 1 warning\n"), std::string::npos) << err_.str();
    EXPECT_EQ(out_.str(), "");
}

TEST_F(PlanCommands, ValidateAsJsonHoldsTheDiagnostics) {
    const auto file = write("bad.yaml", "muster: 2\n");
    EXPECT_EQ(run_validate(file, vocabulary_, streams(true)), kExitUsage);
    const auto value = boost::json::parse(out_.str());
    const auto& first = value.at("diagnostics").at(0).as_object();
    EXPECT_EQ(first.at("file").as_string(), file);
    EXPECT_EQ(first.at("line").as_int64(), 1);
    EXPECT_EQ(first.at("severity").as_string(), "error");
    EXPECT_TRUE(first.contains("column") && first.contains("message") && first.contains("hint"));
}

TEST_F(PlanCommands, ValidateOfAMissingFileSaysSo) {
    EXPECT_EQ(run_validate(path("none.yaml"), vocabulary_, streams()), kExitUsage);
    EXPECT_NE(err_.str().find("can't read the plan"), std::string::npos);
}

TEST_F(PlanCommands, SchemaIsJson) {
    EXPECT_EQ(run_schema(vocabulary_, streams()), kExitDone);
    EXPECT_TRUE(boost::json::parse(out_.str()).is_object());
}

TEST_F(PlanCommands, GraphDrawsAValidPlanInBothFormats) {
    const auto file = write("plan.yaml", plan::starter_plan());
    EXPECT_EQ(run_graph(file, vocabulary_, GraphFormat::kMermaid, streams()), kExitDone);
    EXPECT_TRUE(out_.str().starts_with("flowchart"));
    out_.str("");
    EXPECT_EQ(run_graph(file, vocabulary_, GraphFormat::kSvg, streams()), kExitDone);
    EXPECT_TRUE(out_.str().starts_with("<svg "));
}

TEST_F(PlanCommands, GraphOfABadPlanPrintsItsMistakes) {
    const auto file = write("bad.yaml", "muster: 1\n");
    EXPECT_EQ(run_graph(file, vocabulary_, GraphFormat::kSvg, streams()), kExitUsage);
    EXPECT_EQ(out_.str(), "");
    EXPECT_NE(err_.str().find("error:"), std::string::npos);
}

}  // namespace
}  // namespace muster::cli
