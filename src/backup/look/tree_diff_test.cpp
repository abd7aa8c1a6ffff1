#include "backup/look/tree_diff.h"

#include <gtest/gtest.h>

#include "backup/look/look_test_support.h"

namespace muster::backup {
namespace {

using testing::LookRepository;

class Comparing : public ::testing::Test {
  protected:
    Result<DiffTotals> compare(const ObjectId& before, const ObjectId& after,
                               bool is_metadata_told = false) {
        lines_.clear();
        TreeReader reader(made_.repository());
        TreeDiff diff(
            made_.repository(), reader,
            {[&](const std::string& path, const std::string& letters) {
                 lines_.push_back(letters + " " + path);
             },
             [&](const std::string& path, const Error&) { lines_.push_back("? " + path); }});
        DiffTotals totals;
        TRY_OK(reader.run([&]() -> Result<> {
            TRY(totals, diff.run(before, after, is_metadata_told));
            return {};
        }));
        return totals;
    }

    LookRepository made_;
    std::vector<std::string> lines_;
};

TEST_F(Comparing, TellsWhatWasAddedRemovedAndChanged) {
    const auto one = made_.data("one");
    const auto two = made_.data("number two");
    const auto below = made_.tree({LookRepository::file("in", {one}, 3)});
    auto changed = LookRepository::file("changed", {two}, 10);
    const auto before =
        made_.tree({LookRepository::file("changed", {one}, 3), LookRepository::folder("old", below),
                    LookRepository::file("type", {one}, 3)});
    const auto after = made_.tree(
        {changed, LookRepository::folder("new", below), LookRepository::folder("type", below)});
    const auto totals = compare(before, after).value();
    EXPECT_EQ(lines_, (std::vector<std::string>{"M /changed", "+ /new/", "+ /new/in", "- /old/",
                                                "- /old/in", "T /type/"}));
    EXPECT_EQ(totals.changed_files, 1U);
    EXPECT_EQ(totals.added.files, 1U);
    EXPECT_EQ(totals.added.folders, 1U);
    EXPECT_EQ(totals.removed.folders, 1U);
    EXPECT_EQ(totals.added.data_blobs, 1U);  // "one" is in both.
    EXPECT_EQ(totals.removed.data_blobs, 0U);
    EXPECT_EQ(totals.added.tree_blobs, 1U);  // The root; what is below both have.
}

TEST_F(Comparing, TellsMetadataOnlyWhenAsked) {
    auto file = LookRepository::file("f", {});
    const auto before = made_.tree({file});
    file.mode = 0600;
    const auto after = made_.tree({file});
    ASSERT_TRUE(compare(before, after));
    EXPECT_EQ(lines_, std::vector<std::string>{});
    ASSERT_TRUE(compare(before, after, true));
    EXPECT_EQ(lines_, std::vector<std::string>{"U /f"});
}

TEST_F(Comparing, DoubtsContentThatChangedAlone) {
    const auto before = made_.tree({LookRepository::file("f", {made_.data("abc")}, 3)});
    const auto after = made_.tree({LookRepository::file("f", {made_.data("abd")}, 3)});
    ASSERT_TRUE(compare(before, after));
    EXPECT_EQ(lines_, std::vector<std::string>{"M? /f"});
}

TEST_F(Comparing, ABlobOfADirectoryThatBothHaveIsNotNew) {
    const auto one = made_.data("one");
    const auto same = made_.tree({LookRepository::file("x", {one}, 3)});
    const auto before = made_.tree({LookRepository::folder("same", same)});
    const auto after =
        made_.tree({LookRepository::folder("same", same), LookRepository::file("copy", {one}, 3)});
    const auto totals = compare(before, after).value();
    EXPECT_EQ(lines_, std::vector<std::string>{"+ /copy"});
    EXPECT_EQ(totals.added.data_blobs, 0U);
    EXPECT_EQ(totals.added.tree_blobs, 1U);
}

TEST_F(Comparing, GoesOnBehindADirectoryThatIsMissing) {
    const auto before = made_.tree({LookRepository::folder("d", ObjectId{{1}})});
    const auto after =
        made_.tree({LookRepository::folder("d", made_.tree({})), LookRepository::file("e", {})});
    ASSERT_TRUE(compare(before, after));
    EXPECT_EQ(lines_, (std::vector<std::string>{"? /d/", "+ /e"}));
}

TEST_F(Comparing, TheSameHasNoDifference) {
    const auto root = made_.tree({LookRepository::folder("d", ObjectId{{1}})});
    const auto totals = compare(root, root).value();
    EXPECT_EQ(lines_, std::vector<std::string>{});
    EXPECT_EQ(totals.added, DiffCounts{});
}

}  // namespace
}  // namespace muster::backup
