#include "adapters/state/sqlite_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>

#include "../../../tests/conformance/store_suite.h"
#include "adapters/state/database.h"
#include "adapters/state/store_file.h"
#include "base/task_group.h"
#include "sim/virtual_clock.h"

namespace muster {
namespace {

using adapters::SqliteStore;
using state::Op;

// A directory that goes with the test.
class Folder {
  public:
    Folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "muster-store-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class SqliteWorld {
  public:
    SqliteWorld() { check_open(reopen()); }
    state::Store& store() { return *store_; }
    SqliteStore& sqlite() { return *store_; }
    Clock& clock() { return clock_; }
    boost::asio::io_context& loop() { return loop_; }
    bool step() {
        loop_.restart();
        if (loop_.poll() > 0) {
            return true;
        }
        return store_->waiting() > 0 ? loop_.run_one() > 0 : clock_.step();
    }
    // Answers that are on their way arrive before time moves.
    void advance(Duration duration) {
        settle();
        clock_.advance(duration);
        settle();
    }
    bool reopen() {
        settle();
        store_.reset();
        auto opened = open();
        if (!opened) {
            ADD_FAILURE() << opened.error().message();
            return false;
        }
        store_ = std::move(*opened);
        return true;
    }
    Result<std::unique_ptr<SqliteStore>> open() {
        return SqliteStore::open(path(), loop_.get_executor(), clock_);
    }
    void close() {
        settle();
        store_.reset();
    }
    [[nodiscard]] std::string path() const { return folder_.file("store.db"); }
    Folder& folder() { return folder_; }

  private:
    static void check_open(bool is_open) { ASSERT_TRUE(is_open); }
    void settle() {
        loop_.restart();
        while (loop_.poll() > 0 || (store_ && store_->waiting() > 0 && loop_.run_one() > 0)) {
            loop_.restart();
        }
    }

    Folder folder_;
    boost::asio::io_context loop_;
    sim::VirtualClock clock_{loop_};
    std::unique_ptr<SqliteStore> store_;
};

using SqliteStores = testing::Types<SqliteWorld>;

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, StoreSuite, SqliteStores);
}  // namespace conformance

namespace {

class SqliteFile : public conformance::StoreSuite<SqliteWorld> {
  protected:
    Error refusal() {
        auto opened = world_.open();
        EXPECT_FALSE(opened);
        return opened ? Error{Errc::kCancelled, "it opened"} : opened.error();
    }
    void damage(std::streamoff from, std::size_t length) {
        std::fstream file(world_.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(from);
        file << std::string(length, 'Z');
    }
    void fill() {
        for (int i = 0; i < 100; ++i) {
            ASSERT_TRUE(put("key/" + std::to_string(i), std::string(1000, 'x')).has_value());
        }
        world_.close();
    }
};

TEST_F(SqliteFile, IsReadableByItsOwnerOnly) {
    struct stat info{};
    ASSERT_EQ(stat(world_.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(SqliteFile, KeepsEverythingAcrossAReopening) {
    const auto lease = grant(std::chrono::seconds(10));
    ASSERT_TRUE(put("held", "x", lease).has_value());
    ASSERT_TRUE(put("free", "y").has_value());
    ASSERT_TRUE(commit({{}, {Op::erase("free")}}).has_value());
    world_.advance(std::chrono::seconds(9));
    ASSERT_TRUE(world_.reopen());
    EXPECT_EQ(get("held")->lease, lease);
    const auto history = run(store().watch("", {1}, deadline()));
    ASSERT_TRUE(history.has_value());
    EXPECT_EQ(history->changes.size(), 3U);
    EXPECT_GT(grant(std::chrono::seconds(1)), lease) << "lease numbers are not used twice";
}

TEST_F(SqliteFile, GivesLeasesAFullTermAfterAReopening) {
    const auto lease = grant(std::chrono::seconds(10));
    ASSERT_TRUE(put("held", "x", lease).has_value());
    world_.advance(std::chrono::seconds(9));
    ASSERT_TRUE(world_.reopen());
    world_.advance(std::chrono::seconds(9));
    EXPECT_TRUE(get("held").has_value());
    world_.advance(std::chrono::seconds(2));
    EXPECT_FALSE(get("held").has_value());
}

TEST_F(SqliteFile, IsHeldByOneAtATimeAndSaysByWhom) {
    const auto error = refusal();
    EXPECT_EQ(error.code(), Errc::kConflict);
    EXPECT_NE(error.message().find("process " + std::to_string(getpid())), std::string::npos)
        << error.message();
    EXPECT_FALSE(error.hint().empty());
}

TEST(StoreLock, WaitsForChildrenThatHoldItUntilTheyRunSomethingElse) {
    const Folder folder;
    auto first = std::make_optional(adapters::StoreLock::take(folder.file("store")));
    ASSERT_TRUE(first->has_value());
    const pid_t child = fork();
    if (child == 0) {
        usleep(200'000);
        _exit(0);
    }
    first.reset();
    EXPECT_TRUE(adapters::StoreLock::take(folder.file("store")));
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(SqliteFile, ThatIsDamagedIsCorruptWithTheNextCommand) {
    fill();
    damage(8192, 20'000);
    const auto error = refusal();
    EXPECT_EQ(error.code(), Errc::kCorrupt) << error.message();
    EXPECT_NE(error.hint().find(".recover"), std::string::npos);
}

TEST_F(SqliteFile, WithoutItsHeaderIsCorrupt) {
    fill();
    damage(0, 100);
    EXPECT_EQ(refusal().code(), Errc::kCorrupt);
}

TEST_F(SqliteFile, ThatWasTruncatedIsCorrupt) {
    fill();
    std::filesystem::resize_file(world_.path(), 5000);
    EXPECT_EQ(refusal().code(), Errc::kCorrupt);
    std::filesystem::resize_file(world_.path(), 0);
    EXPECT_EQ(refusal().code(), Errc::kCorrupt) << "an empty file is a loss, not a beginning";
}

TEST_F(SqliteFile, OfANewerFormatIsRefused) {
    world_.close();
    {
        auto database = adapters::Database::open(world_.path()).value();
        ASSERT_TRUE(database.execute("UPDATE meta SET value = 99 WHERE name = 'format'"));
    }
    const auto error = refusal();
    EXPECT_EQ(error.code(), Errc::kInvalid);
    EXPECT_NE(error.message().find("format 99"), std::string::npos);
}

TEST_F(SqliteFile, OfAnotherProgramIsRefused) {
    world_.close();
    std::filesystem::remove(world_.path());
    {
        auto database = adapters::Database::open(world_.path()).value();
        ASSERT_TRUE(database.execute("CREATE TABLE recipes(name TEXT)"));
    }
    EXPECT_EQ(refusal().code(), Errc::kInvalid);
}

TEST_F(SqliteFile, OfNoFormatIsCorrupt) {
    world_.close();
    {
        auto database = adapters::Database::open(world_.path()).value();
        ASSERT_TRUE(database.execute("UPDATE meta SET value = 0 WHERE name = 'format'"));
    }
    EXPECT_EQ(refusal().code(), Errc::kCorrupt);
}

// A sync of a file that grows is twice as dear.
TEST_F(SqliteFile, HasALogOfItsWholeSizeFromTheStart) {
    EXPECT_GE(std::filesystem::file_size(world_.path() + "-wal"), 4U << 20U);
}

TEST_F(SqliteFile, LockedByAnotherProgramIsUnavailableAndRecovers) {
    auto other = adapters::Database::open(world_.path()).value();
    ASSERT_TRUE(other.execute("BEGIN IMMEDIATE"));
    const auto refused = put("k", "v");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kUnavailable);
    EXPECT_NE(refused.error().message().find("locked by another program"), std::string::npos);
    EXPECT_NE(refused.error().hint().find("fuser -v " + world_.path()), std::string::npos);
    ASSERT_TRUE(other.execute("ROLLBACK"));
    EXPECT_FALSE(get("k").has_value()) << "nothing had happened";
    EXPECT_TRUE(put("k", "v").has_value());
}

TEST_F(SqliteFile, ThatMayNotGrowIsUnavailableAndRecovers) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit tight = before;
    tight.rlim_cur = 1;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
    const auto refused = put("k", "v");
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kUnavailable) << refused.error().message();
    EXPECT_NE(refused.error().message().find("refused a write"), std::string::npos)
        << refused.error().message();
    EXPECT_FALSE(get("k").has_value());
    EXPECT_TRUE(put("k", "v").has_value());
    ASSERT_TRUE(world_.reopen());
    EXPECT_TRUE(get("k").has_value());
}

TEST_F(SqliteFile, InAMissingDirectoryIsNotFound) {
    const auto opened = SqliteStore::open(world_.folder().file("missing/store.db"),
                                          world_.loop().get_executor(), world_.clock());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::kNotFound);
}

TEST_F(SqliteFile, InAReadOnlyDirectoryIsDenied) {
    const auto folder = world_.folder().file("readonly");
    std::filesystem::create_directory(folder);
    chmod(folder.c_str(), 0555);
    chmod(world_.folder().path().c_str(), 0755);
    // As root every directory can be written: so as nobody, in a child.
    const pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0) {
            _exit(99);
        }
        boost::asio::io_context loop;
        sim::VirtualClock clock(loop);
        const auto opened = SqliteStore::open(folder + "/s.db", loop.get_executor(), clock);
        _exit(!opened && opened.error().code() == Errc::kDenied ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(SqliteFile, ForgetsOldHistoryButNotKeys) {
    std::vector<Pending<state::Revision>> puts;
    for (int i = 0; i < 10'300; ++i) {
        puts.push_back(begin(store().commit({{}, {Op::put("k", std::to_string(i))}}, deadline())));
    }
    for (auto& each : puts) {
        ASSERT_TRUE(finish(std::move(each)).has_value());
    }
    const auto old = run(store().watch("k", {1}, deadline()));
    ASSERT_FALSE(old);
    EXPECT_EQ(old.error().code(), Errc::kNotFound);
    EXPECT_EQ(run(store().watch("k", {301}, deadline()))->changes.size(), 10'000U);
    EXPECT_EQ(get("k")->value, "10299");
    ASSERT_TRUE(world_.reopen());
    EXPECT_EQ(run(store().revision(deadline()))->value, 10'300);
}

// Revisions must never be used twice, whatever the last of them did.
TEST_F(SqliteFile, KeepsItsRevisionOverARestart) {
    ASSERT_TRUE(put("k", "v"));
    ASSERT_TRUE(run(store().commit({{}, {Op::erase("k"), Op::put("l", "w")}}, deadline())));
    ASSERT_TRUE(world_.reopen());
    EXPECT_EQ(run(store().revision(deadline()))->value, 2);
    const auto changes = run(store().watch("", {2}, deadline()));
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->changes.size(), 2U);
    EXPECT_EQ(changes->changes[0].kind, Op::Kind::kDelete);
    EXPECT_EQ(changes->changes[1].entry.modified.value, 2);
    ASSERT_TRUE(put("k", "x"));
    EXPECT_EQ(get("k")->modified.value, 3);
}

TEST_F(SqliteFile, OfFormat1IsTakenOver) {
    world_.close();
    std::filesystem::remove(world_.path());
    {
        auto database = adapters::Database::open(world_.path()).value();
        ASSERT_TRUE(database.execute(R"(
            CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
            CREATE TABLE kv(key BLOB PRIMARY KEY, value BLOB NOT NULL, created INTEGER NOT NULL,
                            modified INTEGER NOT NULL, lease INTEGER NOT NULL);
            CREATE INDEX kv_lease ON kv(lease) WHERE lease <> 0;
            CREATE TABLE leases(id INTEGER PRIMARY KEY, ttl_ns INTEGER NOT NULL);
            CREATE TABLE history(id INTEGER PRIMARY KEY, revision INTEGER NOT NULL,
                                 kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
                                 created INTEGER NOT NULL, lease INTEGER NOT NULL);
            CREATE INDEX history_revision ON history(revision);
            INSERT INTO meta VALUES ('format', 1), ('revision', 7), ('compacted', 5),
                                    ('last_lease', 3);
            INSERT INTO leases VALUES (3, 60000000000);
            INSERT INTO kv VALUES (x'6b', x'76', 2, 7, 0), (x'6c', x'77', 6, 6, 3);
            INSERT INTO history VALUES (40, 6, 1, x'6d', x'', 0, 0), (41, 6, 0, x'6c', x'77', 6, 3),
                                       (42, 7, 0, x'6b', x'76', 2, 0);
            PRAGMA application_id = 1836413812;)"));
    }
    ASSERT_TRUE(world_.reopen());
    EXPECT_EQ(get("k")->value, "v");
    EXPECT_EQ(get("k")->created.value, 2);
    EXPECT_EQ(get("l")->lease.value, 3);
    const auto changes = run(store().watch("", {6}, deadline()));
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->changes.size(), 3U);
    EXPECT_EQ(changes->changes[0].entry.key, "m");
    EXPECT_EQ(changes->changes[1].entry.modified.value, 6);
    EXPECT_EQ(changes->changes[2].entry.modified.value, 7);
    EXPECT_EQ(run(store().watch("", {5}, deadline())).error().code(), Errc::kNotFound);
    ASSERT_TRUE(put("n", "x"));
    EXPECT_EQ(get("n")->modified.value, 8);
    EXPECT_EQ(run(store().grant(std::chrono::minutes(1), deadline()))->value, 4);
    ASSERT_TRUE(world_.reopen());
    EXPECT_EQ(get("n")->value, "x");
}

TEST_F(SqliteFile, RefusesACallWithoutTime) {
    const auto late = run(store().get("k", world_.clock().now()));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Errc::kTimedOut);
}

TEST_F(SqliteFile, RefusesALeaseWithoutATerm) {
    EXPECT_EQ(run(store().grant(Duration::zero(), deadline())).error().code(), Errc::kInvalid);
}

TEST_F(SqliteFile, AnswersManyCallsWithFewSyncs) {
    // 2,000 commits one by one need some 2,000 syncs; together they are a handful of batches. What
    // is asserted is the meaning: all are there, each with a revision of its own.
    std::vector<Pending<state::Revision>> puts;
    for (int i = 0; i < 2'000; ++i) {
        puts.push_back(
            begin(store().commit({{}, {Op::put("k/" + std::to_string(i), "v")}}, deadline())));
    }
    std::set<std::int64_t> revisions;
    for (auto& each : puts) {
        revisions.insert(finish(std::move(each)).value().value);
    }
    EXPECT_EQ(revisions.size(), 2'000U);
    EXPECT_EQ(*revisions.rbegin(), 2'000);
}

Task<> watch_and_tell(state::Store& store, Instant until, Errc& code) {
    const auto seen = co_await store.watch("k", {1}, until);
    code = seen ? Errc::kNotFound : seen.error().code();
    co_return Result<>{};
}

TEST_F(SqliteFile, LetsAStoppedTaskGo) {
    TaskGroup group(world_.loop().get_executor());
    Errc code = Errc::kCorrupt;
    group.spawn(watch_and_tell(store(), deadline() + std::chrono::hours(1), code));
    world_.loop().poll();
    EXPECT_TRUE(run(group.stop()));
    EXPECT_EQ(code, Errc::kCancelled);
}

TEST_F(SqliteFile, OnAFullDiskIsUnavailableAndRecovers) {
    const auto place = world_.folder().file("small");
    std::filesystem::create_directory(place);
    if (mount("muster-test", place.c_str(), "tmpfs", 0, "size=600k") != 0) {
        GTEST_SKIP() << "may not mount a small disk";
    }
    {
        auto opened =
            SqliteStore::open(place + "/s.db", world_.loop().get_executor(), world_.clock());
        ASSERT_TRUE(opened) << opened.error().message();
        auto& small = **opened;
        const auto write = [&](int i) {
            auto pending = begin(small.commit(
                {{}, {Op::put("k" + std::to_string(i), std::string(20'000, 'x'))}}, deadline()));
            world_.loop().restart();
            while (!pending.is_done() && world_.loop().run_one() > 0) {
            }
            return std::move(**pending.result);
        };
        std::ofstream(place + "/ballast") << std::string(200'000, 'b');
        int count = 0;
        auto last = write(0);
        while (last && count < 100) {
            last = write(++count);
        }
        ASSERT_FALSE(last);
        EXPECT_EQ(last.error().code(), Errc::kUnavailable) << last.error().message();
        EXPECT_NE(last.error().message().find("full"), std::string::npos) << last.error().message();
        std::filesystem::remove(place + "/ballast");
        const auto after = write(count);
        EXPECT_TRUE(after) << after.error().message();
    }
    EXPECT_EQ(umount(place.c_str()), 0);
}

// Commits as fast as it can and reports each acknowledged number through the pipe.
Task<> commit_for_ever(state::Store& store, Clock& clock, int report, int first) {
    for (int i = first;; i += 4) {
        state::Transaction put{{}, {Op::put("n/" + std::to_string(i), "v")}};
        CO_TRY_OK(co_await store.commit(std::move(put), clock.now() + std::chrono::hours(1)));
        if (write(report, &i, sizeof i) != sizeof i) {
            _exit(1);
        }
    }
}

[[noreturn]] void commit_until_killed(const std::string& path, int report, int first) {
    boost::asio::io_context loop;
    sim::VirtualClock clock(loop);
    auto opened = SqliteStore::open(path, loop.get_executor(), clock);
    if (!opened) {
        _exit(2);
    }
    TaskGroup group(loop.get_executor());
    for (int lane = 0; lane < 4; ++lane) {
        group.spawn(commit_for_ever(**opened, clock, report, first + lane));
    }
    loop.run();
    _exit(3);
}

TEST_F(SqliteFile, LosesNoAcknowledgedCommitToTwentyKills) {
    world_.close();
    std::set<int> acknowledged;
    for (int round = 0; round < 20; ++round) {
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        const pid_t child = fork();
        if (child == 0) {
            ::close(ends[0]);
            commit_until_killed(world_.path(), ends[1], round * 1'000'000);
        }
        ::close(ends[1]);
        int number = 0;
        for (int i = 0; i < 20 + round * 7; ++i) {
            ASSERT_EQ(read(ends[0], &number, sizeof number), static_cast<long>(sizeof number));
            acknowledged.insert(number);
        }
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        while (read(ends[0], &number, sizeof number) == sizeof number) {
            acknowledged.insert(number);
        }
        ::close(ends[0]);
    }
    ASSERT_TRUE(world_.reopen());
    const auto found = keys({"n/", "", 0});
    const std::set<std::string> kept(found.begin(), found.end());
    for (const int number : acknowledged) {
        ASSERT_TRUE(kept.contains("n/" + std::to_string(number))) << number;
    }
    EXPECT_LE(kept.size(), acknowledged.size() + 20 * 4) << "at most one more of each lane";
}

}  // namespace
}  // namespace muster
