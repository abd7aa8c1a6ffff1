#include "backup/care/prune_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "backup/codec/sha256.h"

namespace muster::backup {
namespace {

using BlobKey = std::pair<BlobType, ObjectId>;

/// A repository as plain lists.
struct Model {
    std::vector<IndexedPack> packs;
    std::set<BlobKey> used;
    std::vector<Listed> listed;

    explicit Model(std::uint64_t seed) : random(seed) {
        const auto count = 1 + random() % 12;
        for (std::uint64_t i = 0; i < count; ++i) {
            packs.push_back(draw_pack(i));
            listed.push_back({packs.back().id.hex(), pack_size(packs.back().blobs)});
        }
        for (const auto& pack : packs) {
            for (const auto& blob : pack.blobs) {
                if (random() % 3 != 0) {
                    used.insert({blob.type, blob.id});
                }
            }
        }
    }

    IndexedPack draw_pack(std::uint64_t number) {
        IndexedPack pack{sha256(bytes_of("pack" + std::to_string(number))), {}};
        const auto type = random() % 4 == 0 ? BlobType::kTree : BlobType::kData;
        std::uint32_t offset = 0;
        for (std::uint64_t i = 0; i < 1 + random() % 8; ++i) {
            const auto name = random() % 40;  // Some occur in several packs.
            const auto length = static_cast<std::uint32_t>(40 + name * 10);
            pack.blobs.push_back(
                {sha256(bytes_of(std::to_string(name))), type, offset, length, length});
            offset += length;
        }
        return pack;
    }

    std::mt19937_64 random;
};

struct Planned {
    BlobIndex index;
    std::unique_ptr<EntrySet> used;
    Result<PrunePlan> plan = Error(Errc::kInvalid, "not planned");

    Planned(const Model& model, const PruneSettings& settings) {
        for (const auto& pack : model.packs) {
            index.add(pack);
        }
        used = std::make_unique<EntrySet>(index.size());
        for (const auto& [type, id] : model.used) {
            used->insert(*index.number_of(type, id));
        }
        plan = plan_prune(index, *used, model.listed, settings);
    }
};

PruneSettings draw_settings(std::mt19937_64& random) {
    PruneSettings settings;
    settings.max_unused.share = double(random() % 4) / 10;
    settings.max_repack = random() % 2 == 0 ? random() % 4000 : UINT64_MAX;
    settings.is_small_repacked = random() % 4 == 0;
    settings.is_cacheable_only = random() % 4 == 0;
    settings.pack_size = 2000;
    return settings;
}

TEST(PrunePlan, NeverDropsAUsedBlobAndKeepsEachOnce) {
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        Model model(seed);
        const Planned planned(model, draw_settings(model.random));
        ASSERT_TRUE(planned.plan) << "seed " << seed;
        const auto& plan = *planned.plan;
        std::map<BlobKey, int> copies;
        for (std::uint32_t pack = 0; pack < model.packs.size(); ++pack) {
            const auto range = planned.index.entries_of(pack);
            for (auto i = range.first; i < range.first + range.count; ++i) {
                if (plan.keep.contains(i)) {
                    const auto blob = planned.index.at(i).blob;
                    ++copies[{blob.type, blob.id}];
                    EXPECT_TRUE(plan.fates[pack] == PackFate::kKeep ||
                                plan.fates[pack] == PackFate::kRepack)
                        << "seed " << seed;
                }
            }
        }
        EXPECT_EQ(copies.size(), model.used.size()) << "seed " << seed;
        for (const auto& [key, count] : copies) {
            EXPECT_TRUE(model.used.contains(key) && count == 1) << "seed " << seed;
        }
    }
}

TEST(PrunePlan, StaysWithinItsLimits) {
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        Model model(seed);
        const auto settings = draw_settings(model.random);
        const Planned planned(model, settings);
        ASSERT_TRUE(planned.plan);
        std::uint64_t repacked = 0;
        std::uint64_t unused = 0;
        bool has_trees_left = false;
        for (std::uint32_t pack = 0; pack < model.packs.size(); ++pack) {
            const auto range = planned.index.entries_of(pack);
            for (auto i = range.first; i < range.first + range.count; ++i) {
                const auto blob = planned.index.at(i).blob;
                const auto fate = planned.plan->fates[pack];
                const bool is_kept = planned.plan->keep.contains(i);
                repacked += fate == PackFate::kRepack ? blob.length : 0;
                unused += fate == PackFate::kKeep && !is_kept ? blob.length : 0;
                has_trees_left |=
                    fate == PackFate::kKeep && !is_kept && blob.type == BlobType::kTree;
            }
        }
        EXPECT_LE(repacked, settings.max_repack) << "seed " << seed;
        if (settings.max_repack == UINT64_MAX) {
            EXPECT_FALSE(has_trees_left) << "seed " << seed;
        }
        if (settings.max_repack == UINT64_MAX && !settings.is_cacheable_only) {
            EXPECT_LE(unused, settings.max_unused.most(planned.plan->counts.used.bytes))
                << "seed " << seed;
        }
    }
}

TEST(PrunePlan, RefusesWhenANeededPackIsNotThere) {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        Model model(seed);
        const auto gone = model.random() % model.packs.size();
        model.listed.erase(model.listed.begin() + static_cast<std::ptrdiff_t>(gone));
        bool is_needed = false;
        for (const auto& blob : model.packs[gone].blobs) {
            const auto lies_in = [&](const IndexedPack& pack) {
                return pack.id != model.packs[gone].id &&
                       std::ranges::any_of(pack.blobs, [&](const PackedBlob& other) {
                           return other.id == blob.id && other.type == blob.type;
                       });
            };
            is_needed |= model.used.contains({blob.type, blob.id}) &&
                         std::ranges::none_of(model.packs, lies_in);
        }
        const Planned planned(model, {});
        EXPECT_EQ(planned.plan.has_value(), !is_needed) << "seed " << seed;
        if (planned.plan) {
            EXPECT_EQ(planned.plan->fates[gone], PackFate::kMissing) << "seed " << seed;
        }
    }
}

TEST(PrunePlan, CompressesTreesThatAreNot) {
    Model model(1);
    model.packs = {{sha256(bytes_of("p")), {{sha256(bytes_of("t")), BlobType::kTree, 0, 90, 0}}}};
    model.listed = {{model.packs[0].id.hex(), pack_size(model.packs[0].blobs)}};
    model.used = {{BlobType::kTree, sha256(bytes_of("t"))}};
    EXPECT_EQ(Planned(model, {}).plan->fates[0], PackFate::kRepack);
    PruneSettings settings;
    settings.may_compress = false;
    EXPECT_EQ(Planned(model, settings).plan->fates[0], PackFate::kKeep);
}

TEST(UnusedLimit, IsAShareOfWhatStays) {
    EXPECT_EQ(parse_unused_limit("50%")->most(100), 100U);
    EXPECT_EQ(parse_unused_limit("0%")->most(100), 0U);
    EXPECT_GT(parse_unused_limit("100%")->most(100), 1ULL << 50U);
    EXPECT_EQ(parse_unused_limit("2k")->most(100), 2048U);
    EXPECT_EQ(parse_unused_limit("unlimited")->most(100), UINT64_MAX);
    for (const auto* const bad : {"", "%", "101%", "x", "-5"}) {
        EXPECT_FALSE(parse_unused_limit(bad)) << bad;
    }
}

}  // namespace
}  // namespace muster::backup
