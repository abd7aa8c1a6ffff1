#include "backup/snapshot.h"

#include <gtest/gtest.h>

namespace muster::backup {
namespace {

const std::string kIdText(64, 'a');

// As restic 0.14 writes it (compared with `restic cat snapshot` of a real one, whose line breaks
// cat adds); ids, host and user are invented.
constexpr std::string_view kOfRestic =
    R"({"time":"2026-11-21T20:01:02.123456789+01:00",)"
    R"("parent":"1111111111111111111111111111111111111111111111111111111111111111",)"
    R"("tree":"2222222222222222222222222222222222222222222222222222222222222222",)"
    R"("paths":["/srv/a\u0026b","/srv/ä"],"hostname":"db1","username":"root","uid":7,)"
    R"("excludes":["*.o","!keep.o"],"tags":["nightly","x"]})";

ObjectId id_of(char digit) {
    return *ObjectId::parse(std::string(64, digit));
}

Result<Snapshot> decode(std::string_view json) {
    return decode_snapshot(json, id_of('f'));
}

TEST(Snapshot, ReadsAndWritesWhatResticWrites) {
    const auto snapshot = decode(kOfRestic);
    ASSERT_TRUE(snapshot.has_value());
    EXPECT_EQ(snapshot->id, id_of('f'));
    EXPECT_EQ(snapshot->time.utc_offset_seconds, 3600);
    EXPECT_EQ(format_wall(snapshot->wall()), "2026-11-21T19:01:02.123Z");
    EXPECT_EQ(snapshot->parent, id_of('1'));
    EXPECT_EQ(snapshot->tree, id_of('2'));
    EXPECT_EQ(snapshot->paths, (std::vector<std::string>{"/srv/a&b", "/srv/ä"}));
    EXPECT_EQ(snapshot->uid, 7U);
    EXPECT_EQ(snapshot->gid, 0U);
    EXPECT_EQ(snapshot->tags, (std::vector<std::string>{"nightly", "x"}));
    EXPECT_FALSE(snapshot->summary.has_value());
    EXPECT_EQ(encode_snapshot(*snapshot), kOfRestic);
}

TEST(Snapshot, WritesAllFieldsInTheOrderOfRestic) {
    Snapshot snapshot;
    snapshot.tree = id_of('3');
    snapshot.gid = 5;
    snapshot.original = id_of('4');
    snapshot.program_version = "restic 0.18.0";
    BackupSummary summary;
    summary.backup_end = {1, 500'000'000, 0};
    summary.files_new = 1;
    summary.total_bytes_processed = UINT64_MAX;
    snapshot.summary = summary;
    const std::string text = encode_snapshot(snapshot);
    EXPECT_EQ(text,
              R"({"time":"1970-01-01T00:00:00Z","tree":")" + std::string(64, '3') +
                  R"(","paths":[],"gid":5,"original":")" + std::string(64, '4') +
                  R"(","program_version":"restic 0.18.0","summary":{)"
                  R"("backup_start":"1970-01-01T00:00:00Z","backup_end":"1970-01-01T00:00:01.5Z",)"
                  R"("files_new":1,"files_changed":0,"files_unmodified":0,"dirs_new":0,)"
                  R"("dirs_changed":0,"dirs_unmodified":0,"data_blobs":0,"tree_blobs":0,)"
                  R"("data_added":0,"data_added_packed":0,"total_files_processed":0,)"
                  R"("total_bytes_processed":18446744073709551615}})");
    auto back = decode(text);
    ASSERT_TRUE(back.has_value());
    back->id = {};
    EXPECT_EQ(*back, snapshot);
}

TEST(Snapshot, ReplacesInvalidBytesOfPaths) {
    Snapshot snapshot;
    snapshot.paths = {"/srv/\xff"};
    EXPECT_NE(encode_snapshot(snapshot).find(R"(["/srv/\ufffd"])"), std::string::npos);
}

TEST(Snapshot, SkipsUnknownFieldsAndNulls) {
    const auto snapshot =
        decode(R"({"time":"2026-01-01T00:00:00Z","tree":")" + kIdText +
               R"(","paths":null,"tags":null,"parent":null,"delete":{"a":[1]},"label":""})");
    ASSERT_TRUE(snapshot.has_value());
    EXPECT_TRUE(snapshot->paths.empty());
    EXPECT_FALSE(snapshot->parent.has_value());
}

TEST(Snapshot, RefusesWhatIsDamaged) {
    const std::string good = R"("time":"2026-01-01T00:00:00Z","tree":")" + kIdText + "\"";
    ASSERT_TRUE(decode("{" + good + "}").has_value());
    for (const std::string& bad : {std::string(),
                                   std::string("[]"),
                                   std::string("{"),
                                   std::string("null"),
                                   "{" + good + "} x",
                                   std::string(R"({"time":"2026-01-01T00:00:00Z"})"),
                                   R"({"tree":")" + kIdText + "\"}",
                                   R"({"time":"yesterday","tree":")" + kIdText + "\"}",
                                   R"({"time":"","tree":")" + kIdText + "\"}",
                                   std::string(R"({"time":"2026-01-01T00:00:00Z","tree":"abc"})"),
                                   "{" + good + R"(,"uid":-1})",
                                   "{" + good + R"(,"uid":4294967296})",
                                   "{" + good + R"(,"gid":1.5})",
                                   "{" + good + R"(,"gid":1.0})",
                                   "{" + good + R"(,"paths":"/a"})",
                                   "{" + good + R"(,"paths":[1]})",
                                   "{" + good + R"(,"hostname":1})",
                                   "{" + good + R"(,"summary":[]})",
                                   "{" + good + R"(,"summary":{"data_blobs":"1"}})",
                                   "{" + good + R"(,"hostname":")" + "\xff" + "\"}",
                                   "{" + good + R"(,"parent":""})"}) {
        const auto snapshot = decode(bad);
        ASSERT_FALSE(snapshot.has_value()) << bad;
        EXPECT_EQ(snapshot.error().code(), Errc::kCorrupt) << bad;
        EXPECT_NE(snapshot.error().message().find("ffffffff"), std::string::npos);
    }
}

TEST(Snapshot, IsNewerByTimeWhateverTheZoneAndThenById) {
    Snapshot early;
    early.time = {100, 5, 7200};
    Snapshot late;
    late.time = {100, 6, 0};
    EXPECT_TRUE(late.is_newer_than(early));
    EXPECT_FALSE(early.is_newer_than(late));
    early.time = {100, 6, 7200};
    EXPECT_FALSE(late.is_newer_than(early));
    late.id = id_of('1');
    EXPECT_TRUE(late.is_newer_than(early));
}

}  // namespace
}  // namespace muster::backup
