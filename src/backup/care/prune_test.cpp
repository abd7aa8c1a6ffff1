#include "backup/care/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/care/care_test_support.h"
#include "backup/testing/passing_store.h"

namespace muster::backup {
namespace {

using test::CareWorld;
using test::Contents;
using test::noise;
using testing::Fault;
using ::testing::HasSubstr;

PruneSettings thorough() {
    PruneSettings settings;
    settings.max_unused.share = 0;
    return settings;
}

const Contents kOld{{"a", noise(1, 1500)}, {"b", noise(2, 1500)}, {"c", noise(3, 1500)}};
const Contents kNew{{"b", noise(2, 1500)}, {"d", noise(4, 1500)}, {"e", noise(5, 1500)}};

/// Two snapshots, of which the first was forgotten; its packs hold a blob that the second needs.
struct Forgotten {
    CareWorld world;
    ObjectId kept;
    Forgotten() {
        const auto old = world.backup(kOld);
        kept = world.backup(kNew);
        world.forget(old);
    }
};

std::size_t stored_bytes(CareWorld& world) {
    std::size_t sum = 0;
    for (const auto& pack : *world.memory.list(FileKind::kPack)) {
        sum += pack.size;
    }
    return sum;
}

TEST(Prune, RemovesWhatNothingUses) {
    Forgotten f;
    const auto before = stored_bytes(f.world);
    const auto problems = f.world.prune(thorough());
    ASSERT_TRUE(problems) << problems.error().message();
    EXPECT_EQ(*problems, 0U);
    EXPECT_LT(stored_bytes(f.world) + 2900, before);  // Two files of 1,500 bytes and trees.
    EXPECT_EQ(f.world.restored(f.kept), kNew);
    EXPECT_EQ(f.world.check().errors, 0U);
    EXPECT_FALSE(f.world.check().is_prune_useful);
    const auto files = f.world.memory.files();
    EXPECT_TRUE(f.world.prune(thorough()));
    EXPECT_EQ(f.world.memory.files(), files);  // Once more changes nothing.
}

TEST(Prune, ADryRunChangesNothing) {
    Forgotten f;
    const auto files = f.world.memory.files();
    auto settings = thorough();
    settings.is_dry_run = true;
    EXPECT_TRUE(f.world.prune(settings));
    EXPECT_EQ(f.world.memory.files(), files);
}

TEST(Prune, CopiesCiphertextAsItIs) {
    Forgotten f;
    auto repository = f.world.open();
    ASSERT_TRUE(repository->load_index());
    const auto blob = sha256(bytes_of(kNew.at("b")));
    const auto before = *repository->index().find(BlobType::kData, blob);
    Buffer sealed(before.blob.length);
    ASSERT_TRUE(f.world.memory.read({FileKind::kPack, before.pack.hex()}, before.blob.offset,
                                    sealed.span()));
    ASSERT_TRUE(f.world.prune(thorough()));
    repository = f.world.open();
    ASSERT_TRUE(repository->load_index());
    const auto after = *repository->index().find(BlobType::kData, blob);
    ASSERT_NE(before.pack, after.pack);
    Buffer moved(after.blob.length);
    ASSERT_TRUE(
        f.world.memory.read({FileKind::kPack, after.pack.hex()}, after.blob.offset, moved.span()));
    EXPECT_EQ(sealed.text(), moved.text());
}

TEST(Prune, StopsAtAnythingDamagedOrMissing) {
    const auto damage = [](const char* what, const std::function<void(CareWorld&)>& how) {
        Forgotten f;
        how(f.world);
        const auto files = f.world.memory.files();
        EXPECT_FALSE(f.world.prune(thorough())) << what;
        EXPECT_EQ(f.world.memory.files(), files) << what;
    };
    damage("snapshot", [](CareWorld& world) {
        world.memory.files().at(world.find(FileKind::kSnapshot))[30] ^= 1U;
    });
    damage("index", [](CareWorld& world) {
        world.memory.files().at(world.find(FileKind::kIndex))[30] ^= 1U;
    });
    damage("index file gone",
           [](CareWorld& world) { world.memory.files().erase(world.find(FileKind::kIndex)); });
    damage("needed pack gone", [](CareWorld& world) {
        world.memory.files().erase(world.pack_of(BlobType::kData, kNew.at("d")));
    });
    damage("needed pack cut off", [](CareWorld& world) {
        world.memory.files().at(world.pack_of(BlobType::kData, kNew.at("d"))).pop_back();
    });
}

TEST(Prune, StopsWhenABlobThatIsMovedIsDamaged) {
    Forgotten f;
    f.world.memory.files().at(f.world.pack_of(BlobType::kData, kNew.at("b")))[1600] ^= 1U;
    f.world.memory.files().at(f.world.pack_of(BlobType::kData, kNew.at("b")))[100] ^= 1U;
    f.world.memory.files().at(f.world.pack_of(BlobType::kData, kNew.at("b")))[3200] ^= 1U;
    const auto names = *f.world.memory.list(FileKind::kPack);
    EXPECT_FALSE(f.world.prune(thorough()));
    for (const auto& pack : names) {
        EXPECT_TRUE(f.world.memory.files().contains({FileKind::kPack, pack.name}));
    }
}

TEST(Prune, ForgetsAMissingPackThatNobodyNeeds) {
    CareWorld world;
    const auto old = world.backup(kOld);
    const auto kept = world.backup({{"z", noise(8, 2000)}});
    const auto pack = world.pack_of(BlobType::kData, kOld.at("a"));
    world.forget(old);
    world.memory.files().erase(pack);
    ASSERT_TRUE(world.prune(thorough()));
    EXPECT_EQ(world.check().errors, 0U);
    EXPECT_TRUE(world.restore(kept));
}

TEST(Prune, KeepsPacksInNoIndexWhenAWriterMayBePaused) {
    CareWorld world;
    world.backup(kOld);
    const StoredName foreign{FileKind::kPack, std::string(64, 'a')};
    ASSERT_TRUE(world.memory.write(foreign, bytes_of("written before the index")));
    auto settings = thorough();
    settings.are_foreign_kept = true;
    ASSERT_TRUE(world.prune(settings));
    EXPECT_TRUE(world.memory.files().contains(foreign));
    ASSERT_TRUE(world.prune(thorough()));
    EXPECT_FALSE(world.memory.files().contains(foreign));
}

TEST(Prune, OfCopiesOneStays) {
    CareWorld world;
    world.backup(kOld);
    auto saved = world.memory.files();
    world.memory.files().clear();
    const auto kept = world.backup(kOld);
    const auto once = stored_bytes(world);
    world.memory.files().merge(saved);
    ASSERT_TRUE(world.prune(thorough()));
    EXPECT_LT(stored_bytes(world), once + once / 4);
    EXPECT_EQ(world.restored(kept), kOld);
    EXPECT_EQ(world.check().errors, 0U);
}

TEST(Prune, NoPackGoesWhenTheStoreLetsNothingGo) {
    /// Lets only locks be removed.
    class AppendOnly final : public testing::PassingStore {
      public:
        using PassingStore::PassingStore;
        Result<> remove(const StoredName& name) override {
            return name.kind == FileKind::kLock ? PassingStore::remove(name)
                                                : Result<>(Error(Errc::kDenied, "append-only"));
        }
    };
    Forgotten f;
    AppendOnly store(f.world.memory);
    Repository repository({f.world.host, store, nullptr}, test::key_of(f.world.key), "key");
    RepositoryLock lock(repository, {LockKind::kExclusive, true, Duration(0)});
    ASSERT_TRUE(lock.begin());
    test::PruneNotes notes;
    const auto outcome = Prune(repository, lock, thorough(), notes).run();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), Errc::kDenied);
    EXPECT_EQ(f.world.check().errors, 0U);
    EXPECT_EQ(f.world.restored(f.kept), kNew);
}

TEST(Prune, StopsWhenAListEndedEarly) {
    for (const auto kind : {FileKind::kSnapshot, FileKind::kIndex, FileKind::kPack}) {
        /// Leaves one file of a kind out of its first list.
        class ShortList final : public testing::PassingStore {
          public:
            ShortList(BlobStore& inner, FileKind kind, std::ptrdiff_t left_out)
                : PassingStore(inner), kind_(kind), left_out_(left_out) {}
            Result<std::vector<Listed>> list(FileKind kind) override {
                TRY(auto listed, PassingStore::list(kind));
                if (kind == kind_ && !std::exchange(was_short_, true)) {
                    listed.erase(listed.begin() + left_out_);
                }
                return listed;
            }

          private:
            FileKind kind_;
            std::ptrdiff_t left_out_;
            bool was_short_ = false;
        };
        CareWorld world;  // Next to nothing in it is used: what is not listed is not missed.
        world.forget(world.backup(kOld));
        world.forget(world.backup({{"z", noise(8, 2000)}}));
        world.backup({});
        const auto before = world.memory.files();
        for (std::size_t left_out = 0; left_out < world.count(kind); ++left_out) {
            ShortList store(world.memory, kind, static_cast<std::ptrdiff_t>(left_out));
            Repository repository({world.host, store, nullptr}, test::key_of(world.key), "key");
            RepositoryLock lock(repository, {LockKind::kExclusive, true, Duration(0)});
            ASSERT_TRUE(lock.begin());
            test::PruneNotes notes;
            EXPECT_FALSE(Prune(repository, lock, thorough(), notes).run()) << place_of(kind);
            lock.release();
            EXPECT_TRUE(world.memory.files() == before) << place_of(kind);
        }
    }
}

/// Runs a prune in which call `at` (and those after it, when `is_for_good`) fails; whether the call
/// was reached. Whatever happens: what is kept is whole, and the next prune ends the work.
bool survives(Fault fault, std::uint64_t at, bool is_for_good) {
    Forgotten f;
    f.world.store.fail(fault, at, is_for_good ? UINT64_MAX - at : 1);
    const bool is_done = f.world.prune(thorough()).has_value();
    const bool is_reached = f.world.store.calls() > at;
    f.world.store.fail(fault, UINT64_MAX, 0);
    for (const auto& lock : *f.world.memory.list(FileKind::kLock)) {
        EXPECT_TRUE(f.world.memory.remove({FileKind::kLock, lock.name}));
    }
    const auto where = "call " + std::to_string(at) + (is_done ? ", done" : ", ended");
    EXPECT_EQ(f.world.check().errors, 0U) << where;
    EXPECT_EQ(f.world.restored(f.kept), kNew) << where;
    const auto again = f.world.prune(thorough());
    EXPECT_TRUE(again) << where << ": " << (again ? "" : again.error().message());
    EXPECT_EQ(f.world.check().errors, 0U) << where;
    EXPECT_FALSE(f.world.check().is_prune_useful) << where;
    EXPECT_EQ(f.world.restored(f.kept), kNew) << where;
    return is_reached;
}

TEST(Prune, MayBeKilledAtEveryCall) {
    std::uint64_t at = 0;
    while (survives(Fault::kUnavailable, at, true)) {
        ++at;
    }
    EXPECT_GT(at, 30U);
}

TEST(Prune, SurvivesEveryFaultAtEveryCall) {
    for (const auto fault :
         {Fault::kUnavailable, Fault::kLostReply, Fault::kLostRequest, Fault::kShortRead,
          Fault::kTruncatedList, Fault::kFlippedBit, Fault::kDenied}) {
        std::uint64_t at = 0;
        while (survives(fault, at, false)) {
            ++at;
        }
        EXPECT_GT(at, 30U);
    }
}

TEST(Prune, TellsOfASnapshotThatWasWrittenMeanwhile) {
    /// Writes a snapshot at the first removal of a pack.
    class Intruder final : public PruneObserver {
      public:
        explicit Intruder(CareWorld& world) : world_(world) {}
        void on_step(const std::string& what) override {
            if (what.find("remove") == 0 && what.find("packs") != std::string::npos) {
                world_.backup({{"late", noise(77, 100)}});
            }
        }
        void on_plan(const PrunePlan& /*plan*/) override {}
        void on_error(const Error& error) override { message = error.message(); }
        void on_progress(const std::string& /*what*/, std::uint64_t /*done*/,
                         std::uint64_t /*all*/) override {}
        std::string message;

      private:
        CareWorld& world_;
    };
    Forgotten f;
    auto repository = f.world.open();
    RepositoryLock lock(*repository, {LockKind::kExclusive, true, Duration(0)});
    ASSERT_TRUE(lock.begin());
    Intruder intruder(f.world);
    const auto problems = Prune(*repository, lock, thorough(), intruder).run();
    ASSERT_TRUE(problems);
    EXPECT_EQ(*problems, 1U);
    EXPECT_THAT(intruder.message, HasSubstr("was written while this ran"));
}

TEST(Prune, StopsWhenItsLockIsGone) {
    Forgotten f;
    auto repository = f.world.open();
    RepositoryLock lock(*repository, {LockKind::kExclusive, true, Duration(0)});
    ASSERT_TRUE(lock.begin());
    ASSERT_TRUE(f.world.memory.remove(f.world.find(FileKind::kLock)));
    test::PruneNotes notes;
    const auto before = f.world.memory.files();
    const auto outcome = Prune(*repository, lock, thorough(), notes).run();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), Errc::kConflict);
    EXPECT_EQ(f.world.memory.files(), before);
}

TEST(Prune, RandomHistoriesStayWhole) {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        std::mt19937_64 random(seed);
        CareWorld world;
        std::map<ObjectId, Contents> kept;
        for (int round = 0; round < 12; ++round) {
            Contents contents;
            for (std::uint64_t i = 0; i < 1 + random() % 6; ++i) {
                const auto file = random() % 12;
                contents["f" + std::to_string(file)] = noise(file, 200 + 300 * file);
            }
            kept[world.backup(contents, 1000 + random() % 4000)] = contents;
            if (random() % 3 == 0) {
                const auto gone =
                    std::next(kept.begin(), static_cast<std::ptrdiff_t>(random() % kept.size()));
                world.forget(gone->first);
                kept.erase(gone);
            }
            if (random() % 3 == 0) {
                PruneSettings settings;
                settings.max_unused.share = double(random() % 3) / 10;
                settings.max_repack = random() % 2 == 0 ? 3000 : UINT64_MAX;
                settings.is_small_repacked = random() % 2 == 0;
                const auto problems = world.prune(settings);
                ASSERT_TRUE(problems) << "seed " << seed << ": " << problems.error().message();
            }
        }
        EXPECT_EQ(world.check().errors, 0U) << "seed " << seed;
        for (const auto& [id, contents] : kept) {
            EXPECT_EQ(world.restored(id), contents) << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace muster::backup
