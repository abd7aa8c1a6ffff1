#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "adapters/yaml/read_yaml.h"
#include "plans/vocabulary.h"

namespace muster::adapters {
namespace {

namespace fs = std::filesystem;
using plan::Diagnostic;

std::vector<fs::path> plans(const std::string& folder) {
    std::vector<fs::path> out;
    for (const auto& entry :
         fs::directory_iterator(fs::path(MUSTER_SOURCE_DIR) / "tests/plans" / folder)) {
        out.push_back(entry.path());
    }
    std::ranges::sort(out);
    return out;
}

std::string all_of(const plan::Loaded& loaded, const fs::path& path) {
    std::string out;
    for (const auto& diagnostic : loaded.diagnostics) {
        out += plan::format(diagnostic, path.filename().string()) + "\n";
    }
    return out;
}

/// What the first lines of a bad plan say of it: "# expect: LINE:COLUMN PART OF A MESSAGE".
std::vector<std::string> expectations(const fs::path& path) {
    constexpr std::string_view kMarker = "# expect: ";
    std::vector<std::string> out;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line) && line.starts_with('#');) {
        if (line.starts_with(kMarker)) {
            line.erase(0, kMarker.size());
            out.push_back(line.substr(0, line.find_last_not_of('\r') + 1));
        }
    }
    return out;
}

bool has(const plan::Loaded& loaded, const std::string& expected) {
    const auto space = expected.find(' ');
    return std::ranges::any_of(loaded.diagnostics, [&](const Diagnostic& diagnostic) {
        const std::string place =
            std::to_string(diagnostic.mark.line) + ":" + std::to_string(diagnostic.mark.column);
        return diagnostic.severity == Diagnostic::Severity::kError &&
               place == expected.substr(0, space) &&
               diagnostic.message.find(expected.substr(space + 1)) != std::string::npos;
    });
}

std::size_t count_errors(const plan::Loaded& loaded) {
    return static_cast<std::size_t>(std::ranges::count(
        loaded.diagnostics, Diagnostic::Severity::kError, &Diagnostic::severity));
}

TEST(Corpus, AcceptsEveryGoodPlan) {
    for (const auto& path : plans("good")) {
        const auto loaded = load_plan_file(path, tests::plan_vocabulary());
        ASSERT_TRUE(loaded) << path;
        EXPECT_TRUE(loaded->is_valid()) << all_of(*loaded, path);
    }
}

TEST(Corpus, ReportsEveryMistakeOfEveryBadPlanAndNoOther) {
    for (const auto& path : plans("bad")) {
        const auto loaded = load_plan_file(path, tests::plan_vocabulary());
        ASSERT_TRUE(loaded) << path;
        const auto expected = expectations(path);
        EXPECT_FALSE(expected.empty()) << path << " says nothing of what is expected";
        EXPECT_EQ(count_errors(*loaded), expected.size()) << all_of(*loaded, path);
        for (const auto& one : expected) {
            EXPECT_TRUE(has(*loaded, one)) << one << "\nbut found:\n" << all_of(*loaded, path);
        }
    }
}

TEST(Corpus, HoldsSixtyPlans) {
    EXPECT_GE(plans("good").size() + plans("bad").size(), 60U);
}

}  // namespace
}  // namespace muster::adapters
