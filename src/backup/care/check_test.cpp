#include "backup/care/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/care/care_test_support.h"

namespace muster::backup {
namespace {

using test::CareWorld;
using test::CheckNotes;
using test::noise;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Outcome {
    CheckReport report;
    CheckNotes notes;
};

Outcome check(CareWorld& world, bool is_data_read = true, bool is_unused_checked = false) {
    Outcome outcome;
    auto repository = world.open();
    CheckSettings settings;
    settings.data.kind = is_data_read ? DataSubset::Kind::kAll : DataSubset::Kind::kNone;
    settings.is_unused_checked = is_unused_checked;
    auto report = Check(*repository, settings, outcome.notes).run();
    EXPECT_TRUE(report);
    outcome.report = report ? *report : CheckReport{};
    return outcome;
}

const test::Contents kFiles{{"a", noise(1, 3000)}, {"b", noise(2, 3000)}, {"c", noise(3, 3000)}};

void flip(CareWorld& world, const StoredName& name, std::size_t at) {
    auto& bytes = world.memory.files().at(name);
    ASSERT_LT(at, bytes.size());
    bytes[at] ^= 1U;
}

TEST(Check, FindsNothingInAGoodRepository) {
    CareWorld world;
    world.backup(kFiles);
    world.backup({{"a", noise(1, 3000)}, {"empty", ""}, {"text", std::string(9000, 'x')}});
    const auto outcome = check(world, true, true);
    EXPECT_EQ(outcome.report.errors, 0U);
    EXPECT_THAT(outcome.notes.notes, IsEmpty());
    EXPECT_FALSE(outcome.report.is_index_bad);
    EXPECT_FALSE(outcome.report.is_prune_useful);
}

TEST(Check, NamesTheFileThatAFlippedBitTakes) {
    CareWorld world;
    world.backup(kFiles);
    flip(world, world.pack_of(BlobType::kData, kFiles.at("a")), 100);
    EXPECT_EQ(check(world, false).report.errors, 0U);  // Without reading it can't be seen.
    const auto outcome = check(world);
    EXPECT_EQ(outcome.report.errors, 1U);
    EXPECT_THAT(outcome.notes.lost, ElementsAre("/d/a"));
    EXPECT_THAT(outcome.notes.errors, ElementsAre(HasSubstr("does not authenticate")));
    EXPECT_EQ(outcome.report.damaged_packs.size(), 1U);
    EXPECT_TRUE(outcome.report.has_damage);
}

TEST(Check, FindsAFlippedBitAtEveryPlaceOfAPack) {
    CareWorld world;
    world.backup({{"a", noise(1, 60)}, {"z", std::string(500, 'z')}});
    const auto pack = world.pack_of(BlobType::kData, noise(1, 60));
    for (std::size_t at = 0; at < world.memory.files().at(pack).size(); ++at) {
        flip(world, pack, at);
        EXPECT_EQ(check(world).report.errors, 1U) << "at " << at;
        flip(world, pack, at);
    }
    EXPECT_EQ(check(world).report.errors, 0U);
}

TEST(Check, NamesWhatAMissingPackTakes) {
    CareWorld world;
    world.backup(kFiles);
    world.memory.files().erase(world.pack_of(BlobType::kData, kFiles.at("c")));
    const auto outcome = check(world, false);
    EXPECT_THAT(outcome.notes.errors, ElementsAre(HasSubstr("is missing")));
    EXPECT_THAT(outcome.notes.lost, Contains("/d/c"));
    EXPECT_TRUE(outcome.report.is_index_bad);
}

TEST(Check, FindsAPackThatWasCutOff) {
    CareWorld world;
    world.backup(kFiles);
    auto& bytes = world.memory.files().at(world.pack_of(BlobType::kData, kFiles.at("a")));
    bytes.resize(1000);
    EXPECT_THAT(check(world, false).notes.errors, ElementsAre(HasSubstr("has 1000 bytes")));
    EXPECT_THAT(check(world).notes.lost, Contains("/d/a"));
}

TEST(Check, FindsADamagedTree) {
    CareWorld world;
    world.backup(kFiles);
    const auto pack = world.find(FileKind::kPack, [&](const StoredName& name) {
        return name != world.pack_of(BlobType::kData, kFiles.at("a")) &&
               name != world.pack_of(BlobType::kData, kFiles.at("b")) &&
               name != world.pack_of(BlobType::kData, kFiles.at("c"));
    });
    flip(world, pack, 40);
    const auto outcome = check(world, false);
    EXPECT_EQ(outcome.report.errors, 1U);
    EXPECT_THAT(outcome.notes.errors, ElementsAre(HasSubstr("tree")));
    EXPECT_TRUE(outcome.report.has_damage);
}

TEST(Check, FindsDamagedSnapshotsAndIndexFiles) {
    for (const auto kind : {FileKind::kSnapshot, FileKind::kIndex}) {
        CareWorld world;
        world.backup(kFiles);
        flip(world, world.find(kind), 20);
        const auto outcome = check(world);
        EXPECT_GE(outcome.report.errors, 1U);
        EXPECT_EQ(outcome.report.bad_snapshots.size(), kind == FileKind::kSnapshot ? 1U : 0U);
        EXPECT_EQ(outcome.report.is_index_bad, kind == FileKind::kIndex);
    }
}

TEST(Check, APackInNoIndexIsNoError) {
    CareWorld world;
    world.backup(kFiles);
    ASSERT_TRUE(world.memory.write({FileKind::kPack, std::string(64, 'a')}, bytes_of("foreign")));
    const auto outcome = check(world);
    EXPECT_EQ(outcome.report.errors, 0U);
    EXPECT_TRUE(outcome.report.is_prune_useful);
}

TEST(Check, NamesUnusedBlobsWhenAsked) {
    CareWorld world;
    const auto first = world.backup({{"gone", noise(9, 3000)}});
    world.backup(kFiles);
    world.forget(first);
    EXPECT_THAT(check(world, true, true).notes.notes,
                Contains(HasSubstr(sha256(bytes_of(noise(9, 3000))).hex())));
    EXPECT_THAT(check(world).notes.notes, IsEmpty());
}

TEST(Check, ABlobWithAnotherGoodCopyIsNotLost) {
    CareWorld world;
    world.backup(kFiles);
    auto saved = world.memory.files();
    world.memory.files().clear();  // The same again, in packs of other names.
    world.backup(kFiles);
    world.memory.files().merge(saved);
    flip(world, world.pack_of(BlobType::kData, kFiles.at("a")), 100);
    const auto outcome = check(world);
    EXPECT_EQ(outcome.report.errors, 1U);
    EXPECT_THAT(outcome.notes.lost, IsEmpty());
    EXPECT_FALSE(outcome.report.has_damage);
}

/// Puts another index in the place of the only one.
void replace_index(CareWorld& world, const std::function<void(IndexedPack&)>& change) {
    auto repository = world.open();
    const auto files = load_index_files(*repository);
    ASSERT_TRUE(files);
    std::vector<IndexedPack> packs;
    for (std::uint32_t pack = 0; pack < repository->index().packs().size(); ++pack) {
        packs.push_back(
            {repository->index().pack_name(pack), blobs_of_pack(repository->index(), pack)});
        change(packs.back());
    }
    world.memory.files().erase(world.find(FileKind::kIndex));
    ASSERT_TRUE(save_indexes(*repository, std::move(packs)));
}

TEST(Check, FindsAPackUnderAnotherName) {
    CareWorld world;
    world.backup(kFiles);
    const auto pack = world.pack_of(BlobType::kData, kFiles.at("a"));
    const ObjectId other = sha256(bytes_of("other"));
    replace_index(world, [&](IndexedPack& indexed) {
        indexed.id = indexed.id.hex() == pack.name ? other : indexed.id;
    });
    auto moved = world.memory.files().extract(pack);
    moved.key().name = other.hex();
    world.memory.files().insert(std::move(moved));
    EXPECT_EQ(check(world, false).report.errors, 0U);
    EXPECT_THAT(check(world).notes.errors, ElementsAre(HasSubstr("not what its name says")));
}

TEST(Check, FindsAnIndexThatSaysOtherThanTheHeader) {
    CareWorld world;
    const auto old = world.backup({{"unused", noise(5, 100)}});
    world.forget(old);
    const auto pack = world.pack_of(BlobType::kData, noise(5, 100));
    replace_index(world, [&](IndexedPack& indexed) {
        if (indexed.id.hex() == pack.name) {
            indexed.blobs.front().type = BlobType::kTree;
        }
    });
    EXPECT_THAT(check(world).notes.errors, ElementsAre(HasSubstr("lists other blobs")));
}

TEST(Check, FindsIndexFilesThatContradictEachOther) {
    CareWorld world;
    world.backup(kFiles);
    auto repository = world.open();
    ASSERT_TRUE(repository->load_index());
    const auto twice = repository->index().pack_name(0);
    auto blobs = blobs_of_pack(repository->index(), 0);
    ASSERT_TRUE(save_indexes(*repository, {{twice, blobs}}));
    EXPECT_THAT(check(world).notes.notes, ElementsAre(HasSubstr("several index files")));
    EXPECT_EQ(check(world).report.errors, 0U);
    blobs.pop_back();
    ASSERT_TRUE(save_indexes(*repository, {{twice, blobs}}));
    const auto outcome = check(world);
    EXPECT_THAT(outcome.notes.errors, Contains(HasSubstr("contradict")));
    EXPECT_TRUE(outcome.report.is_index_bad);
}

TEST(Check, ReadsAPackThatIsTooBigToBeReadAtOnce) {
    CareWorld world;
    test::Contents files;
    for (std::uint64_t i = 0; i < 40; ++i) {
        files["f" + std::to_string(i)] = noise(i, 1U << 20U);
    }
    world.backup(files, 36U << 20U);
    EXPECT_EQ(check(world).report.errors, 0U);
    const auto pack = world.pack_of(BlobType::kData, files.at("f30"));
    ASSERT_GT(world.memory.files().at(pack).size(), 33U << 20U);
    flip(world, pack, 30U << 20U);
    EXPECT_EQ(check(world).notes.lost.size(), 1U);
}

TEST(DataSubset, IsReadAsResticWritesIt) {
    EXPECT_EQ(parse_data_subset("2/5")->part, 2U);
    EXPECT_EQ(parse_data_subset("2/5")->parts, 5U);
    EXPECT_DOUBLE_EQ(parse_data_subset("2.5%")->share, 0.025);
    EXPECT_EQ(parse_data_subset("3M")->bytes, 3U << 20U);
    for (const auto* const bad : {"", "0/5", "6/5", "1/257", "x", "101%", "0%", "-1%", "0", "5X",
                                  "1/", "/1", "1/2/3", "99999999999999999999", "20000000T"}) {
        const auto subset = parse_data_subset(bad);
        EXPECT_FALSE(subset) << bad;
    }
}

TEST(DataSubset, PartsTogetherAreAllPacks) {
    test::CareHost host;
    std::vector<Listed> packs;
    for (unsigned i = 0; i < 300; ++i) {
        packs.push_back({sha256(bytes_of(std::to_string(i))).hex(), 10});
    }
    std::size_t sum = 0;
    for (unsigned part = 1; part <= 7; ++part) {
        sum += choose_packs(packs, {DataSubset::Kind::kPart, part, 7, 0, 0}, host).size();
    }
    EXPECT_EQ(sum, packs.size());
    EXPECT_EQ(choose_packs(packs, {DataSubset::Kind::kShare, 0, 0, 0.1, 0}, host).size(), 30U);
    EXPECT_EQ(choose_packs(packs, {DataSubset::Kind::kBytes, 0, 0, 0, 500}, host).size(), 50U);
    EXPECT_EQ(choose_packs(packs, {DataSubset::Kind::kShare, 0, 0, 0.0001, 0}, host).size(), 1U);
}

}  // namespace
}  // namespace muster::backup
