#include "backup/snapshot_filter.h"

#include <gtest/gtest.h>

namespace muster::backup {
namespace {

using Texts = std::vector<std::string>;

struct Made {
    std::string_view id;
    std::int64_t seconds;
    std::string hostname;
    Texts paths;
    Texts tags;
};

Snapshot snapshot(const Made& made) {
    Snapshot snapshot;
    std::string hex(made.id);
    hex.resize(ObjectId::kHexSize, '0');
    snapshot.id = *ObjectId::parse(hex);
    snapshot.time.seconds = made.seconds;
    snapshot.hostname = made.hostname;
    snapshot.paths = made.paths;
    snapshot.tags = made.tags;
    return snapshot;
}

const std::vector<Snapshot> kAll{
    snapshot({"aa11", 100, "db1", {"/srv"}, {"nightly", "db"}}),
    snapshot({"aa22", 300, "db1", {"/srv", "/etc"}, {"nightly"}}),
    snapshot({"bb33", 200, "db2", {"/etc", "/srv"}, {}}),
    snapshot({"cc44", 400, "db1", {"/etc"}, {"db", "nightly"}}),
};

std::string ids(const Chosen& chosen) {
    std::string text;
    for (const auto* const one : chosen) {
        text.append(text.empty() ? "" : " ").append(one->id.hex().substr(0, 4));
    }
    return text;
}

std::string chosen_by(const SnapshotFilter& filter) {
    return ids(choose(kAll, filter));
}

Result<const Snapshot*> find(std::string_view name, const SnapshotFilter& filter = {}) {
    TRY(const auto parsed, parse_snapshot_name(name));
    return find_snapshot(kAll, parsed, filter);
}

TEST(SnapshotFilter, TakesAnyHostAndAnyTagListButAllPaths) {
    EXPECT_EQ(chosen_by({}), "cc44 aa22 bb33 aa11");
    EXPECT_EQ(chosen_by({{"db2", "db3"}, {}, {}}), "bb33");
    EXPECT_EQ(chosen_by({{}, {{"nightly", "db"}}, {}}), "cc44 aa11");
    EXPECT_EQ(chosen_by({{}, {{"db"}, {""}}, {}}), "cc44 bb33 aa11");
    EXPECT_EQ(chosen_by({{}, {}, {"/srv", "/etc"}}), "aa22 bb33");
    EXPECT_EQ(chosen_by({{"db1"}, {{"nightly"}}, {"/etc"}}), "cc44 aa22");
    EXPECT_EQ(chosen_by({{"x"}, {}, {}}), "");
}

TEST(SnapshotFilter, ReadsTagLists) {
    EXPECT_EQ(parse_tag_list("a, b ,c"), (TagList{"a", "b", "c"}));
    EXPECT_EQ(parse_tag_list(""), (TagList{""}));
    EXPECT_EQ(parse_tag_list("a,,"), (TagList{"a", "", ""}));
}

TEST(SnapshotName, IsReadWithItsSubfolder) {
    EXPECT_EQ(*parse_snapshot_name("aa:/srv/a:b"), (SnapshotName{"aa", 0, "/srv/a:b"}));
    EXPECT_EQ(*parse_snapshot_name("latest"), (SnapshotName{"", 0, ""}));
    EXPECT_EQ(*parse_snapshot_name("latest~2:srv"), (SnapshotName{"", 2, "srv"}));
    EXPECT_EQ(parse_snapshot_name(std::string(64, 'a'))->prefix.size(), 64U);
    for (const auto& bad : {std::string(), std::string(":a"), std::string("xyz"), std::string("AA"),
                            std::string("latest~"), std::string("latest~x"),
                            std::string("latest~-1"), std::string("latest2"),
                            std::string("latest~99999999999999999999"), std::string(65, 'a')}) {
        const auto name = parse_snapshot_name(bad);
        ASSERT_FALSE(name.has_value()) << bad;
        EXPECT_EQ(name.error().code(), Errc::kInvalid);
        EXPECT_FALSE(name.error().hint().empty());
    }
}

TEST(SnapshotName, LeadsToOneSnapshot) {
    EXPECT_EQ(*find("latest"), &kAll[3]);
    EXPECT_EQ(*find("latest~1"), &kAll[1]);
    EXPECT_EQ(*find("latest~1", {{"db1"}, {{"db"}}, {}}), &kAll[0]);
    EXPECT_EQ(*find("aa2"), &kAll[1]);
    EXPECT_EQ(*find("bb", {{"db1"}, {}, {}}), &kAll[2]);
}

TEST(SnapshotName, ThatIsMissingOrAmbiguousIsAnErrorWithAHint) {
    const auto ambiguous = find("aa");
    ASSERT_FALSE(ambiguous.has_value());
    EXPECT_EQ(ambiguous.error().code(), Errc::kConflict);
    EXPECT_NE(ambiguous.error().message().find("aa22"), std::string::npos);
    EXPECT_FALSE(ambiguous.error().hint().empty());
    for (const auto& missing : {find("dd"), find("latest~4"), find("latest", {{"x"}, {}, {}})}) {
        ASSERT_FALSE(missing.has_value());
        EXPECT_EQ(missing.error().code(), Errc::kNotFound);
        EXPECT_FALSE(missing.error().hint().empty());
    }
}

TEST(SnapshotGroups, AreByWhatIsAskedFor) {
    const auto groups_by = [](std::string_view text) {
        std::string shown;
        for (const auto& group : group_snapshots(choose(kAll, {}), *parse_group_by(text))) {
            shown += group.key.str() + ": " + ids(group.snapshots) + "\n";
        }
        return shown;
    };
    EXPECT_EQ(groups_by("host,paths"),
              "host db1, paths /etc: cc44\n"
              "host db1, paths /etc, /srv: aa22\n"
              "host db1, paths /srv: aa11\n"
              "host db2, paths /etc, /srv: bb33\n");
    EXPECT_EQ(groups_by("paths"),
              "paths /etc: cc44\npaths /etc, /srv: aa22 bb33\npaths /srv: aa11\n");
    EXPECT_EQ(groups_by("tags"),
              "all snapshots: bb33\ntags db, nightly: cc44 aa11\ntags nightly: aa22\n");
    EXPECT_EQ(groups_by(""), "all snapshots: cc44 aa22 bb33 aa11\n");
    EXPECT_EQ(*parse_group_by("tag,host,path"), (GroupBy{true, true, true}));
    EXPECT_EQ(parse_group_by("host,user").error().code(), Errc::kInvalid);
    EXPECT_FALSE(parse_group_by("host,user").error().hint().empty());
}

TEST(Parent, IsTheNewestOfTheHostWithAllThePaths) {
    ParentQuery query;
    query.hostname = "db1";
    query.paths = {"/srv"};
    query.not_after = GoTime{1000, 0, 0};
    EXPECT_EQ(find_parent(kAll, query), &kAll[1]);
    query.not_after = GoTime{300, 0, 7200};
    EXPECT_EQ(find_parent(kAll, query), &kAll[1]);
    query.not_after = GoTime{299, 999'999'999, 0};
    EXPECT_EQ(find_parent(kAll, query), &kAll[0]);
    query.not_after = GoTime{99, 0, 0};
    EXPECT_EQ(find_parent(kAll, query), nullptr);
    query.not_after = GoTime{1000, 0, 0};
    query.by = GroupBy{.is_by_host = false, .is_by_paths = false, .is_by_tags = true};
    EXPECT_EQ(find_parent(kAll, query), &kAll[2]);
    query.tags = {"db"};
    EXPECT_EQ(find_parent(kAll, query), &kAll[3]);
}

}  // namespace
}  // namespace muster::backup
