#include "backup/care/copy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "backup/care/care_test_support.h"
#include "backup/care/stats.h"

namespace muster::backup {
namespace {

using test::CareWorld;
using test::Contents;
using test::noise;

struct CopyNotes final : CopyObserver {
    void on_skipped(const Snapshot& /*snapshot*/, const ObjectId& /*there*/) override { ++skipped; }
    void on_copied(const Snapshot& /*snapshot*/, const ObjectId& there) override {
        copied.push_back(there);
    }
    void on_error(const Snapshot& snapshot, const Error& /*error*/) override {
        damaged.push_back(snapshot.id);
    }
    void on_progress(std::uint64_t /*done*/, std::uint64_t /*all*/) override {}
    std::size_t skipped = 0;
    std::vector<ObjectId> copied;
    std::vector<ObjectId> damaged;
};

std::vector<Snapshot> snapshots_of(const Repository& repository) {
    std::vector<Snapshot> all;
    for (const auto& file : *repository.store().list(FileKind::kSnapshot)) {
        const auto id = *ObjectId::parse(file.name);
        const auto json = repository.load_unpacked(FileKind::kSnapshot, id);
        all.push_back(*decode_snapshot(json->text(), id));
    }
    std::ranges::sort(all, {}, [](const Snapshot& one) { return one.time; });
    return all;
}

CopyNotes copy(CareWorld& source, CareWorld& target, WriterTotals* totals = nullptr) {
    CopyNotes notes;
    auto from = source.open();
    auto to = target.open();
    EXPECT_TRUE(from->load_index() && to->load_index());
    RepositoryLock lock(*to, {});
    EXPECT_TRUE(lock.begin());
    const auto all = snapshots_of(*from);
    std::vector<const Snapshot*> chosen;
    for (const auto& snapshot : all) {
        chosen.push_back(&snapshot);
    }
    SnapshotCopy copying(*from, *to, lock, {4096, Compression::kAuto, 2}, notes);
    const auto done = copying.run(chosen, snapshots_of(*to));
    EXPECT_TRUE(done) << (done ? "" : done.error().message());
    if (totals != nullptr) {
        *totals = copying.totals();
    }
    return notes;
}

const Contents kFirst{{"a", noise(1, 3000)}, {"text", std::string(5000, 't')}};
const Contents kSecond{{"a", noise(1, 3000)}, {"b", noise(2, 3000)}};

TEST(Copy, GivesBackTheSameUnderAnotherKey) {
    CareWorld source;
    CareWorld target;
    target.key = 9;
    source.backup(kFirst);
    source.backup(kSecond);
    const auto notes = copy(source, target);
    ASSERT_EQ(notes.copied.size(), 2U);
    EXPECT_EQ(target.restored(notes.copied[0]), kFirst);
    EXPECT_EQ(target.restored(notes.copied[1]), kSecond);
    EXPECT_EQ(target.check().errors, 0U);
}

TEST(Copy, DoesNotCopyTwice) {
    CareWorld source;
    CareWorld target;
    target.key = 9;
    const auto first = source.backup(kFirst);
    copy(source, target);
    source.backup(kSecond);
    WriterTotals totals;
    const auto notes = copy(source, target, &totals);
    EXPECT_EQ(notes.skipped, 1U);
    EXPECT_EQ(notes.copied.size(), 1U);
    EXPECT_EQ(totals.blobs[0], 1U);  // Only what the first did not bring.
    EXPECT_EQ(snapshots_of(*target.open())[0].original, first);
    const auto back = copy(target, source);  // The other way round they are known, too.
    EXPECT_EQ(back.skipped, 2U);
}

TEST(Copy, TakesCiphertextAsItIsUnderTheSameKey) {
    CareWorld source;
    CareWorld target;
    source.backup(kFirst);
    const auto notes = copy(source, target);
    ASSERT_EQ(notes.copied.size(), 1U);
    EXPECT_EQ(target.restored(notes.copied[0]), kFirst);
    const auto from = source.pack_of(BlobType::kData, kFirst.at("text"));
    const auto to = target.pack_of(BlobType::kData, kFirst.at("text"));
    const auto& there = target.memory.files().at(to);
    const auto& here = source.memory.files().at(from);
    EXPECT_NE(std::search(there.begin(), there.end(), here.begin(), here.begin() + 100),
              there.end());
}

TEST(Copy, LeavesDamagedSnapshotsOut) {
    CareWorld source;
    CareWorld target;
    target.key = 9;
    const auto first = source.backup(kFirst);
    source.backup(kSecond);
    const auto pack = source.pack_of(BlobType::kData, kFirst.at("text"));
    auto repository = source.open();
    ASSERT_TRUE(repository->load_index());
    // The index forgets the pack of the first snapshot's text.
    std::vector<IndexedPack> left;
    for (std::uint32_t number = 0; number < repository->index().packs().size(); ++number) {
        const auto name = repository->index().pack_name(number);
        auto blobs = blobs_of_pack(repository->index(), number);
        std::erase_if(blobs, [](const PackedBlob& blob) {
            return blob.id == sha256(bytes_of(kFirst.at("text")));
        });
        left.push_back({name, blobs});
    }
    std::erase_if(source.memory.files(),
                  [](const auto& file) { return file.first.kind == FileKind::kIndex; });
    ASSERT_TRUE(save_indexes(*repository, left));
    const auto notes = copy(source, target);
    EXPECT_EQ(notes.damaged, std::vector{first});
    ASSERT_EQ(notes.copied.size(), 1U);
    EXPECT_EQ(target.restored(notes.copied[0]), kSecond);
}

TEST(Copy, MayBeKilledAtEveryCall) {
    for (std::uint64_t at = 0; at < 60; ++at) {
        CareWorld source;
        CareWorld target;
        target.key = 9;
        source.backup(kFirst);
        auto from = source.open();
        auto to = target.open();
        ASSERT_TRUE(from->load_index() && to->load_index());
        RepositoryLock lock(*to, {});
        ASSERT_TRUE(lock.begin());
        const auto all = snapshots_of(*from);
        target.store.fail(testing::Fault::kUnavailable, at, UINT64_MAX - at);
        CopyNotes notes;
        (void)SnapshotCopy(*from, *to, lock, {4096, Compression::kAuto, 2}, notes)
            .run({&all[0]}, {});
        target.store.fail(testing::Fault::kUnavailable, UINT64_MAX, 0);
        EXPECT_EQ(target.check().errors, 0U) << "call " << at;
        const auto again = copy(source, target);
        EXPECT_EQ(again.copied.size() + again.skipped, 1U);
        EXPECT_EQ(target.check().errors, 0U) << "call " << at;
    }
}

TEST(Stats, CountsAsResticDoes) {
    CareWorld world;
    world.backup({{"a", noise(1, 3000)}, {"b", noise(1, 3000)}, {"empty", ""}});
    world.backup({{"a", noise(1, 3000)}, {"c", noise(2, 1000)}});
    auto repository = world.open();
    ASSERT_TRUE(repository->load_index());
    const auto all = snapshots_of(*repository);
    const std::vector<const Snapshot*> chosen{&all[0], &all[1]};
    const auto restored = count_stats(*repository, chosen, StatsMode::kRestoreSize);
    EXPECT_EQ(restored->bytes, 10000U);
    EXPECT_EQ(restored->files, 7U);
    const auto by_content = count_stats(*repository, chosen, StatsMode::kFilesByContents);
    EXPECT_EQ(by_content->bytes, 4000U);
    const auto raw = count_stats(*repository, chosen, StatsMode::kRawData);
    EXPECT_EQ(raw->blobs, repository->index().size());
}

}  // namespace
}  // namespace muster::backup
