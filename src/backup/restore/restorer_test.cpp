#include "backup/restore/restorer.h"

#include <gtest/gtest.h>

#include "backup/restore/restore_scan.h"
#include "backup/restore/restore_test_support.h"

namespace muster::backup {

namespace {

using testing::FakeTarget;
using testing::RestoreWorld;

class Told final : public RestoreObserver {
  public:
    void on_entry(const std::string& path, const Node&, RestoreAction action) override {
        const std::scoped_lock lock(mutex);
        actions[path] = action;
    }
    void on_problem(const std::string& path, const Error& error) override {
        const std::scoped_lock lock(mutex);
        problems[path] = error.message();
    }
    std::mutex mutex;
    std::map<std::string, RestoreAction> actions;
    std::map<std::string, std::string> problems;
};

/// All but one path, or only that.
class Only final : public RestoreSelection {
  public:
    explicit Only(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] Answer select(const std::string& path) const override {
        return {path == path_, path_.starts_with(path)};
    }

  private:
    std::string path_;
};

/// Content that no other file has, in blobs that all differ.
std::string noise(std::size_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string text(size, '\0');
    std::ranges::generate(text, [&] { return static_cast<char>(random()); });
    return text;
}

class RestorerTest : public ::testing::Test {
  protected:
    void make(const std::vector<Node>& nodes) {
        tree = *world.folder("", nodes).subtree;
        world.save();
    }
    Result<> run(RestoreSettings settings = {}) {
        told.actions.clear();
        told.problems.clear();
        target.written = 0;
        restorer = std::make_unique<Restorer>(*world.repository, target, told, settings);
        return restorer->run(tree);
    }

    RestoreWorld world;
    FakeTarget target;
    Told told;
    ObjectId tree;
    std::unique_ptr<Restorer> restorer;
};

TEST_F(RestorerTest, WritesSmallBigAndEmptyFilesAndFinishesEveryFolder) {
    const auto big = noise(19 * RestoreWorld::kBlob + 7, 1);
    make({world.folder("dir", {world.file("big", big), world.file("empty", "")}),
          world.file("small", "content")});
    ASSERT_TRUE(run());
    EXPECT_TRUE(told.problems.empty());
    EXPECT_TRUE(target.entries["/dir/big"].content == big);
    EXPECT_EQ(target.entries["/small"].content, "content");
    EXPECT_TRUE(target.entries["/dir/empty"].is_finished);
    EXPECT_TRUE(target.entries["/dir/big"].is_finished);
    EXPECT_TRUE(target.entries["/dir"].is_finished);
    EXPECT_EQ(restorer->counts().restored, 4U);
    EXPECT_TRUE(restorer->verify(tree));
    EXPECT_EQ(restorer->counts().verified, 3U);
}

TEST_F(RestorerTest, AllBytesAreDoneAtTheEndWhateverWasDoneWithThem) {
    const auto big = noise(19 * RestoreWorld::kBlob + 7, 1);
    const auto damaged = noise(3 * RestoreWorld::kBlob, 2);
    const auto damaged_file = world.file("damaged", damaged);
    make({world.folder("dir", {world.file("big", big), damaged_file}), world.file("refused", "x"),
          world.file("small", "content")});
    world.damage(damaged_file.content[1]);
    target.refused = {"/refused"};
    ASSERT_TRUE(run());
    EXPECT_EQ(told.problems.size(), 2U);
    const auto all = big.size() + damaged.size() + 8;
    EXPECT_EQ(restorer->counts().bytes_done, all);
    target.entries["/dir/big"].content[5 * RestoreWorld::kBlob] ^= 1;  // One blob is wrong.
    ASSERT_TRUE(run());
    EXPECT_EQ(restorer->counts().bytes_done, all);
    RestoreSettings settings;
    settings.overwrite = Overwrite::kNever;
    ASSERT_TRUE(run(settings));
    EXPECT_EQ(restorer->counts().bytes_done, all);
    settings.overwrite = Overwrite::kAlways;
    settings.is_dry_run = true;
    ASSERT_TRUE(run(settings));
    EXPECT_EQ(restorer->counts().bytes_done, all);
}

TEST_F(RestorerTest, ScanCountsWhatIsRestored) {
    make({world.folder("dir", {world.file("a", "12345"), world.file("b", "1")}),
          world.folder("other", {world.file("c", "123")}), world.file("d", "12")});
    const Only only("/dir/a");
    for (const RestoreSelection* selection : {static_cast<const RestoreSelection*>(nullptr),
                                              static_cast<const RestoreSelection*>(&only)}) {
        RestoreSettings settings;
        settings.selection = selection;
        ASSERT_TRUE(run(settings));
        ScanCounts counts;
        EXPECT_TRUE(scan_tree(*world.repository, tree, selection, counts, {}));
        EXPECT_EQ(counts.entries, restorer->counts().entries);
        EXPECT_EQ(counts.bytes, restorer->counts().bytes);
    }
    EXPECT_EQ(restorer->counts().bytes, 5U) << "the second counted less";
    std::stop_source stopped;
    stopped.request_stop();
    ScanCounts counts;
    EXPECT_FALSE(scan_tree(*world.repository, tree, nullptr, counts, stopped.get_token()));
}

TEST_F(RestorerTest, WritesNothingWhenAllIsRightAlready) {
    make({world.folder("dir", {world.file("file", noise(3'000'000, 2))})});
    ASSERT_TRUE(run());
    EXPECT_EQ(target.written, 3'000'000U);
    ASSERT_TRUE(run());
    EXPECT_EQ(target.written, 0U);
    EXPECT_EQ(told.actions["/dir/file"], RestoreAction::kUnchanged);
    EXPECT_EQ(restorer->counts().restored, 0U);
}

TEST_F(RestorerTest, WritesOnlyTheBlobsThatDiffer) {
    const auto content = noise(9 * RestoreWorld::kBlob, 3);
    make({world.file("file", content)});
    auto& there = target.put("/file", content).content;
    there[4 * RestoreWorld::kBlob + 9] ^= 1;
    there += "longer than it was";
    ASSERT_TRUE(run());
    EXPECT_TRUE(target.entries["/file"].content == content);
    EXPECT_EQ(target.written, RestoreWorld::kBlob);
    EXPECT_EQ(told.actions["/file"], RestoreAction::kUpdated);
}

TEST_F(RestorerTest, DoesNotWriteToAFileThatHasOtherNames) {
    make({world.file("file", "wanted")});
    target.put("/file", "there").node.links = 2;
    ASSERT_TRUE(run());
    EXPECT_EQ(target.entries["/file"].content, "wanted");
    EXPECT_EQ(told.actions["/file"], RestoreAction::kRestored) << "a new one in its place";
}

TEST_F(RestorerTest, TellsDamageByFileAndRestoresTheRest) {
    const auto content = noise(3 * RestoreWorld::kBlob, 4);
    const auto file = world.file("bad", content);
    make({file, world.file("good", "good")});
    world.damage(file.content[1]);
    ASSERT_TRUE(run());
    ASSERT_EQ(told.problems.size(), 1U);
    EXPECT_NE(told.problems["/bad"].find("does not authenticate"), std::string::npos)
        << told.problems["/bad"];
    EXPECT_EQ(target.entries["/good"].content, "good");
    const auto& bad = target.entries["/bad"];
    EXPECT_EQ(bad.content.size(), content.size());
    EXPECT_TRUE(bad.content.substr(0, RestoreWorld::kBlob) ==
                content.substr(0, RestoreWorld::kBlob));
    EXPECT_TRUE(bad.content.substr(2 * RestoreWorld::kBlob) ==
                content.substr(2 * RestoreWorld::kBlob));
    EXPECT_FALSE(bad.is_finished) << "its time must not pass for that of a whole one";
    EXPECT_EQ(told.actions.count("/bad"), 0U);
}

TEST_F(RestorerTest, LeavesAloneWhatADamagedBlobWouldHaveWritten) {
    const auto file = world.file("file", "wanted");
    make({file});
    world.damage(file.content[0]);
    target.put("/file", "tested");
    ASSERT_TRUE(run());
    EXPECT_EQ(told.problems.count("/file"), 1U);
    EXPECT_EQ(target.entries["/file"].content, "tested");
}

TEST_F(RestorerTest, PassesOverAFolderWhoseTreeIsNotThere) {
    Node gone = world.folder("gone", {world.file("lost", "lost")});
    gone.subtree->bytes[0] ^= 1U;
    make({gone, world.file("here", "here")});
    ASSERT_TRUE(run());
    EXPECT_EQ(told.problems.count("/gone"), 1U);
    EXPECT_EQ(target.entries["/here"].content, "here");
}

TEST_F(RestorerTest, PassesOverAFileOfWhichABlobIsUnknown) {
    Node bad = world.file("bad", "bad");
    bad.content[0].bytes[0] ^= 1U;
    make({bad, world.file("good", "good")});
    ASSERT_TRUE(run());
    EXPECT_NE(told.problems["/bad"].find("in no pack"), std::string::npos);
    EXPECT_FALSE(target.entries.contains("/bad"));
    EXPECT_EQ(target.entries["/good"].content, "good");
}

TEST_F(RestorerTest, OverwritesByTheWordsOfRestic) {
    make({world.file("file", "wanted")});  // mtime 1000.000000005
    target.put("/file", "there", {2000, 0});
    ASSERT_TRUE(run({.overwrite = Overwrite::kNever}));
    EXPECT_EQ(target.entries["/file"].content, "there");
    EXPECT_EQ(told.actions["/file"], RestoreAction::kSkipped);
    ASSERT_TRUE(run({.overwrite = Overwrite::kIfNewer}));
    EXPECT_EQ(target.entries["/file"].content, "there");
    target.put("/file", "tested", {1000, 5});
    ASSERT_TRUE(run({.overwrite = Overwrite::kIfChanged}));
    EXPECT_EQ(target.entries["/file"].content, "tested") << "same size and time";
    target.put("/file", "tested", {1000, 4});
    ASSERT_TRUE(run({.overwrite = Overwrite::kIfNewer}));
    EXPECT_EQ(target.entries["/file"].content, "wanted");
}

TEST_F(RestorerTest, DeletesOnlyWhenAskedAndOnlyWhatTheSnapshotDoesNotHave) {
    make({world.folder("dir", {world.file("kept", "kept")})});
    target.put_folder("/dir");
    target.put("/dir/other", "other");
    target.put("/outside", "outside");
    ASSERT_TRUE(run());
    EXPECT_TRUE(target.entries.contains("/dir/other"));
    ASSERT_TRUE(run({.is_delete = true}));
    EXPECT_FALSE(target.entries.contains("/dir/other"));
    EXPECT_FALSE(target.entries.contains("/outside"));
    EXPECT_TRUE(target.entries.contains("/dir/kept"));
    EXPECT_EQ(restorer->counts().deleted, 2U);
}

TEST_F(RestorerTest, WritesNothingInADryRun) {
    make({world.folder("dir", {world.file("file", "file")})});
    target.put("/other", "other");
    ASSERT_TRUE(run({.is_delete = true, .is_dry_run = true}));
    EXPECT_EQ(target.entries.size(), 1U);
    EXPECT_EQ(told.actions["/dir/file"], RestoreAction::kRestored);
    EXPECT_EQ(told.actions["/other"], RestoreAction::kDeleted);
}

TEST_F(RestorerTest, MakesOnlyTheFoldersThatLeadToWhatIsSelected) {
    make({world.folder("a", {world.file("no", "no"), world.file("yes", "yes")}),
          world.folder("b", {world.file("no", "no")})});
    const Only selection("/a/yes");
    ASSERT_TRUE(run({.selection = &selection}));
    EXPECT_TRUE(target.entries["/a"].is_finished);
    EXPECT_EQ(target.entries["/a/yes"].content, "yes");
    EXPECT_EQ(target.entries.size(), 2U);
}

TEST_F(RestorerTest, MakesHardLinksOfOneFile) {
    auto first = world.file("first", "content");
    first.links = 2;
    first.inode = 77;
    auto second = first;
    second.name = "second";
    make({first, second});
    ASSERT_TRUE(run());
    EXPECT_EQ(target.entries["/second"].content, "content");
    EXPECT_EQ(target.written, 7U) << "its content is written once";
}

TEST_F(RestorerTest, GoesOnAfterAFileThatIsRefused) {
    make({world.file("bad", "bad"), world.file("good", "good")});
    target.refused = {"/bad"};
    ASSERT_TRUE(run());
    EXPECT_EQ(told.problems.count("/bad"), 1U);
    EXPECT_EQ(target.entries["/good"].content, "good");
    EXPECT_EQ(restorer->counts().problems, 1U);
}

TEST_F(RestorerTest, EndsAtATargetThatIsFull) {
    make({world.file("bad", "bad")});
    target.refused = {"/bad"};
    target.is_full_now = true;
    const auto done = run();
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message().find("no room"), std::string::npos);
}

TEST_F(RestorerTest, EndsWhenToldTo) {
    make({world.file("file", "file")});
    world.host.is_told_to_stop = true;
    const auto done = run();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kCancelled);
}

TEST_F(RestorerTest, VerifyTellsWhatIsNotWhatWasWritten) {
    make({world.file("bad", "content"), world.file("gone", "gone")});
    ASSERT_TRUE(run());
    target.entries["/bad"].content[0] = 'C';
    target.entries.erase("/gone");
    ASSERT_TRUE(restorer->verify(tree));
    EXPECT_EQ(told.problems.size(), 2U);
    EXPECT_EQ(restorer->counts().verified, 0U);
}

}  // namespace

}  // namespace muster::backup
