#include "adapters/yaml/read_yaml.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "plans/vocabulary.h"

namespace muster::adapters {
namespace {

using plan::Node;

std::string first_problem(const std::string& text) {
    const auto document = read_yaml(text);
    return document.problems.empty() ? "" : plan::format(document.problems.front(), "p");
}

bool is_refused(const std::string& text, const std::string& part) {
    const auto document = read_yaml(text);
    return std::ranges::any_of(document.problems, [&part](const plan::Diagnostic& problem) {
        return plan::format(problem, "p").find(part) != std::string::npos;
    });
}

std::string repeat(const std::string& text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        out += text;
    }
    return out;
}

TEST(ReadYaml, GivesEachPartItsPlaceCountedFromOne) {
    const auto document = read_yaml("a: 1\nb:\n  - \"x\"\n  - {c: d}\n");
    ASSERT_TRUE(document.problems.empty());
    const Node* const list = document.root.find("b");
    ASSERT_NE(list, nullptr);
    EXPECT_EQ(document.root.entries[1].key_mark.line, 2);
    EXPECT_EQ(list->items[0].mark.line, 3);
    EXPECT_EQ(list->items[0].mark.column, 5);
    EXPECT_TRUE(list->items[0].is_quoted);
    EXPECT_FALSE(document.root.find("a")->is_quoted);
    EXPECT_EQ(list->items[1].text("c"), "d");
}

TEST(ReadYaml, CopiesAliasesAndGivesThemTheirOwnPlace) {
    const auto document = read_yaml("a: &x {k: v}\nb: *x\n");
    ASSERT_TRUE(document.problems.empty());
    EXPECT_EQ(document.root.find("b")->text("k"), "v");
    EXPECT_EQ(document.root.find("b")->mark.line, 2);
}

TEST(ReadYaml, ReportsAllDuplicateKeysAndKeepsTheFirst) {
    const auto document = read_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\n");
    ASSERT_EQ(document.problems.size(), 2U);
    EXPECT_EQ(document.problems[0].mark.line, 2);
    EXPECT_NE(document.problems[0].message.find("line 1"), std::string::npos);
    EXPECT_EQ(document.problems[1].mark.column, 11);
    EXPECT_EQ(document.root.text("a"), "1");
}

TEST(ReadYaml, RefusesAnUnclosedQuoteAtTheEnd) {
    EXPECT_TRUE(is_refused("a: 'x\nb: c\n", "p:1:4: error: the quote that opens here is never"));
    EXPECT_TRUE(is_refused("a: \"x \\\" y", "never closed"));
    EXPECT_TRUE(is_refused("a: &anchor 'it''s", "never closed"));
    EXPECT_EQ(first_problem("a: 'it''s'"), "");
    EXPECT_EQ(first_problem("a: \"\\\"\""), "");
}

TEST(ReadYaml, RefusesTabsAsIndentationButNotInText) {
    EXPECT_TRUE(is_refused("a:\n\tb: c\n", "p:2:1: error: a tab"));
    EXPECT_TRUE(is_refused("a:\n  b: c\n \td: e\n", "p:3:2: error: a tab"));
    EXPECT_TRUE(is_refused("a: {\n\tb: c}\n", "p:2:1: error: a tab"));
    EXPECT_EQ(first_problem("a: b\t# note\nc: |\n  x\n  \ty\n"), "");
    EXPECT_TRUE(is_refused("a: b\n\t\n", "a tab is used as indentation"));
}

TEST(ReadYaml, TakesByteOrderMarkAndAnyLineEnds) {
    EXPECT_EQ(first_problem("\xEF\xBB\xBF"
                            "a: b\r\nc: d\r"),
              "");
    EXPECT_EQ(read_yaml("a: b\r\nc: d\r\n").root.text("a"), "b");
}

TEST(ReadYaml, RefusesWhatIsNoText) {
    EXPECT_TRUE(is_refused(std::string("a: b\n\0", 6), "p:2:1: error: byte 0x00"));
    EXPECT_TRUE(is_refused("a: \xFF", "byte 0xFF"));
    EXPECT_TRUE(is_refused("a: \xC0\x80", "byte 0xC0"));          // overlong
    EXPECT_TRUE(is_refused("a: \xED\xA0\x80", "byte 0xED"));      // surrogate
    EXPECT_TRUE(is_refused("a: \xF4\x90\x80\x80", "byte 0xF4"));  // past the last code point
    EXPECT_TRUE(is_refused("a: \xE2\x82", "byte 0xE2"));          // cut short
    EXPECT_EQ(first_problem("a: \xF0\x9F\x9A\xA2 \xE2\x82\xAC"), "");
}

TEST(ReadYaml, RefusesTagsMergeKeysOddKeysAndFurtherDocuments) {
    EXPECT_TRUE(is_refused("a: !!python/object x\n", "the tag"));
    EXPECT_TRUE(is_refused("a: {<<: {b: c}}\n", "merge keys"));
    EXPECT_TRUE(is_refused("? [a]\n: b\n", "a key must be a plain text"));
    EXPECT_TRUE(is_refused("~: b\n", "a key must be a plain text"));
    EXPECT_TRUE(is_refused("a: b\n---\nc: d\n", "p:2:1: error: a second document"));
    EXPECT_EQ(first_problem("---\na: b\n...\n"), "");
}

TEST(ReadYaml, RefusesAliasBombs) {
    std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
    for (char name = 'b'; name < 'k'; ++name) {
        const std::string before(1, static_cast<char>(name - 1));
        bomb += std::string(1, name) + ": &" + name + " [" + repeat("*" + before + ",", 10) + "]\n";
    }
    EXPECT_TRUE(is_refused(bomb, "counting each alias as a copy"));
    EXPECT_TRUE(
        is_refused("a: &a " + std::string(100'000, 'x') + "\nb: [" + repeat("*a,", 1000) + "]",
                   "counting each alias as a copy"));
}

TEST(ReadYaml, RefusesDeepNestingAndEndlessValues) {
    EXPECT_TRUE(is_refused(repeat("[", 100), "nested more than 64 levels"));
    EXPECT_TRUE(is_refused(repeat("- ", 100) + "x", "nested more than 64 levels"));
    EXPECT_TRUE(is_refused(repeat("[", 500'000), "begins here"));
    EXPECT_TRUE(
        is_refused("a: {" + repeat("b: c, ", 100'000) + "}", "counting each alias as a copy"));
    EXPECT_TRUE(is_refused(repeat("- x\n", 60'000), "counting each alias as a copy"));
    EXPECT_TRUE(is_refused(std::string(kMaxPlanBytes + 1, ' '), "larger than 1.00 MiB"));
}

/// Good plans cut short and with bytes changed: whatever comes out, it comes out as a value.
TEST(ReadYaml, NeverThrowsOnDamagedPlans) {
    const auto folder = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/plans/good";
    std::ifstream file(folder / "shop.yaml");
    const std::string good((std::istreambuf_iterator<char>(file)), {});
    ASSERT_FALSE(good.empty());
    const auto vocabulary = tests::plan_vocabulary();
    constexpr std::string_view kBytes = "\"'[]{}:,-&*!|>%@`#? \n\t\\~<0a\xC3";
    SeededRandom random(7);
    for (int round = 0; round < 300; ++round) {
        std::string text = good.substr(0, random.below(good.size()) + 1);
        for (int i = 0; i < 3; ++i) {
            text[random.below(text.size())] = kBytes[random.below(kBytes.size())];
        }
        const auto document = read_yaml(text);
        EXPECT_FALSE(plan::load(document.root, vocabulary, "").is_valid() &&
                     document.problems.empty() && text.size() < good.size() / 2);
    }
}

TEST(LoadPlanFile, TellsWhyAFileCannotBeRead) {
    const auto missing = load_plan_file("/nonexistent/plan.yaml", tests::plan_vocabulary());
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), Errc::kNotFound);
    const auto folder = load_plan_file(testing::TempDir(), tests::plan_vocabulary());
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().code(), Errc::kInvalid);
}

TEST(LoadPlanFile, RefusesALargeFileWithoutReadingIt) {
    const auto path = std::filesystem::path(testing::TempDir()) / "muster_large_plan.yaml";
    {
        std::ofstream file(path);
    }
    std::filesystem::resize_file(path, 100U << 20U);
    const auto loaded = load_plan_file(path, tests::plan_vocabulary());
    std::filesystem::remove(path);
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->diagnostics.size(), 1U);
    EXPECT_NE(loaded->diagnostics[0].message.find("larger than"), std::string::npos);
}

TEST(LoadPlanFile, DigestTellsPlansApart) {
    const auto folder = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/plans/good";
    const auto one = load_plan_file(folder / "shop.yaml", tests::plan_vocabulary());
    const auto two = load_plan_file(folder / "smallest.yaml", tests::plan_vocabulary());
    ASSERT_TRUE(one && two);
    EXPECT_EQ(one->plan.digest.size(), 16U);
    EXPECT_NE(one->plan.digest, two->plan.digest);
}

}  // namespace
}  // namespace muster::adapters
