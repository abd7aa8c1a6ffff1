#include "backup/look/tree_reader.h"

#include <gtest/gtest.h>

#include "backup/look/look_test_support.h"
#include "backup/look/tree_search.h"
#include "backup/restore/tree_path.h"

namespace muster::backup {
namespace {

using testing::LookRepository;

/// Writes down what it meets.
class Notes final : public WalkVisitor {
  public:
    Result<WalkStep> enter(const WalkEntry& entry) override {
        lines.push_back(entry.path);
        if (entry.path == end_at) {
            return WalkStep::kEnd;
        }
        return entry.path == skip ? WalkStep::kOver : WalkStep::kInto;
    }
    Result<> leave(const WalkEntry& entry) override {
        lines.push_back("out of " + entry.path);
        return {};
    }
    Result<> on_unreadable(const std::string& path, const Error& error) override {
        if (are_problems_fatal) {
            return error;
        }
        lines.push_back("unreadable " + path);
        return {};
    }
    std::vector<std::string> lines;
    std::string skip;
    std::string end_at;
    bool are_problems_fatal = false;
};

class Walking : public ::testing::Test {
  protected:
    Walking() {
        const auto deep = made_.tree({LookRepository::file("x", {})});
        const auto below =
            made_.tree({LookRepository::folder("deep", deep), LookRepository::file("f", {})});
        root_ = made_.tree({LookRepository::folder("a", below), LookRepository::file("b", {}),
                            LookRepository::folder("c", deep)});
    }
    Result<> walk(const ObjectId& root) {
        TreeReader reader(made_.repository());
        return reader.run([&] { return walk_tree(reader, made_.host(), root, notes_); });
    }

    LookRepository made_;
    ObjectId root_;
    Notes notes_;
};

TEST_F(Walking, GoesDownFirstAndTellsWhenItComesBack) {
    ASSERT_TRUE(walk(root_));
    EXPECT_EQ(notes_.lines,
              (std::vector<std::string>{"/a", "/a/deep", "/a/deep/x", "out of /a/deep", "/a/f",
                                        "out of /a", "/b", "/c", "/c/x", "out of /c"}));
}

TEST_F(Walking, PassesOverWhatItIsToldTo) {
    notes_.skip = "/a";
    ASSERT_TRUE(walk(root_));
    EXPECT_EQ(notes_.lines, (std::vector<std::string>{"/a", "/b", "/c", "/c/x", "out of /c"}));
}

TEST_F(Walking, EndsWhenItIsToldTo) {
    notes_.end_at = "/a/deep/x";
    ASSERT_TRUE(walk(root_));
    EXPECT_EQ(notes_.lines.size(), 3U);
}

TEST_F(Walking, TellsATreeThatIsMissingAndGoesOn) {
    const auto root =
        made_.tree({LookRepository::folder("gone", ObjectId{{1}}), LookRepository::file("z", {})});
    ASSERT_TRUE(walk(root));
    EXPECT_EQ(notes_.lines,
              (std::vector<std::string>{"/gone", "unreadable /gone", "out of /gone", "/z"}));
    notes_.are_problems_fatal = true;
    EXPECT_EQ(walk(root).error().code(), Errc::kNotFound);
}

TEST_F(Walking, EndsWhenTheProcessShall) {
    made_.host().is_told_to_stop = true;
    EXPECT_EQ(walk(root_).error().code(), Errc::kCancelled);
}

TEST_F(Walking, GoesThroughMoreFoldersThanAreReadAhead) {
    std::vector<Node> nodes;
    for (std::size_t i = 0; i < 3 * TreeReader::kAhead; ++i) {
        const auto name = std::to_string(1000 + i);
        nodes.push_back(
            LookRepository::folder(name, made_.tree({LookRepository::file("in " + name, {})})));
    }
    ASSERT_TRUE(walk(made_.tree(nodes)));
    ASSERT_EQ(notes_.lines.size(), 3 * nodes.size());
    EXPECT_EQ(notes_.lines[1], "/1000/in 1000");
    EXPECT_EQ(notes_.lines[notes_.lines.size() - 2], "/1191/in 1191");
}

TEST_F(Walking, FindsWhatAPathLeadsTo) {
    const auto& repository = made_.repository();
    EXPECT_EQ(find_tree(repository, root_, "").value(), root_);
    EXPECT_EQ(find_tree(repository, root_, "/").value(), root_);
    EXPECT_EQ(find_node(repository, root_, "/a/deep/x").value().name, "x");
    EXPECT_EQ(find_node(repository, root_, "a//deep/").value().name, "deep");
    EXPECT_EQ(find_node(repository, root_, "/a/nope").error().code(), Errc::kNotFound);
    EXPECT_EQ(find_node(repository, root_, "/b/x").error().code(), Errc::kNotFound);
    EXPECT_EQ(find_tree(repository, root_, "/b").error().code(), Errc::kInvalid);
}

TEST_F(Walking, ASearchGoesThroughABarrenTreeOnlyOnce) {
    std::vector<std::string> seen;
    TreeSearch search({[&](const WalkEntry& entry) {
                           seen.push_back(entry.path);
                           return entry.path == "/a/deep/x";
                       },
                       [](const WalkEntry&) { return true; },
                       [](const std::string&, const Error&) { FAIL(); }});
    TreeReader reader(made_.repository());
    const auto again = [&] {
        seen.clear();
        return reader.run([&] { return walk_tree(reader, made_.host(), root_, search); });
    };
    ASSERT_TRUE(again());
    EXPECT_EQ(seen,
              (std::vector<std::string>{"/a", "/a/deep", "/a/deep/x", "/a/f", "/b", "/c", "/c/x"}));
    ASSERT_TRUE(again());
    EXPECT_EQ(seen, (std::vector<std::string>{"/a", "/a/deep", "/a/deep/x", "/a/f", "/b", "/c"}));
}

TEST(IdPrefixes, MatchWholeIdsAndBeginnings) {
    IdPrefixes ids;
    const ObjectId id = sha256(bytes_of("x"));
    EXPECT_TRUE(ids.add(id.hex().substr(0, 3)));
    EXPECT_TRUE(ids.matches(id));
    EXPECT_FALSE(ids.matches(ObjectId{}));
    EXPECT_TRUE(ids.add(ObjectId{}.hex()));
    EXPECT_TRUE(ids.matches(ObjectId{}));
    for (const auto* bad : {"", "XY", "0g"}) {
        EXPECT_EQ(ids.add(std::string(bad)).error().code(), Errc::kInvalid) << bad;
    }
}

}  // namespace
}  // namespace muster::backup
