#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "decide/golden_script_test.h"

// Each file in tests/golden/decide is a script, a line "---", and what must come of it. With
// MUSTER_UPDATE_GOLDEN set, what came of it is written instead: read the diff.

namespace muster::decide {
namespace {

constexpr std::string_view kRule = "---\n";

std::vector<std::filesystem::path> scenarios() {
    std::vector<std::filesystem::path> paths;
    const std::filesystem::path folder(MUSTER_SOURCE_DIR "/tests/golden/decide");
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".txt") {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

std::string contents(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

class Golden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Golden, DecidesAsWritten) {
    const auto text = contents(GetParam());
    const auto rule = text.find(kRule);
    const auto script = text.substr(0, rule);
    const auto actual = play(read_script(script));
    if (std::getenv("MUSTER_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(GetParam()) << script << kRule << actual;
        return;
    }
    ASSERT_NE(rule, std::string::npos) << "no line ---; run with MUSTER_UPDATE_GOLDEN=1";
    EXPECT_EQ(actual, text.substr(rule + kRule.size()))
        << "if this is meant, run with MUSTER_UPDATE_GOLDEN=1 and read the diff";
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Golden, testing::ValuesIn(scenarios()),
                         [](const auto& info) { return info.param.stem().string(); });

TEST(GoldenFolder, HoldsAtLeastFortyFiveScenarios) {
    EXPECT_GE(scenarios().size(), 45U);
}

}  // namespace
}  // namespace muster::decide
