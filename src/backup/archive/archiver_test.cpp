#include "backup/archive/archiver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <stop_token>

#include "backup/archive/exclusions.h"
#include "backup/archive/scan.h"
#include "backup/archive/task_pool.h"
#include "backup/codec/sha256.h"
#include "backup/format/key_file.h"
#include "backup/testing/fake_source.h"
#include "backup/testing/faulty_store.h"
#include "backup/testing/memory_store.h"
#include "backup/testing/test_host.h"

namespace muster::backup {
namespace {

using testing::FakeSource;
using testing::Fault;
using testing::FaultyStore;
using testing::MemoryStore;
using testing::TestHost;

constexpr std::size_t kMiB = 1U << 20U;

std::string noise(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);  // NOLINT: the same for each run.
    std::string text(size, '\0');
    std::ranges::generate(text, [&] { return static_cast<char>(random()); });
    return text;
}

class Notes final : public ArchiveObserver {
  public:
    void on_entry(const std::string& path, const Node& /*node*/, EntryState state) override {
        const std::scoped_lock lock(mutex_);
        states[path] = state;
    }
    void on_problem(const std::string& path, const Error& /*error*/) override {
        const std::scoped_lock lock(mutex_);
        problems.insert(path);
    }
    void on_bytes(std::uint64_t more) override { bytes += more; }
    void on_big_begin(const std::string& path) override {
        const std::scoped_lock lock(mutex_);
        begun.insert(path);
    }
    void on_big_end(const std::string& path) override {
        const std::scoped_lock lock(mutex_);
        ended.insert(path);
    }
    std::map<std::string, EntryState> states;
    std::set<std::string> problems;
    std::set<std::string> begun;
    std::set<std::string> ended;
    std::atomic<std::uint64_t> bytes{0};

  private:
    std::mutex mutex_;
};

class ArchiverTest : public ::testing::Test {
  protected:
    static MemoryStore& made() {
        static MemoryStore* const kMade = [] {
            auto* store = new MemoryStore;  // NOLINT: for all tests
            TestHost host;
            const RepositoryConfig config{2, std::string(64, 'a'), 0x3DA3358B4DC173};
            EXPECT_TRUE(Repository::create({host, *store, nullptr}, Secret("x"), config));
            make_cheap(*store);
            return store;
        }();
        return *kMade;
    }
    /// Seals the master key anew by a key that costs next to nothing to derive.
    static void make_cheap(MemoryStore& store) {
        const StoredName name{FileKind::kKey, store.list(FileKind::kKey)->front().name};
        auto file = decode_key_file(*store.load(name));
        const auto derived = [&] {
            return *derive_key(Secret("x"), bytes_of(file->salt), file->cost);
        };
        Buffer plain(file->data.size() - Sealer::kOverhead);
        EXPECT_TRUE(Sealer(derived()).open(bytes_of(file->data), plain.span()).has_value());
        file->cost = {2, 1, 1};
        Buffer sealed(file->data.size());
        Sealer(derived()).seal(plain.view(), Iv{1}, sealed.span());
        file->data = sealed.text();
        const std::string text = encode_key_file(*file);
        EXPECT_TRUE(store.remove(name).has_value());
        EXPECT_TRUE(store.write({FileKind::kKey, sha256(bytes_of(text)).hex()}, bytes_of(text)));
    }

    ArchiverTest() {
        memory_.files() = made().files();
        open_again();
    }

    void open_again() {
        faulty_.fail(Fault::kDenied, 0, 0);
        auto opened = Repository::open({host_, faulty_, nullptr}, Secret("x"));
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        repository_ = std::move(*opened);
        ASSERT_TRUE(repository_->load_index().has_value());
    }

    Result<ObjectId> archive(ArchiveSettings settings = {}, unsigned threads = 2) {
        if (settings.targets.empty()) {
            settings.targets = {"/top"};
        }
        BlobWriter writer(*repository_, {500'000, Compression::kAuto, threads, false});
        notes_ = std::make_unique<Notes>();
        Archiver archiver(*repository_, source_, writer, *notes_, std::move(settings));
        auto root = archiver.run();
        files_ = archiver.counts().entries;
        problems_ = archiver.counts().problems;
        bytes_ = archiver.counts().bytes;
        return root;
    }
    ObjectId archived(ArchiveSettings settings = {}, unsigned threads = 2) {
        auto root = archive(std::move(settings), threads);
        EXPECT_TRUE(root.has_value()) << root.error().message();
        open_again();
        return root ? *root : ObjectId{};
    }
    std::map<std::string, Node> tree(const ObjectId& root, const std::string& at = "") {
        std::map<std::string, Node> found;
        const auto nodes = repository_->load_tree(root);
        EXPECT_TRUE(nodes.has_value()) << nodes.error().message();
        for (const auto& node : *nodes) {
            found[at + "/" + node.name] = node;
            if (node.subtree) {
                found.merge(tree(*node.subtree, at + "/" + node.name));
            }
        }
        return found;
    }
    std::string content(const Node& node) {
        std::string text;
        for (const auto& id : node.content) {
            const auto blob = repository_->load_blob(BlobType::kData, id);
            EXPECT_TRUE(blob.has_value()) << blob.error().message();
            text += blob ? blob->text() : "?";
        }
        return text;
    }

    void make_tree() {
        for (int i = 0; i < 200; ++i) {
            source_.file("/top/f" + std::to_string(i % 7) + "/s" + std::to_string(i),
                         noise(static_cast<std::size_t>(i) * 97, i));
        }
        source_.file("/top/big", noise(20 * kMiB + 13, 1000));
        source_.file("/top/f1/middle", noise(600'000, 1001));
        source_.file("/top/empty", "");
        source_.folder("/top/bare");
    }

    TestHost host_;
    MemoryStore memory_;
    FaultyStore faulty_{memory_};
    std::unique_ptr<Repository> repository_;
    FakeSource source_;
    std::unique_ptr<Notes> notes_;
    std::uint64_t files_ = 0;
    std::uint64_t problems_ = 0;
    std::uint64_t bytes_ = 0;
};

TEST_F(ArchiverTest, OpensSmallFilesBeforeTheyAreReadButNotTooManyAtOnce) {
    constexpr unsigned kThreads = 32;
    for (unsigned i = 0; i < 5000; ++i) {
        source_.file("/top/" + std::to_string(i), std::to_string(i));
    }
    archived({}, kThreads);
    EXPECT_EQ(files_, 5000U);
    EXPECT_EQ(source_.opened_files, 5000U);
    EXPECT_GT(source_.prepared_files, 32U);
    EXPECT_LE(source_.most_open, 256U + 2 * kThreads);
    EXPECT_EQ(source_.open_files, 0U);
}

TEST_F(ArchiverTest, TheTreeIsTheSameForAnyNumberOfThreads) {
    make_tree();
    std::set<ObjectId> roots;
    for (const unsigned threads : {1U, 2U, 8U, 8U}) {
        memory_.files() = made().files();
        open_again();
        roots.insert(archived({}, threads));
        EXPECT_EQ(files_, 203U);
        EXPECT_EQ(problems_, 0U);
        for (const auto& [path, node] : tree(*roots.begin())) {
            const auto& wanted = source_.at(path);
            ASSERT_EQ(node.type, wanted.node.type) << path;
            ASSERT_TRUE(content(node) == wanted.content) << path;
            ASSERT_EQ(node.size, wanted.content.size()) << path;
            ASSERT_EQ(node.atime, node.mtime);
        }
    }
    EXPECT_EQ(roots.size(), 1U);
}

TEST_F(ArchiverTest, FilesThatGrowWhileTheyAreReadAreKeptAsTheyWere) {
    std::map<std::string, std::string> wanted;
    for (int i = 0; i < 40; ++i) {  // A batch whose files need far more than they said.
        const std::string path = "/top/grown" + std::to_string(i);
        wanted[path] = noise(400'000 + static_cast<std::size_t>(i), i);
        source_.file(path, wanted[path]).node.size = 10;
    }
    wanted["/top/now-big"] = noise(3 * kMiB, 77);
    source_.file("/top/now-big", wanted["/top/now-big"]).node.size = 1;
    wanted["/top/big"] = noise(9 * kMiB, 78);
    source_.file("/top/big", wanted["/top/big"]).node.size = kMiB;
    auto found = tree(archived({}, 1));
    for (const auto& [path, text] : wanted) {
        EXPECT_TRUE(content(found[path]) == text) << path;
        EXPECT_EQ(found[path].size, text.size()) << path;
    }
    EXPECT_EQ(problems_, 0U);
}

TEST_F(ArchiverTest, FilesThatShrinkWhileTheyAreReadAreKeptAsTheyWere) {
    source_.file("/top/was-big", "small").node.size = 10 * kMiB;
    source_.file("/top/was-small", "").node.size = 1000;
    source_.file("/top/less", noise(kMiB, 3)).node.size = 30 * kMiB;
    auto found = tree(archived());
    EXPECT_EQ(content(found["/top/was-big"]), "small");
    EXPECT_EQ(found["/top/was-big"].size, 5U);
    EXPECT_TRUE(found["/top/was-small"].content.empty());
    EXPECT_EQ(found["/top/less"].size, kMiB);
}

TEST_F(ArchiverTest, WhatVanishesIsAsIfItHadNeverBeenThere) {
    const Error gone(Errc::kNotFound, "gone");
    source_.file("/top/stays", "x");
    source_.file("/top/small", "x").fails_to_open = gone;
    source_.file("/top/big", noise(kMiB, 1)).fails_to_open = gone;
    source_.file("/top/folder/in", "x");
    source_.folder("/top/folder").fails_to_open = gone;
    const auto found = tree(archived());
    EXPECT_EQ(found.size(), 2U);
    EXPECT_TRUE(found.contains("/top/stays"));
    EXPECT_EQ(problems_, 0U);
}

TEST_F(ArchiverTest, AFileThatBecameSomethingElseIsNotRead) {
    for (const std::string name : {"/top/small", "/top/big"}) {
        auto& entry = source_.file(name, noise(name == "/top/big" ? kMiB : 9, 1));
        entry.opened = entry.node;
        entry.opened->type = NodeType::kDevice;
    }
    EXPECT_EQ(tree(archived()).size(), 1U);
    EXPECT_EQ(problems_, 0U);
}

TEST_F(ArchiverTest, WhatCannotBeReadIsToldAndTheRestIsSaved) {
    const Error denied(Errc::kDenied, "denied");
    source_.file("/top/stays", "x");
    source_.file("/top/small", "x").fails_to_open = denied;
    source_.file("/top/torn", noise(1000, 1)).fails_to_read = 500;
    source_.file("/top/torn-late", noise(30 * kMiB, 1)).fails_to_read = 20 * kMiB;
    source_.folder("/top/closed").fails_to_open = denied;
    source_.file("/top/unlisted/in", "x");
    source_.folder("/top/unlisted").fails_to_list = denied;
    auto& hung = source_.folder("/top/hung").node;
    hung.type = NodeType::kIrregular;
    hung.error = "transport endpoint is not connected";
    auto& link = source_.folder("/top/link");
    link.node.type = NodeType::kSymlink;
    link.fails_to_tell = denied;
    const auto found = tree(archived());
    EXPECT_EQ(notes_->problems,
              (std::set<std::string>{"/top/small", "/top/torn", "/top/torn-late", "/top/closed",
                                     "/top/unlisted", "/top/hung", "/top/link"}));
    EXPECT_EQ(problems_, 7U);
    EXPECT_EQ(found.size(), 3U);
    EXPECT_TRUE(found.contains("/top/stays"));
    EXPECT_TRUE(found.contains("/top/unlisted")) << "it is there, with nothing in it";
}

TEST_F(ArchiverTest, TellsAllBytesWhetherTheyAreStoredOrWereSoBefore) {
    source_.file("/top/big", noise(20 * kMiB, 1));
    source_.file("/top/small", "content");
    source_.file("/top/empty", "");
    const auto first = archived();
    EXPECT_EQ(notes_->bytes, 20 * kMiB + 7);
    EXPECT_EQ(notes_->begun, std::set<std::string>{"/top/big"});
    EXPECT_EQ(notes_->ended, notes_->begun);
    ArchiveSettings settings;
    settings.parent_tree = first;
    archived(settings);
    EXPECT_EQ(notes_->bytes, 20 * kMiB + 7);
    EXPECT_TRUE(notes_->begun.empty());
}

TEST_F(ArchiverTest, BigFileThatFailsIsEndedToo) {
    source_.file("/top/big", noise(20 * kMiB, 1)).fails_to_read = 9 * kMiB;
    archived();
    EXPECT_EQ(notes_->begun, std::set<std::string>{"/top/big"});
    EXPECT_EQ(notes_->ended, notes_->begun);
    EXPECT_LT(notes_->bytes, 20 * kMiB);
}

TEST_F(ArchiverTest, ScanCountsWhatIsArchived) {
    make_tree();
    source_.file("/top/skip/a", "excluded");
    source_.file("/top/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    source_.file("/top/cache/in", "marked");
    source_.file("/top/closed/in", "not listed");
    source_.folder("/top/closed").fails_to_list = Error(Errc::kDenied, "closed");
    source_.file("/side/one", "named");
    source_.file("/side/other", "not named");
    ExclusionRules rules;
    rules.patterns.exact = {"/top/skip"};
    rules.tags = {TagFile::of_caches()};
    const auto exclusions = Exclusions::make(std::move(rules));
    ArchiveSettings settings;
    settings.targets = {"/top", "/side/one", "/absent"};
    settings.exclusion = &*exclusions;
    ScanCounts counts;
    EXPECT_TRUE(scan_targets(source_, settings, counts, {}));
    archived(settings);
    EXPECT_EQ(counts.entries, files_);
    EXPECT_EQ(counts.bytes, bytes_);
    EXPECT_EQ(counts.bytes, notes_->bytes);
}

TEST_F(ArchiverTest, ScanKnowsNoTotalWhenItIsStoppedOrReadsDevices) {
    make_tree();
    ArchiveSettings settings;
    settings.targets = {"/top"};
    ScanCounts counts;
    std::stop_source stopped;
    stopped.request_stop();
    EXPECT_FALSE(scan_targets(source_, settings, counts, stopped.get_token()));
    EXPECT_EQ(counts.entries, 0U);
    settings.are_devices_read = true;
    EXPECT_FALSE(scan_targets(source_, settings, counts, {}));
}

TEST_F(ArchiverTest, ExcludedEntriesAreNotOpened) {
    source_.file("/top/keep/a", "x");
    source_.file("/top/skip/a", "x").fails_to_open = Error(Errc::kDenied, "opened");
    source_.file("/top/keep/b.o", "x").fails_to_open = Error(Errc::kDenied, "opened");
    source_.file("/top/keep/large", noise(5000, 1));
    source_.file("/top/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    source_.file("/top/cache/in", "x");
    ExclusionRules rules;
    rules.patterns.exact = {"/top/skip", "*.o"};
    rules.larger_than = ByteCount{4000};
    rules.tags = {TagFile::of_caches()};
    const auto exclusions = Exclusions::make(std::move(rules));
    ArchiveSettings settings;
    settings.exclusion = &*exclusions;
    const auto found = tree(archived(std::move(settings)));
    std::set<std::string> names;
    for (const auto& [path, node] : found) {
        names.insert(path);
    }
    EXPECT_EQ(names, (std::set<std::string>{"/top", "/top/cache", "/top/cache/CACHEDIR.TAG",
                                            "/top/keep", "/top/keep/a"}));
    EXPECT_EQ(problems_, 0U);
}

TEST_F(ArchiverTest, WhatIsUnchangedAgainstItsParentIsNotOpened) {
    make_tree();
    const auto parent = archived();
    ArchiveSettings settings;
    settings.parent_tree = parent;
    source_.opened_files = 0;
    EXPECT_EQ(archived(settings), parent);
    EXPECT_EQ(source_.opened_files, 0U);
    EXPECT_EQ(notes_->states["/top/big"], EntryState::kUnmodified);
    EXPECT_EQ(notes_->states["/top/f1"], EntryState::kUnmodified);

    source_.at("/top/f1/middle").node.mtime.nanoseconds = 6;
    source_.at("/top/f2/s2").node.ctime.seconds += 1;
    source_.at("/top/f3/s3").node.inode = 999'999;
    source_.at("/top/f4/s4").node.size += 1;
    source_.file("/top/f5/more", "more");
    source_.opened_files = 0;
    EXPECT_NE(archived(settings), parent);
    EXPECT_EQ(source_.opened_files, 5U);
    EXPECT_EQ(notes_->states["/top/f1/middle"], EntryState::kChanged);
    EXPECT_EQ(notes_->states["/top/f5/more"], EntryState::kNew);
    EXPECT_EQ(notes_->states["/top/f5"], EntryState::kChanged);
    EXPECT_EQ(notes_->states["/top/f6"], EntryState::kUnmodified);

    settings.is_inode_ignored = true;
    settings.is_ctime_ignored = true;
    source_.opened_files = 0;
    archived(settings);
    EXPECT_EQ(source_.opened_files, 3U);
}

TEST_F(ArchiverTest, WhatTheRepositoryHasLostIsReadAgain) {
    make_tree();
    const auto parent = archived();
    const auto lost =
        repository_->index().find(BlobType::kData, tree(parent)["/top/f1/middle"].content.front());
    ASSERT_TRUE(lost.has_value());
    // As after `rebuild-index` without that pack.
    for (const auto& file : *memory_.list(FileKind::kIndex)) {
        ASSERT_TRUE(memory_.remove({FileKind::kIndex, file.name}).has_value());
    }
    open_again();
    ArchiveSettings settings;
    settings.parent_tree = parent;
    const auto again = archived(settings);
    EXPECT_EQ(again, parent);
    EXPECT_TRUE(content(tree(again)["/top/f1/middle"]) == source_.at("/top/f1/middle").content);
}

TEST_F(ArchiverTest, AFailureOfTheStoreAtAnyCallEndsIt) {
    for (int i = 0; i < 40; ++i) {
        source_.file("/top/s" + std::to_string(i), noise(60'000, i));
    }
    source_.file("/top/big", noise(30 * kMiB, 5000));
    bool has_ended = false;
    for (std::uint64_t at = 0; !has_ended; at += 1 + at / 4) {
        memory_.files() = made().files();
        open_again();
        faulty_.fail(Fault::kDenied, at);
        const auto root = archive({}, 1 + at % 3);
        has_ended = faulty_.calls() <= at;
        EXPECT_EQ(root.has_value(), has_ended) << "call " << at;
        ASSERT_LT(at, 500U);
    }
}

TEST_F(ArchiverTest, EndsWhenToldToStop) {
    make_tree();
    host_.is_told_to_stop = true;
    const auto root = archive();
    ASSERT_FALSE(root.has_value());
    EXPECT_EQ(root.error().code(), Errc::kCancelled);
}

TEST_F(ArchiverTest, TargetsStandWhereTheyWereNamed) {
    source_.file("/a/b/c", "1");
    source_.file("/a/b/d", "2");
    source_.file("/a/e", "3");
    ArchiveSettings settings;
    settings.targets = {"/a/b/c", "/a/e"};
    const auto found = tree(archived(settings));
    EXPECT_EQ(found.size(), 4U);
    EXPECT_TRUE(found.contains("/a/b/c") && found.contains("/a/e"));
    settings.targets = {"a/b"};
    EXPECT_TRUE(tree(archived(settings)).contains("/a/b/d"));
    EXPECT_EQ(notes_->states.count("/a/b/d"), 1U) << "known by its whole path";
    settings.targets = {"/a/b/c", "/a/b", "/a/b/d"};
    EXPECT_EQ(tree(archived(settings)).size(), 4U) << "what stands above has it";
    settings.targets = {"."};
    EXPECT_TRUE(tree(archived(settings)).contains("/a/e"));
    settings.targets = {"/absent"};
    const auto absent = archive(settings);
    ASSERT_FALSE(absent.has_value());
    EXPECT_EQ(absent.error().code(), Errc::kNotFound);
}

TEST(TaskPool, HandsOutSoManyBuffersAndNoMore) {
    TaskPool pool(2);
    auto first = *pool.take_buffer(10);
    const auto second = *pool.take_buffer(10);
    bool was_run = false;
    // Who waits for a buffer does the work that holds one.
    pool.push_urgent([&, held = std::move(first)]() -> Result<> {
        was_run = true;
        return {};
    });
    first.reset();
    const auto third = pool.take_buffer(10);
    EXPECT_TRUE(third.has_value());
    EXPECT_TRUE(was_run);
    pool.stop();
    const auto fourth = pool.take_buffer(10);
    ASSERT_FALSE(fourth.has_value());
    EXPECT_EQ(fourth.error().code(), Errc::kCancelled);
}

TEST(TaskPool, TasksThatAreLeftOverGiveTheirBuffersBack) {
    auto pool = std::make_unique<TaskPool>(2);
    auto held = *pool->take_buffer(1000);
    pool->push_urgent([held]() -> Result<> { return {}; });
    held.reset();
    pool->stop();
    EXPECT_TRUE(pool->work().has_value());
    pool.reset();
}

TEST(TaskPool, UrgentWorkGoesFirstAndTheRestDepthFirst) {
    TaskPool pool(1);
    std::string order;
    const auto note = [&](char letter) {
        return [&order, letter]() -> Result<> {
            order += letter;
            return {};
        };
    };
    pool.push(note('a'));
    pool.push(note('b'));
    pool.push_urgent(note('1'));
    pool.push_urgent(note('2'));
    ASSERT_TRUE(pool.work().has_value());
    EXPECT_EQ(order, "12ba");
}

}  // namespace
}  // namespace muster::backup
