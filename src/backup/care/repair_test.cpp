#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/care/care_test_support.h"
#include "backup/care/repair_index.h"
#include "backup/care/repair_packs.h"
#include "backup/care/repair_snapshots.h"

namespace muster::backup {
namespace {

using test::CareWorld;
using test::Contents;
using test::noise;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Contents kFiles{{"a", noise(1, 3000)}, {"b", noise(2, 3000)}, {"c", noise(3, 3000)}};

/// A command that has opened and locked the repository.
struct Locked {
    std::unique_ptr<Repository> repository;
    RepositoryLock lock;
    explicit Locked(CareWorld& world)
        : repository(world.open()), lock(*repository, {LockKind::kExclusive, true, Duration(0)}) {
        EXPECT_TRUE(lock.begin());
    }
};

IndexRepair repair(CareWorld& world, bool is_all_read = false) {
    Locked locked(world);
    auto repaired = repair_index(*locked.repository, locked.lock, is_all_read);
    EXPECT_TRUE(repaired) << (repaired ? "" : repaired.error().message());
    return repaired ? *repaired : IndexRepair{};
}

struct RepairNotes final : RepairObserver {
    void on_change(const Snapshot& /*snapshot*/, const std::string& path,
                   const std::string& /*what*/) override {
        paths.push_back(path);
    }
    void on_repaired(const Snapshot& /*snapshot*/, const std::optional<ObjectId>& made) override {
        if (made) {
            repaired.push_back(*made);
        }
    }
    void on_hopeless(const Snapshot& snapshot, bool /*is_removed*/) override {
        hopeless.push_back(snapshot.id);
    }
    std::vector<std::string> paths;
    std::vector<ObjectId> repaired;
    std::vector<ObjectId> hopeless;
};

Snapshot load(CareWorld& world, const ObjectId& id) {
    const auto json = world.open()->load_unpacked(FileKind::kSnapshot, id);
    return *decode_snapshot(json->text(), id);
}

RepairNotes mend(CareWorld& world, const ObjectId& id, RepairSettings settings = {}) {
    Locked locked(world);
    EXPECT_TRUE(locked.repository->load_index());
    RepairNotes notes;
    const auto snapshot = load(world, id);
    EXPECT_TRUE(SnapshotRepair(*locked.repository, locked.lock, settings, notes).run({&snapshot}));
    return notes;
}

TEST(RepairIndex, BringsALostIndexBack) {
    CareWorld world;
    const auto id = world.backup(kFiles);
    world.memory.files().erase(world.find(FileKind::kIndex));
    EXPECT_FALSE(world.restore(id));
    EXPECT_EQ(repair(world).added.size(), world.count(FileKind::kPack));
    EXPECT_EQ(world.restored(id), kFiles);
    EXPECT_EQ(world.check().errors, 0U);
}

TEST(RepairIndex, LeavesAGoodIndexAlone) {
    CareWorld world;
    world.backup(kFiles);
    const auto before = world.memory.files();
    EXPECT_EQ(repair(world).written_indexes, 0U);
    EXPECT_EQ(world.memory.files(), before);
    EXPECT_THAT(repair(world, true).added, IsEmpty());
    EXPECT_EQ(world.check().errors, 0U);
}

TEST(RepairIndex, DropsWhatIsGoneAndReplacesWhatIsDamaged) {
    CareWorld world;
    world.backup(kFiles);
    world.backup({{"z", noise(9, 2000)}});
    world.memory.files().at(world.find(FileKind::kIndex))[25] ^= 1U;
    const auto report = repair(world);
    EXPECT_GE(report.removed_indexes, 2U);
    EXPECT_EQ(world.check().errors, 0U);
    const auto pack = world.pack_of(BlobType::kData, kFiles.at("c"));
    world.memory.files().erase(pack);
    const auto dropped = repair(world).dropped;
    ASSERT_EQ(dropped.size(), 1U);
    EXPECT_EQ(dropped[0].hex(), pack.name);
}

TEST(RepairIndex, MayBeKilledAtEveryCall) {
    for (std::uint64_t at = 0; at < 40; ++at) {
        CareWorld world;
        const auto id = world.backup(kFiles);
        world.memory.files().at(world.find(FileKind::kIndex))[25] ^= 1U;
        auto repository = world.open();
        RepositoryLock lock(*repository, {LockKind::kExclusive, true, Duration(0)});
        ASSERT_TRUE(lock.begin());
        world.store.fail(testing::Fault::kUnavailable, at, UINT64_MAX - at);
        (void)repair_index(*repository, lock, false);
        world.store.fail(testing::Fault::kUnavailable, UINT64_MAX, 0);
        lock.release();
        repair(world);
        EXPECT_EQ(world.restored(id), kFiles) << "call " << at;
    }
}

TEST(RepairPacks, SavesTheGoodBlobs) {
    CareWorld world;
    const auto id = world.backup(kFiles, 1U << 20U);  // All in one pack.
    const auto pack = world.pack_of(BlobType::kData, kFiles.at("b"));
    auto repository = world.open();
    ASSERT_TRUE(repository->load_index());
    const auto place = repository->index().find(BlobType::kData, sha256(bytes_of(kFiles.at("b"))));
    world.memory.files().at(pack)[place->blob.offset + 20] ^= 1U;
    {
        Locked locked(world);
        const auto repaired =
            repair_packs(*locked.repository, locked.lock, {*ObjectId::parse(pack.name)});
        ASSERT_TRUE(repaired);
        EXPECT_EQ(repaired->saved, 2U);
        ASSERT_EQ(repaired->lost.size(), 1U);
        EXPECT_EQ(repaired->lost[0].id, sha256(bytes_of(kFiles.at("b"))));
    }
    const auto notes = mend(world, id, {.is_forgotten = true});
    EXPECT_THAT(notes.paths, ElementsAre("/d/b"));
    ASSERT_EQ(notes.repaired.size(), 1U);
    Contents left = kFiles;
    left["b"] = "";
    EXPECT_EQ(world.restored(notes.repaired[0]), left);
    ASSERT_TRUE(world.prune());
    EXPECT_EQ(world.check().errors, 0U);
}

TEST(RepairPacks, LeavesGoodPacksAlone) {
    CareWorld world;
    world.backup(kFiles);
    const auto before = world.memory.files();
    {
        Locked locked(world);
        const auto pack = *ObjectId::parse(world.find(FileKind::kPack).name);
        EXPECT_THAT(repair_packs(*locked.repository, locked.lock, {pack})->not_damaged,
                    ElementsAre(pack));
        EXPECT_FALSE(repair_packs(*world.open(), locked.lock, {sha256(bytes_of("none"))}));
    }
    EXPECT_EQ(world.memory.files(), before);
}

TEST(RepairSnapshots, LeavesAGoodSnapshotAlone) {
    CareWorld world;
    const auto id = world.backup(kFiles);
    const auto before = world.memory.files();
    const auto notes = mend(world, id);
    EXPECT_THAT(notes.repaired, IsEmpty());
    EXPECT_EQ(world.memory.files(), before);
}

TEST(RepairSnapshots, NamesTheOldOneAndTagsTheNew) {
    CareWorld world;
    const auto id = world.backup(kFiles);
    world.memory.files().erase(world.pack_of(BlobType::kData, kFiles.at("c")));
    repair(world);
    EXPECT_THAT(mend(world, id, {.is_dry_run = true}).repaired, IsEmpty());
    const auto notes = mend(world, id);
    ASSERT_EQ(notes.repaired.size(), 1U);
    const auto mended = load(world, notes.repaired[0]);
    EXPECT_EQ(mended.original, id);
    EXPECT_THAT(mended.tags, ElementsAre("repaired"));
    EXPECT_EQ(world.restored(notes.repaired[0]).at("c"), "");
    EXPECT_TRUE(world.memory.files().contains({FileKind::kSnapshot, id.hex()}));
}

TEST(RepairSnapshots, EmptiesADirectoryThatCantBeReadAndGivesUpARootThatCant) {
    CareWorld world;
    const auto id = world.backup(kFiles);
    auto repository = world.open();
    ASSERT_TRUE(repository->load_index());
    const auto root = load(world, id).tree;
    const auto folder = *repository->load_tree(root)->front().subtree;
    const auto damage = [&](const ObjectId& tree) {
        const auto place = repository->index().find(BlobType::kTree, tree);
        world.memory.files().at({FileKind::kPack, place->pack.hex()})[place->blob.offset + 20] ^=
            1U;
    };
    damage(folder);
    const auto notes = mend(world, id);
    ASSERT_EQ(notes.repaired.size(), 1U);
    EXPECT_EQ(world.restored(notes.repaired[0]), Contents{});
    damage(root);
    EXPECT_THAT(mend(world, id).hopeless, ElementsAre(id));
    EXPECT_TRUE(world.memory.files().contains({FileKind::kSnapshot, id.hex()}));
    mend(world, id, {.is_forgotten = true});
    EXPECT_FALSE(world.memory.files().contains({FileKind::kSnapshot, id.hex()}));
}

TEST(SplitTree, TakesTextsAsTheyAreAndRefusesTheRest) {
    const auto texts = split_tree(R"({"nodes":[{"name":"a}\"]{","x":[{}]},{"name":"b"}]})");
    ASSERT_TRUE(texts);
    EXPECT_THAT(*texts, ElementsAre(R"({"name":"a}\"]{","x":[{}]})", R"({"name":"b"})"));
    EXPECT_TRUE(split_tree(R"({"nodes":[]})")->empty());
    for (const auto* const bad : {"", "{}", R"({"nodes":[{]})", R"({"nodes":[{"a":"]})",
                                  R"({"nodes":[{} {}]})", R"({"nodes":[)"}) {
        EXPECT_FALSE(split_tree(bad)) << bad;
    }
}

}  // namespace
}  // namespace muster::backup
