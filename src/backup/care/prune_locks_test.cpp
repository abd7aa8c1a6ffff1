// Prune at a store that keeps some files for a time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/care/care_test_support.h"
#include "backup/testing/locking_store.h"

namespace muster::backup {
namespace {

using test::CareWorld;
using test::Contents;
using test::noise;
using ::testing::HasSubstr;

const Contents kOld{{"a", noise(1, 1500)}, {"b", noise(2, 1500)}, {"c", noise(3, 1500)}};
const Contents kNew{{"b", noise(2, 1500)}, {"d", noise(4, 1500)}, {"e", noise(5, 1500)}};

struct Steps final : PruneObserver {
    void on_step(const std::string& what) override { steps += what + "\n"; }
    void on_plan(const PrunePlan& plan) override { counts = plan.counts; }
    void on_error(const Error& error) override { steps += "error: " + error.message() + "\n"; }
    void on_progress(const std::string& /*what*/, std::uint64_t /*done*/,
                     std::uint64_t /*all*/) override {}
    std::string steps;
    PruneCounts counts;
};

/// Two snapshots, of which the first was forgotten; the second shares a blob with it.
struct PruneLocks : ::testing::Test {
    CareWorld world;
    testing::LockingStore store{world.store};
    ObjectId kept;
    Steps steps;

    PruneLocks() {
        const auto old = world.backup(kOld);
        kept = world.backup(kNew);
        world.forget(old);
    }
    void lock(const StoredName& name) {
        ASSERT_TRUE(store.retain(name, world.host.wall() + std::chrono::days(1)));
    }
    std::size_t prune() {
        Repository repository(Ports{world.host, store, nullptr}, test::key_of(world.key), "key");
        RepositoryLock lock(repository, {LockKind::kExclusive, true, Duration(0)});
        EXPECT_TRUE(lock.begin());
        EXPECT_TRUE(lock.confirm());
        PruneSettings settings;
        settings.max_unused.share = 0;
        settings.pack_size = 4096;
        steps = {};
        const auto problems = Prune(repository, lock, settings, steps).run();
        EXPECT_TRUE(problems) << problems.error().message();
        return problems.value_or(99);
    }
    /// Once more changes nothing, and all that is needed is there.
    void expect_rest() {
        const auto files = world.memory.files();
        EXPECT_EQ(prune(), 0U);
        EXPECT_EQ(world.memory.files(), files);
        EXPECT_EQ(world.restored(kept), kNew);
        EXPECT_EQ(world.check().errors, 0U);
    }
};

TEST_F(PruneLocks, APackThatIsLockedStaysWithItsIndex) {
    const auto pack = world.pack_of(BlobType::kData, kOld.at("a"));
    lock(pack);
    EXPECT_EQ(prune(), 0U);
    EXPECT_TRUE(world.memory.files().contains(pack));
    EXPECT_EQ(steps.counts.locked_packs, 1U);
    EXPECT_THAT(steps.steps, HasSubstr("locked files that stay: 1, the last of them until 2027-"));
    EXPECT_EQ(world.pack_of(BlobType::kData, kOld.at("a")), pack) << "it is still in an index";
    expect_rest();
    store.locks.clear();
    EXPECT_EQ(prune(), 0U);
    EXPECT_FALSE(world.memory.files().contains(pack));
    expect_rest();
}

TEST_F(PruneLocks, WhatALockedIndexListsStays) {
    const auto files = world.memory.files();
    for (const auto& [name, content] : files) {
        if (name.kind == FileKind::kIndex) {
            lock(name);
        }
    }
    EXPECT_EQ(prune(), 0U);
    EXPECT_EQ(world.memory.files(), files);
    EXPECT_GT(steps.counts.locked_packs, 0U);
    EXPECT_THAT(steps.steps, HasSubstr("locked files that stay"));
    store.locks.clear();
    EXPECT_EQ(prune(), 0U);
    EXPECT_NE(world.memory.files(), files);
    expect_rest();
}

TEST_F(PruneLocks, ALockedPackInNoIndexStays) {
    const StoredName foreign{FileKind::kPack, std::string(64, 'f')};
    ASSERT_TRUE(world.memory.write(foreign, bytes_of("left by somebody")));
    lock(foreign);
    EXPECT_EQ(prune(), 0U);
    EXPECT_TRUE(world.memory.files().contains(foreign));
    EXPECT_THAT(steps.steps, HasSubstr("locked files that stay: 1"));
    store.locks.clear();
    EXPECT_EQ(prune(), 0U);
    EXPECT_FALSE(world.memory.files().contains(foreign));
}

TEST_F(PruneLocks, ALockThatHasEndedKeepsNothing) {
    const auto pack = world.pack_of(BlobType::kData, kOld.at("a"));
    ASSERT_TRUE(store.retain(pack, world.host.wall()));
    prune();
    EXPECT_EQ(steps.counts.locked_packs, 0U);
    EXPECT_THAT(steps.steps, Not(HasSubstr("locked files")));
}

TEST_F(PruneLocks, ManySmallIndexFilesAreMergedButForTheLockedOnes) {
    const auto indexes = [this] {
        std::set<std::string> names;
        for (const auto& file : *world.memory.list(FileKind::kIndex)) {
            names.insert(file.name);
        }
        return names;
    };
    std::set<std::string> before;
    for (std::uint64_t i = 0; i < 9; ++i) {
        before = indexes();
        world.backup({{"m", noise(100 + i, 500)}});
    }
    const auto after = indexes();
    const auto added = std::ranges::find_if(
        after, [&before](const std::string& name) { return !before.contains(name); });
    ASSERT_NE(added, after.end());
    const StoredName newest{FileKind::kIndex, *added};
    lock(newest);
    EXPECT_EQ(prune(), 0U);
    EXPECT_TRUE(world.memory.files().contains(newest));
    EXPECT_EQ(world.count(FileKind::kIndex), 3U) << "that, the others' heir, what was moved";
    expect_rest();
}

}  // namespace
}  // namespace muster::backup
