#include "backup/blob_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "backup/codec/sha256.h"
#include "backup/format/index_file.h"
#include "backup/testing/faulty_store.h"
#include "backup/testing/memory_store.h"
#include "backup/testing/passing_store.h"
#include "backup/testing/test_host.h"

namespace muster::backup {
namespace {

using testing::Fault;
using testing::FaultyStore;
using testing::MemoryStore;
using testing::TestHost;

constexpr std::size_t kPack = 100'000;

/// The packs that the store's indexes name; every one of them is there, and holds what they say.
std::set<ObjectId> sound_packs(TestHost& host, MemoryStore& store) {
    Repository fresh({host, store, nullptr}, MasterKey(), "");
    EXPECT_TRUE(fresh.load_index().has_value());
    fresh.index().for_each([&](const BlobPlace& place) {
        Buffer sealed(place.blob.length);
        const auto read =
            store.read({FileKind::kPack, place.pack.hex()}, place.blob.offset, sealed.span());
        ASSERT_TRUE(read.has_value()) << read.error().message();
        ASSERT_TRUE(fresh.open_blob(place.blob, sealed.view()).has_value());
    });
    const auto packs = fresh.index().packs();
    for (const auto& pack : packs) {
        const auto size = store.size({FileKind::kPack, pack.hex()});
        EXPECT_TRUE(size && fresh.read_pack_header(pack, *size)) << "no sound pack";
    }
    return {packs.begin(), packs.end()};
}

/// Passes calls on, and looks after each index whether its packs are there.
class WatchingStore final : public testing::PassingStore {
  public:
    explicit WatchingStore(MemoryStore& inner) : PassingStore(inner), inner_(inner) {}
    Result<> write(const StoredName& name, ByteView content) override {
        EXPECT_EQ(sha256(content).hex(), name.name);
        TRY_OK(inner_.write(name, content));
        if (name.kind == FileKind::kIndex) {
            ++indexes;
            TestHost host;
            indexed = sound_packs(host, inner_).size();
        }
        return {};
    }

    std::atomic<std::size_t> indexes{0};
    std::atomic<std::size_t> indexed{0};

  private:
    MemoryStore& inner_;
};

Buffer content_of(std::uint64_t number, std::size_t size = 9000) {
    std::mt19937_64 random(number / 2);  // NOLINT: each content comes twice.
    Buffer content(size);
    std::ranges::generate(content.span(), [&] { return static_cast<std::uint8_t>(random()); });
    return content;
}

/// Stores `count` blobs, each twice, every third one a tree, from all threads.
Result<> store(Repository& repository, std::uint64_t count, const WriterSettings& settings,
               WriterTotals* totals = nullptr) {
    BlobWriter writer(repository, settings);
    std::atomic<std::uint64_t> next{0};
    TRY_OK(writer.run([&](unsigned) -> Result<> {
        for (std::uint64_t i = next++; i < 2 * count; i = next++) {
            const Buffer content = content_of(i);
            const auto type = i / 2 % 3 == 0 ? BlobType::kTree : BlobType::kData;
            TRY_OK(writer.put(type, sha256(content.view()), content.view()));
        }
        return {};
    }));
    if (totals != nullptr) {
        *totals = writer.totals();
    }
    return {};
}

TEST(BlobWriter, WhatWasStoredIsFoundAgain) {
    for (const unsigned threads : {1U, 2U, 8U}) {
        TestHost host;
        MemoryStore memory;
        Repository repository({host, memory, nullptr}, MasterKey(), "");
        WriterTotals totals;
        ASSERT_TRUE(store(repository, 100, {kPack, Compression::kAuto, threads, false}, &totals));
        EXPECT_EQ(totals.blobs[0] + totals.blobs[1], 100U) << "each is stored once";
        EXPECT_EQ(totals.blobs[1], 34U);
        EXPECT_EQ(totals.plain_bytes[0], 66U * 9000);
        Repository fresh({host, memory, nullptr}, MasterKey(), "");
        ASSERT_TRUE(fresh.load_index().has_value());
        for (std::uint64_t i = 0; i < 200; ++i) {
            const Buffer content = content_of(i);
            const auto type = i / 2 % 3 == 0 ? BlobType::kTree : BlobType::kData;
            const auto loaded = fresh.load_blob(type, sha256(content.view()));
            ASSERT_TRUE(loaded.has_value());
            EXPECT_EQ(loaded->text(), content.text());
        }
        for (const auto& pack : fresh.index().packs()) {
            const auto size = memory.size({FileKind::kPack, pack.hex()});
            const auto blobs = fresh.read_pack_header(pack, *size);
            ASSERT_TRUE(blobs.has_value());
            const auto has_other = [&](const PackedBlob& blob) {
                return blob.type != blobs->front().type;
            };
            EXPECT_TRUE(std::ranges::none_of(*blobs, has_other)) << "trees and data are apart";
        }
    }
}

TEST(BlobWriter, AnIndexComesAfterItsPacks) {
    TestHost host;
    MemoryStore memory;
    WatchingStore watching(memory);
    Repository repository({host, watching, nullptr}, MasterKey(), "");
    ASSERT_TRUE(store(repository, 150, {kPack, Compression::kAuto, 2, false}));
    EXPECT_EQ(watching.indexes, 1U);
    EXPECT_EQ(watching.indexed, memory.list(FileKind::kPack)->size());
    EXPECT_GT(watching.indexed, 10U);
}

TEST(BlobWriter, AFullIndexIsWrittenAtOnce) {
    TestHost host;
    MemoryStore memory;
    WatchingStore watching(memory);
    Repository repository({host, watching, nullptr}, MasterKey(), "");
    BlobWriter writer(repository, {kPack, Compression::kOff, 1, false});
    constexpr std::uint64_t kBlobs = 120'000;
    ASSERT_TRUE(writer.run([&](unsigned) -> Result<> {
        for (std::uint64_t i = 0; i < kBlobs; ++i) {
            const std::string text = std::to_string(i);
            TRY_OK(writer.put(BlobType::kData, sha256(bytes_of(text)), bytes_of(text)));
        }
        return {};
    }));
    EXPECT_EQ(watching.indexes, 3U);
    EXPECT_EQ(writer.index_files().size(), 3U);
    Repository fresh({host, memory, nullptr}, MasterKey(), "");
    ASSERT_TRUE(fresh.load_index().has_value());
    EXPECT_EQ(fresh.index().size(), kBlobs);
}

TEST(BlobWriter, AsksBeforeAnIndexIsWritten) {
    TestHost host;
    MemoryStore memory;
    WatchingStore watching(memory);
    Repository repository({host, watching, nullptr}, MasterKey(), "");
    WriterSettings settings{kPack, Compression::kAuto, 2, false};
    settings.may_index = [&]() -> Result<> {
        EXPECT_GT(memory.list(FileKind::kPack)->size(), 1U) << "packs are nobody's until then";
        return Error(Errc::kConflict, "locked");
    };
    const auto stored = store(repository, 50, settings);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code(), Errc::kConflict);
    EXPECT_EQ(watching.indexes, 0U);
    settings.may_index = [&]() -> Result<> { return {}; };
    ASSERT_TRUE(store(repository, 60, settings));
    EXPECT_EQ(watching.indexes, 1U);
}

TEST(BlobWriter, ADryRunStoresNothing) {
    TestHost host;
    MemoryStore memory;
    Repository repository({host, memory, nullptr}, MasterKey(), "");
    WriterTotals totals;
    ASSERT_TRUE(store(repository, 50, {kPack, Compression::kAuto, 2, true}, &totals));
    EXPECT_EQ(totals.blobs[0] + totals.blobs[1], 50U);
    EXPECT_EQ(totals.plain_bytes[0] + totals.plain_bytes[1], 50U * 9000);
    EXPECT_TRUE(memory.files().empty());
}

TEST(BlobWriter, AFailureOfAnyCallEndsItAndNoIndexNamesWhatIsNotThere) {
    for (const auto fault : {Fault::kDenied, Fault::kLostReply, Fault::kLostRequest}) {
        bool has_ended = false;
        for (std::uint64_t at = 0; !has_ended; ++at) {
            TestHost host;
            MemoryStore memory;
            FaultyStore faulty(memory);
            Repository repository({host, faulty, nullptr}, MasterKey(), "");
            faulty.fail(fault, at);
            const auto stored = store(repository, 60, {kPack, Compression::kAuto, 2, false});
            has_ended = faulty.calls() <= at;
            EXPECT_EQ(stored.has_value(), has_ended) << "call " << at;
            sound_packs(host, memory);
            ASSERT_LT(at, 100U);
        }
    }
}

TEST(BlobWriter, AnErrorOfABodyEndsTheOthers) {
    TestHost host;
    MemoryStore memory;
    Repository repository({host, memory, nullptr}, MasterKey(), "");
    BlobWriter writer(repository, {kPack, Compression::kAuto, 3, false});
    const auto done = writer.run([&](unsigned number) -> Result<> {
        if (number == 1) {
            return Error(Errc::kInvalid, "on purpose");
        }
        for (std::uint64_t i = number * 1'000'000; !writer.is_failed(); ++i) {
            const Buffer content = content_of(2 * i);
            TRY_OK(writer.put(BlobType::kData, sha256(content.view()), content.view()));
        }
        return {};
    });
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().message(), "on purpose");
    EXPECT_TRUE(memory.list(FileKind::kIndex)->empty());
}

TEST(BlobWriter, SealedBlobsAreMovedAsTheyAre) {
    TestHost host;
    MemoryStore memory;
    Repository repository({host, memory, nullptr}, MasterKey(), "");
    ASSERT_TRUE(store(repository, 20, {kPack, Compression::kMax, 1, false}));
    Repository again({host, memory, nullptr}, MasterKey(), "");
    ASSERT_TRUE(again.load_index().has_value());
    const auto before = again.index().packs();
    std::vector<BlobPlace> places;
    again.index().for_each([&](const BlobPlace& place) { places.push_back(place); });
    BlobWriter writer(again, {kPack, Compression::kAuto, 1, false});
    ASSERT_TRUE(writer.run([&](unsigned) -> Result<> {
        for (const auto& place : places) {
            Buffer sealed(place.blob.length);
            TRY_OK(
                memory.read({FileKind::kPack, place.pack.hex()}, place.blob.offset, sealed.span()));
            TRY_OK(writer.put_sealed(place.blob, sealed.view()));
        }
        return {};
    }));
    for (const auto& pack : before) {
        ASSERT_TRUE(memory.remove({FileKind::kPack, pack.hex()}).has_value());
    }
    for (const auto& id : memory.list(FileKind::kIndex).value()) {
        if (writer.index_files().front().hex() != id.name) {
            ASSERT_TRUE(memory.remove({FileKind::kIndex, id.name}).has_value());
        }
    }
    Repository moved({host, memory, nullptr}, MasterKey(), "");
    ASSERT_TRUE(moved.load_index().has_value());
    EXPECT_EQ(moved.index().size(), 20U);
    for (const auto& place : places) {
        EXPECT_TRUE(moved.load_blob(place.blob.type, place.blob.id).has_value());
    }
}

TEST(BlobWriter, WhatDoesNotShrinkIsNotCompressed) {
    TestHost host;
    MemoryStore memory;
    Repository repository({host, memory, nullptr}, MasterKey(), "");
    const Buffer noise = content_of(7, 40'000);
    const std::string zeros(40'000, '\0');
    BlobWriter writer(repository, {kPack, Compression::kAuto, 1, false});
    ASSERT_TRUE(writer.run([&](unsigned) -> Result<> {
        TRY_OK(writer.put(BlobType::kData, sha256(noise.view()), noise.view()));
        TRY_OK(writer.put(BlobType::kData, sha256(bytes_of(zeros)), bytes_of(zeros)));
        return {};
    }));
    Repository fresh({host, memory, nullptr}, MasterKey(), "");
    ASSERT_TRUE(fresh.load_index().has_value());
    EXPECT_FALSE(fresh.index().find(BlobType::kData, sha256(noise.view()))->blob.is_compressed());
    EXPECT_TRUE(fresh.index().find(BlobType::kData, sha256(bytes_of(zeros)))->blob.is_compressed());
}

}  // namespace
}  // namespace muster::backup
