#include "backup/blob_index.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include <map>
#include <random>
#include <set>
#include <thread>

namespace muster::backup {
namespace {

ObjectId id_of(std::uint64_t number) {
    // Few different first bytes, so that many share a slot of the table.
    ObjectId id;
    const std::uint64_t begin = number % 97;
    std::memcpy(id.bytes.data(), &begin, sizeof begin);
    std::memcpy(id.bytes.data() + 8, &number, sizeof number);
    return id;
}

ObjectId spread(std::mt19937_64& random) {
    ObjectId id;
    for (auto& byte : id.bytes) {
        byte = static_cast<std::uint8_t>(random());
    }
    return id;
}

struct Twin {
    std::map<std::pair<BlobType, ObjectId>, std::vector<std::pair<ObjectId, PackedBlob>>> places;
    std::set<ObjectId> packs;
    std::set<std::pair<BlobType, ObjectId>> known;

    void add(const IndexedPack& pack) {
        if (!packs.insert(pack.id).second) {
            return;
        }
        for (const auto& blob : pack.blobs) {
            places[{blob.type, blob.id}].emplace_back(pack.id, blob);
            known.insert({blob.type, blob.id});
        }
    }
};

void expect_same(const BlobIndex& index, const Twin& twin) {
    std::size_t entries = 0;
    index.for_each([&](const BlobPlace& place) {
        const auto& places = twin.places.at({place.blob.type, place.blob.id});
        const std::pair wanted(place.pack, place.blob);
        ASSERT_NE(std::ranges::find(places, wanted), places.end());
        ++entries;
    });
    std::size_t wanted = 0;
    for (const auto& [key, places] : twin.places) {
        wanted += places.size();
        const auto found = index.find_all(key.first, key.second);
        ASSERT_EQ(found.size(), places.size());
        for (const auto& place : found) {
            ASSERT_NE(std::ranges::find(places, std::pair(place.pack, place.blob)), places.end());
        }
        const auto one = index.find(key.first, key.second);
        ASSERT_TRUE(one.has_value());
    }
    EXPECT_EQ(entries, wanted);
    EXPECT_EQ(index.packs().size(), twin.packs.size());
}

TEST(BlobIndex, AgreesWithANaiveTwin) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        std::mt19937_64 random(seed);  // NOLINT: the same for each run.
        BlobIndex index;
        Twin twin;
        if (seed == 2) {
            index.reserve(3000);
        }
        for (int step = 0; step < 3000; ++step) {
            const auto type = random() % 2 == 0 ? BlobType::kData : BlobType::kTree;
            const auto id = id_of(random() % 4000);
            if (random() % 3 == 0) {
                EXPECT_EQ(index.claim(type, id), twin.known.insert({type, id}).second);
                continue;
            }
            IndexedPack pack{id_of(1'000'000 + random() % 2000), {}};
            for (unsigned i = 0; i < random() % 4; ++i) {
                pack.blobs.push_back(
                    {id_of(random() % 4000), type, static_cast<std::uint32_t>(random()), 40, i});
            }
            index.add(pack);
            twin.add(pack);
            EXPECT_EQ(index.has(type, id), twin.known.contains({type, id}));
            EXPECT_TRUE(index.has_pack(pack.id));
        }
        expect_same(index, twin);
    }
}

TEST(BlobIndex, IsEmptyAtFirst) {
    const BlobIndex index;
    EXPECT_FALSE(index.has(BlobType::kData, id_of(1)));
    EXPECT_FALSE(index.find(BlobType::kData, id_of(1)).has_value());
    EXPECT_EQ(index.size(), 0U);
}

TEST(BlobIndex, AClaimLiesNowhere) {
    BlobIndex index;
    EXPECT_TRUE(index.claim(BlobType::kTree, id_of(1)));
    EXPECT_FALSE(index.claim(BlobType::kTree, id_of(1)));
    EXPECT_TRUE(index.claim(BlobType::kData, id_of(1)))
        << "a tree and a piece of data may be alike";
    EXPECT_TRUE(index.has(BlobType::kTree, id_of(1)));
    EXPECT_FALSE(index.find(BlobType::kTree, id_of(1)).has_value());
    EXPECT_TRUE(index.find_all(BlobType::kTree, id_of(1)).empty());
    index.add({id_of(9), {{id_of(1), BlobType::kTree, 5, 40, 0}}});
    ASSERT_TRUE(index.find(BlobType::kTree, id_of(1)).has_value());
    EXPECT_EQ(index.find(BlobType::kTree, id_of(1))->blob.offset, 5U);
}

TEST(BlobIndex, OneOfManyThreadsClaims) {
    BlobIndex index;
    std::atomic<unsigned> won{0};
    constexpr unsigned kBlobs = 2000;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (unsigned number = 0; number < kBlobs; ++number) {
                    won += index.claim(BlobType::kData, id_of(number)) ? 1 : 0;
                }
            });
        }
    }
    EXPECT_EQ(won, kBlobs);
    EXPECT_EQ(index.size(), kBlobs);
}

/// Bytes that the program has of the system's allocator; 0 where it does not tell (sanitizers).
std::size_t in_use() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

TEST(BlobIndex, NeedsSixtyBytesForABlob) {
    constexpr std::size_t kMost = 60;
    constexpr std::size_t kBlobs = 1U << 21U;  // Full segments, a table that has grown lately.
    constexpr std::size_t kOfPack = 2048;
    constexpr std::size_t kSlack = 1U << 20U;
    std::mt19937_64 random(7);  // NOLINT: the same for each run.
    BlobIndex index;
    const std::size_t before = in_use();
    for (std::size_t i = 0; i < kBlobs / kOfPack; ++i) {
        IndexedPack pack{spread(random), {}};
        for (std::size_t k = 0; k < kOfPack; ++k) {
            pack.blobs.push_back({spread(random), BlobType::kData, 0, 40, 0});
        }
        index.add(pack);
    }
    ASSERT_EQ(index.size(), kBlobs);
    EXPECT_LE(in_use() - before, kBlobs * kMost + kSlack);
}

}  // namespace
}  // namespace muster::backup
