#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backup/blob_store.h"
#include "backup/object_id.h"

namespace muster::conformance {

/// The suite that every blob store passes. A `World` is default-constructible and has
///   backup::BlobStore& store();  the store under test, nothing in it, not even its places
///   std::size_t big();           a size that takes its way for big files (parts, pieces)
template <class World>
class BlobStoreSuite : public testing::Test {
  protected:
    using FileKind = backup::FileKind;
    using StoredName = backup::StoredName;

    struct File {
        StoredName name;
        std::string content;
    };

    void SetUp() override {
        const auto created = store().create();
        ASSERT_TRUE(created.has_value()) << created.error().message();
    }

    backup::BlobStore& store() { return world_.store(); }
    static constexpr std::array kNamed = {FileKind::kKey, FileKind::kPack, FileKind::kIndex,
                                          FileKind::kSnapshot, FileKind::kLock};

    /// Its name is the hash of its content, as of every file of a repository.
    static File file(FileKind kind, std::string content) {
        backup::ObjectId id;
        unsigned length = 0;
        EVP_Digest(content.data(), content.size(), id.bytes.data(), &length, EVP_sha256(), nullptr);
        return {{kind, kind == FileKind::kConfig ? "" : id.hex()}, std::move(content)};
    }
    static std::string random_content(std::size_t size) {
        std::mt19937_64 random(size);  // NOLINT: the same for each run.
        std::string content(size, '\0');
        std::ranges::generate(content, [&random] { return static_cast<char>(random()); });
        return content;
    }
    Result<> write(const File& one) {
        return store().write(one.name, backup::bytes_of(one.content));
    }
    /// What stands there; the error's name in brackets when it can't be read.
    std::string load(const StoredName& name) {
        const auto loaded = store().load(name);
        return loaded ? std::string(loaded->text())
                      : "(" + std::string(to_string(loaded.error().code())) + ")";
    }
    std::string read(const StoredName& name, std::uint64_t offset, std::size_t size) {
        std::vector<std::uint8_t> into(size, 'x');
        const auto done = store().read(name, offset, into);
        return done ? std::string(into.begin(), into.end())
                    : "(" + std::string(to_string(done.error().code())) + ")";
    }
    std::vector<backup::Listed> list(FileKind kind) {
        auto listed = store().list(kind);
        EXPECT_TRUE(listed.has_value()) << listed.error().message();
        auto sorted = std::move(listed).value_or(std::vector<backup::Listed>{});
        std::ranges::sort(sorted);
        return sorted;
    }
    template <class T>
    static Errc code_of(const Result<T>& result) {
        EXPECT_FALSE(result.has_value());
        return result ? Errc::kInvalid : result.error().code();
    }

    World world_;
};

TYPED_TEST_SUITE_P(BlobStoreSuite);

TYPED_TEST_P(BlobStoreSuite, HasNothingAtFirst) {
    for (const auto kind : this->kNamed) {
        EXPECT_TRUE(this->list(kind).empty());
        const auto absent = this->file(kind, "absent").name;
        EXPECT_EQ(this->load(absent), "(not_found)");
        EXPECT_EQ(this->read(absent, 0, 1), "(not_found)");
        EXPECT_EQ(this->code_of(this->store().size(absent)), Errc::kNotFound);
        EXPECT_EQ(this->code_of(this->store().remove(absent)), Errc::kNotFound);
    }
    EXPECT_EQ(this->load({}), "(not_found)");
    EXPECT_EQ(this->code_of(this->store().size({})), Errc::kNotFound);
}

TYPED_TEST_P(BlobStoreSuite, GivesBackWhatWasWritten) {
    const std::string odd("\0 \xff \r\n\r\n ü", 12);
    for (const auto kind : this->kNamed) {
        const auto one = this->file(kind, odd + std::string(place_of(kind)));
        const auto done = this->write(one);
        ASSERT_TRUE(done.has_value()) << done.error().message();
        EXPECT_EQ(this->load(one.name), one.content);
        EXPECT_EQ(this->store().size(one.name).value_or(0), one.content.size());
        EXPECT_EQ(this->list(kind),
                  (std::vector<backup::Listed>{{one.name.name, one.content.size()}}));
    }
}

TYPED_TEST_P(BlobStoreSuite, LosesNothingWhenItsPlacesAreMadeAgain) {
    const auto one = this->file(backup::FileKind::kPack, "kept");
    ASSERT_TRUE(this->write(one).has_value());
    const auto again = this->store().create();
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(this->load(one.name), "kept");
}

TYPED_TEST_P(BlobStoreSuite, ReadsAnyPart) {
    const auto one = this->file(backup::FileKind::kPack, "0123456789");
    ASSERT_TRUE(this->write(one).has_value());
    EXPECT_EQ(this->read(one.name, 0, 10), "0123456789");
    EXPECT_EQ(this->read(one.name, 0, 1), "0");
    EXPECT_EQ(this->read(one.name, 9, 1), "9");
    EXPECT_EQ(this->read(one.name, 3, 4), "3456");
    EXPECT_EQ(this->read(one.name, 10, 0), "");
}

TYPED_TEST_P(BlobStoreSuite, CallsAFileThatEndsBeforeCorrupt) {
    const auto one = this->file(backup::FileKind::kPack, "0123456789");
    ASSERT_TRUE(this->write(one).has_value());
    EXPECT_EQ(this->read(one.name, 0, 11), "(corrupt)");
    EXPECT_EQ(this->read(one.name, 9, 2), "(corrupt)");
    EXPECT_EQ(this->read(one.name, 10, 1), "(corrupt)");
    EXPECT_EQ(this->read(one.name, 999, 5), "(corrupt)");
}

TYPED_TEST_P(BlobStoreSuite, KeepsAnEmptyFile) {
    const auto one = this->file(backup::FileKind::kLock, "");
    const auto done = this->write(one);
    ASSERT_TRUE(done.has_value()) << done.error().message();
    EXPECT_EQ(this->load(one.name), "");
    EXPECT_EQ(this->store().size(one.name).value_or(9), 0U);
    EXPECT_EQ(this->read(one.name, 0, 1), "(corrupt)");
    EXPECT_EQ(this->list(backup::FileKind::kLock).size(), 1U);
}

TYPED_TEST_P(BlobStoreSuite, TakesAFileTwice) {
    for (const auto kind : this->kNamed) {
        const auto one = this->file(kind, "twice");
        ASSERT_TRUE(this->write(one).has_value());
        const auto again = this->write(one);
        EXPECT_TRUE(again.has_value()) << again.error().message();
        EXPECT_EQ(this->load(one.name), "twice");
    }
}

TYPED_TEST_P(BlobStoreSuite, KeepsTheFirstConfig) {
    const auto first = this->file(backup::FileKind::kConfig, "first");
    const auto done = this->write(first);
    ASSERT_TRUE(done.has_value()) << done.error().message();
    EXPECT_EQ(this->code_of(this->write(this->file(backup::FileKind::kConfig, "second"))),
              Errc::kConflict);
    EXPECT_EQ(this->load({}), "first");
    EXPECT_EQ(this->store().size({}).value_or(0), 5U);
    ASSERT_TRUE(this->store().remove({}).has_value());
    EXPECT_EQ(this->load({}), "(not_found)");
    ASSERT_TRUE(this->write(this->file(backup::FileKind::kConfig, "third")).has_value());
    EXPECT_EQ(this->load({}), "third");
}

TYPED_TEST_P(BlobStoreSuite, RemovesOnce) {
    for (const auto kind : this->kNamed) {
        const auto one = this->file(kind, "goes");
        const auto other = this->file(kind, "stays");
        ASSERT_TRUE(this->write(one).has_value());
        ASSERT_TRUE(this->write(other).has_value());
        const auto removed = this->store().remove(one.name);
        EXPECT_TRUE(removed.has_value()) << removed.error().message();
        EXPECT_EQ(this->code_of(this->store().remove(one.name)), Errc::kNotFound);
        EXPECT_EQ(this->load(one.name), "(not_found)");
        EXPECT_EQ(this->list(kind), (std::vector<backup::Listed>{{other.name.name, 5}}));
    }
}

TYPED_TEST_P(BlobStoreSuite, ListsAllOfMany) {
    constexpr int kMany = 60;
    std::vector<backup::Listed> expected;
    for (int i = 0; i < kMany; ++i) {
        const auto one = this->file(backup::FileKind::kPack, std::string(i, 'x'));
        ASSERT_TRUE(this->write(one).has_value());
        expected.push_back({one.name.name, one.content.size()});
    }
    std::ranges::sort(expected);
    EXPECT_EQ(this->list(backup::FileKind::kPack), expected);
    EXPECT_TRUE(this->list(backup::FileKind::kIndex).empty());
}

TYPED_TEST_P(BlobStoreSuite, CarriesABigFile) {
    const auto one = this->file(backup::FileKind::kPack, this->random_content(this->world_.big()));
    const auto done = this->write(one);
    ASSERT_TRUE(done.has_value()) << done.error().message();
    EXPECT_TRUE(this->load(one.name) == one.content);
    const auto third = one.content.size() / 3;
    EXPECT_TRUE(this->read(one.name, third, third) == one.content.substr(third, third));
    EXPECT_EQ(this->list(backup::FileKind::kPack),
              (std::vector<backup::Listed>{{one.name.name, one.content.size()}}));
}

TYPED_TEST_P(BlobStoreSuite, ServesManyThreadsAtOnce) {
    constexpr int kThreads = 8;
    constexpr int kFiles = 6;
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([this, thread] {
            for (int i = 0; i < kFiles; ++i) {
                const auto content = std::string(1000 * i, 'x') + std::to_string(thread);
                const auto one = this->file(backup::FileKind::kPack, content);
                const auto done = this->write(one);
                EXPECT_TRUE(done.has_value()) << done.error().message();
                EXPECT_EQ(this->load(one.name), content);
                const auto common = this->file(backup::FileKind::kIndex, std::to_string(i));
                EXPECT_TRUE(this->write(common).has_value());
            }
        });
    }
    threads.clear();
    EXPECT_EQ(this->list(backup::FileKind::kPack).size(), std::size_t{kThreads * kFiles});
    EXPECT_EQ(this->list(backup::FileKind::kIndex).size(), std::size_t{kFiles});
}

TYPED_TEST_P(BlobStoreSuite, SaysWhereItIsWithoutSecrets) {
    const auto traits = this->store().traits();
    EXPECT_FALSE(traits.location.empty());
    EXPECT_FALSE(traits.location.contains("secret")) << traits.location;
    EXPECT_GE(traits.connections, 1U);
}

REGISTER_TYPED_TEST_SUITE_P(BlobStoreSuite, HasNothingAtFirst, GivesBackWhatWasWritten,
                            LosesNothingWhenItsPlacesAreMadeAgain, ReadsAnyPart,
                            CallsAFileThatEndsBeforeCorrupt, KeepsAnEmptyFile, TakesAFileTwice,
                            KeepsTheFirstConfig, RemovesOnce, ListsAllOfMany, CarriesABigFile,
                            ServesManyThreadsAtOnce, SaysWhereItIsWithoutSecrets);

}  // namespace muster::conformance
