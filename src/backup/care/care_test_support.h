#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "backup/blob_writer.h"
#include "backup/care/check.h"
#include "backup/care/prune.h"
#include "backup/codec/sha256.h"
#include "backup/format/zone_clock.h"
#include "backup/testing/faulty_store.h"
#include "backup/testing/memory_store.h"

namespace muster::backup::test {

/// Time passes only in pauses, and at once.
class CareHost final : public Host {
  public:
    [[nodiscard]] Instant now() const override {
        const std::scoped_lock lock(mutex_);
        return now_;
    }
    [[nodiscard]] WallTime wall() const override {
        return WallTime(std::chrono::seconds(1'800'000'000)) +
               std::chrono::duration_cast<WallTime::duration>(now() - Instant{});
    }
    [[nodiscard]] int utc_offset(std::int64_t /*unix_seconds*/) const override { return 0; }
    void pause(Duration duration) override {
        const std::scoped_lock lock(mutex_);
        now_ += duration;
    }
    [[nodiscard]] bool is_stopped() const override { return false; }
    void fill_random(ByteSpan into) override {
        const std::scoped_lock lock(mutex_);
        for (auto& byte : into) {
            byte = static_cast<std::uint8_t>(random_());
        }
    }
    [[nodiscard]] unsigned cores() const override { return 2; }
    void run_parallel(unsigned copies, const std::function<void(unsigned)>& body) override {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < copies; ++i) {
            threads.emplace_back([&body, i] { body(i); });
        }
    }
    [[nodiscard]] Identity identity() const override { return {"host", "user", 0, 0, 1}; }
    [[nodiscard]] bool is_alive(std::int64_t /*pid*/) const override { return true; }

  private:
    mutable std::mutex mutex_;
    Instant now_{};
    std::mt19937_64 random_{1};  // NOLINT: the same in every run
};

using Files = std::map<StoredName, std::vector<std::uint8_t>>;
using Contents = std::map<std::string, std::string>;  ///< Of the files of one directory, by name.

inline MasterKey key_of(std::uint8_t seed) {
    MasterKey key;
    key.encrypt.fill(seed);
    key.mac_k.fill(seed);
    key.mac_r.fill(seed);
    return key;
}

inline ObjectId put(BlobWriter& writer, BlobType type, std::string_view content) {
    const ObjectId id = sha256(bytes_of(content));
    EXPECT_TRUE(writer.put(type, id, bytes_of(content)));
    return id;
}

/// A directory "d" with these files, in a root: the root's tree. Each file is one blob.
inline ObjectId put_tree(Host& host, BlobWriter& writer, const Contents& contents) {
    ZoneClock zone(host);
    TreeText inner;
    for (const auto& [name, content] : contents) {
        Node node;
        node.name = name;
        node.size = content.size();
        node.content = {put(writer, BlobType::kData, content)};
        std::string text;
        append_node(text, node, zone);
        inner.add(text);
    }
    Node folder;
    folder.name = "d";
    folder.type = NodeType::kDirectory;
    folder.subtree = put(writer, BlobType::kTree, inner.finish());
    std::string text;
    append_node(text, folder, zone);
    TreeText root;
    root.add(text);
    return put(writer, BlobType::kTree, root.finish());
}

/// A repository in memory. Each call of `open` is a new program that looks at it.
struct CareWorld {
    CareHost host;
    testing::MemoryStore memory;
    testing::FaultyStore store{memory};
    std::uint8_t key = 7;  // NOLINT

    std::unique_ptr<Repository> open() {
        return std::make_unique<Repository>(Ports{host, store, nullptr}, key_of(key), "key");
    }

    /// A snapshot of these files; packs are closed at `pack_size`.
    ObjectId backup(const Contents& contents, std::size_t pack_size = 4096) {
        auto repository = open();
        EXPECT_TRUE(repository->load_index());
        BlobWriter writer(*repository, {pack_size, Compression::kAuto, 1});
        Snapshot snapshot;
        EXPECT_TRUE(writer.run([&](unsigned) -> Result<> {
            snapshot.tree = put_tree(host, writer, contents);
            return {};
        }));
        snapshot.time = {1'700'000'000 + static_cast<std::int64_t>(++made_), 0, 0};  // NOLINT
        snapshot.hostname = "host";
        snapshot.paths = {"/d"};
        const auto id =
            repository->save_unpacked(FileKind::kSnapshot, bytes_of(encode_snapshot(snapshot)));
        EXPECT_TRUE(id);
        return *id;
    }

    void forget(const ObjectId& snapshot) {
        EXPECT_TRUE(memory.remove({FileKind::kSnapshot, snapshot.hex()}));
    }

    /// What restoring the snapshot gives; an error when a byte of it is not to be had.
    Result<Contents> restore(const ObjectId& id) {
        auto repository = open();
        TRY_OK(repository->load_index());
        TRY(const auto json, repository->load_unpacked(FileKind::kSnapshot, id));
        TRY(const auto snapshot, decode_snapshot(json.text(), id));
        TRY(const auto root, repository->load_tree(snapshot.tree));
        Contents contents;
        for (const auto& folder : root) {
            TRY(const auto nodes, repository->load_tree(*folder.subtree));
            for (const auto& node : nodes) {
                std::string text;
                for (const auto& blob : node.content) {
                    TRY(const auto piece, repository->load_blob(BlobType::kData, blob));
                    text += piece.text();
                }
                contents[node.name] = text;
            }
        }
        return contents;
    }

    /// The same; when it is not to be had, one file that says why.
    Contents restored(const ObjectId& id) {
        auto contents = restore(id);
        return contents ? *contents : Contents{{"error", contents.error().message()}};
    }

    Result<std::size_t> prune(PruneSettings settings = {});
    CheckReport check(bool is_data_read = true);
    /// The first file of a kind that `fits`; the name.
    StoredName find(
        FileKind kind,
        const std::function<bool(const StoredName&)>& fits = [](const auto&) { return true; }) {
        for (const auto& [name, content] : memory.files()) {
            if (name.kind == kind && fits(name)) {
                return name;
            }
        }
        ADD_FAILURE() << "there is no such file";
        return {};
    }
    std::size_t count(FileKind kind) { return memory.list(kind)->size(); }

    /// The pack that holds the blob with this content.
    StoredName pack_of(BlobType type, std::string_view content) {
        auto repository = open();
        EXPECT_TRUE(repository->load_index());
        const auto place = repository->index().find(type, sha256(bytes_of(content)));
        EXPECT_TRUE(place);
        return {FileKind::kPack, place->pack.hex()};
    }

    unsigned made_ = 0;  // NOLINT
};

/// Keeps all that it is told.
struct CheckNotes final : CheckObserver {
    void on_step(const std::string& /*what*/) override {}
    void on_error(const Error& error) override { errors.push_back(error.message()); }
    void on_note(const std::string& note) override { notes.push_back(note); }
    void on_lost(const Snapshot& /*snapshot*/, const std::string& path) override {
        lost.push_back(path);
    }
    void on_progress(std::uint64_t /*done*/, std::uint64_t /*all*/) override {}
    std::vector<std::string> errors;
    std::vector<std::string> notes;
    std::vector<std::string> lost;
};

struct PruneNotes final : PruneObserver {
    void on_step(const std::string& /*what*/) override {}
    void on_plan(const PrunePlan& plan) override { counts = plan.counts; }
    void on_error(const Error& error) override { errors.push_back(error.message()); }
    void on_progress(const std::string& /*what*/, std::uint64_t /*done*/,
                     std::uint64_t /*all*/) override {}
    PruneCounts counts;
    std::vector<std::string> errors;
};

inline CheckReport CareWorld::check(bool is_data_read) {
    auto repository = open();
    CheckSettings settings;
    settings.data.kind = is_data_read ? DataSubset::Kind::kAll : DataSubset::Kind::kNone;
    CheckNotes notes;
    auto report = Check(*repository, settings, notes).run();
    EXPECT_TRUE(report);
    return report ? *report : CheckReport{};
}

inline Result<std::size_t> CareWorld::prune(PruneSettings settings) {
    auto repository = open();
    RepositoryLock lock(*repository, {LockKind::kExclusive, true, Duration(0)});
    TRY_OK(lock.begin());
    TRY_OK(lock.confirm());
    PruneNotes notes;
    settings.pack_size = 4096;  // NOLINT
    return Prune(*repository, lock, std::move(settings), notes).run();
}

/// A text that hardly compresses, of that size.
inline std::string noise(std::uint64_t seed, std::size_t size) {
    std::mt19937_64 random(seed);
    std::string text;
    while (text.size() < size) {
        text.push_back(static_cast<char>(random()));
    }
    return text;
}

}  // namespace muster::backup::test
