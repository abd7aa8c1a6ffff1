#include "backup/repository_lock.h"

#include <gtest/gtest.h>

#include <thread>

#include "backup/testing/faulty_store.h"
#include "backup/testing/memory_store.h"
#include "backup/testing/test_host.h"

namespace muster::backup {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Fault;
using testing::FaultyStore;
using testing::MemoryStore;
using testing::TestHost;

class RepositoryLockTest : public ::testing::Test {
  protected:
    static constexpr LockSettings kShared{LockKind::kShared, true, {}};
    static constexpr LockSettings kExclusive{LockKind::kExclusive, true, {}};

    RepositoryLockTest() {
        other_host_.who = {"elsewhere", "other", 9, 9, 5};
        other_host_.alive = {5};
    }

    std::vector<std::string> locks() {
        std::vector<std::string> names;
        for (const auto& file : *memory_.list(FileKind::kLock)) {
            names.push_back(file.name);
        }
        return names;
    }
    /// Waits in real time for what another thread does.
    template <class Condition>
    static bool eventually(const Condition& is_so) {
        for (int i = 0; i < 4000 && !is_so(); ++i) {
            std::this_thread::sleep_for(milliseconds(5));
        }
        return is_so();
    }
    static Errc code_of(const Result<>& result) {
        EXPECT_FALSE(result.has_value());
        return result ? Errc::kInvalid : result.error().code();
    }
    static Result<> take(RepositoryLock& lock) {
        TRY_OK(lock.begin());
        return lock.confirm();
    }

    TestHost host_;
    TestHost other_host_;
    MemoryStore memory_;
    FaultyStore store_{memory_};
    Repository repository_{{host_, store_, nullptr}, MasterKey(), ""};
    Repository other_{{other_host_, memory_, nullptr}, MasterKey(), ""};
};

TEST_F(RepositoryLockTest, SaysWhoHoldsItSinceWhen) {
    host_.offset = 3600;
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    const auto found = read_locks(other_);
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().holder.hostname, "here");
    EXPECT_EQ(found->front().holder.username, "somebody");
    EXPECT_EQ(found->front().holder.pid, 4711);
    EXPECT_EQ(format_wall(found->front().time), "2026-11-21T20:00:00.000Z");
    const auto json = other_.load_unpacked(FileKind::kLock, found->front().id);
    EXPECT_EQ(json->text(), R"({"time":"2026-11-21T21:00:00+01:00","exclusive":false,)"
                            R"("hostname":"here","username":"somebody","pid":4711,"uid":7,)"
                            R"("gid":8})");
}

TEST_F(RepositoryLockTest, SharedOnesStandSideBySideExclusiveOnesAlone) {
    RepositoryLock first(repository_, kShared);
    RepositoryLock second(other_, kShared);
    ASSERT_TRUE(take(first).has_value());
    ASSERT_TRUE(take(second).has_value());
    RepositoryLock alone(other_, kExclusive);
    EXPECT_EQ(code_of(alone.begin()), Errc::kConflict);
    first.release();
    EXPECT_EQ(code_of(alone.begin()), Errc::kConflict);
    second.release();
    ASSERT_TRUE(take(alone).has_value());
    EXPECT_EQ(code_of(first.begin()), Errc::kConflict);
    RepositoryLock another(repository_, kExclusive);
    EXPECT_EQ(code_of(another.begin()), Errc::kConflict);
    EXPECT_EQ(locks().size(), 1U) << "who was refused leaves nothing";
}

TEST_F(RepositoryLockTest, WhereNothingMayBeWrittenItSaysHowToReadAllTheSame) {
    store_.fail(Fault::kDenied, 1);
    RepositoryLock lock(repository_, kShared);
    const auto begun = lock.begin();
    ASSERT_EQ(code_of(begun), Errc::kDenied);
    EXPECT_NE(begun.error().hint().find("--no-lock"), std::string::npos);
    EXPECT_TRUE(begun.error().message().starts_with("can't lock the repository: "));
}

TEST_F(RepositoryLockTest, EndsWithItsObject) {
    {
        RepositoryLock lock(repository_, kExclusive);
        ASSERT_TRUE(take(lock).has_value());
        EXPECT_EQ(locks().size(), 1U);
    }
    EXPECT_TRUE(locks().empty());
}

TEST_F(RepositoryLockTest, OfTwoThatBeginAtOnceOneWithdraws) {
    RepositoryLock mine(repository_, kExclusive);
    RepositoryLock theirs(other_, kExclusive);
    ASSERT_TRUE(mine.begin().has_value());
    // Their look came before our lock was there.
    auto held = std::move(memory_.files());
    memory_.files().clear();
    ASSERT_TRUE(theirs.begin().has_value());
    memory_.files().merge(held);
    EXPECT_EQ(code_of(mine.confirm()), Errc::kConflict);
    EXPECT_EQ(locks().size(), 1U);
    EXPECT_TRUE(theirs.confirm().has_value());
}

TEST_F(RepositoryLockTest, LooksAgainAfter200Milliseconds) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(lock.begin().has_value());
    const auto before = host_.now();
    ASSERT_TRUE(lock.confirm().has_value());
    EXPECT_GE(host_.now() - before, milliseconds(200));
}

TEST_F(RepositoryLockTest, VerifyLooks200MillisecondsAfterItWasWrittenAtTheEarliest) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(lock.begin().has_value());
    const auto before = host_.now();
    host_.on_pause = [&] { EXPECT_TRUE(RepositoryLock(other_, kShared).begin().has_value()); };
    ASSERT_TRUE(lock.verify().has_value());
    EXPECT_EQ(host_.now() - before, milliseconds(200));
    ASSERT_TRUE(lock.verify().has_value());
    EXPECT_EQ(host_.now() - before, milliseconds(200)) << "and does not wait again";
}

TEST_F(RepositoryLockTest, WhoWorkedBeforeItWasConfirmedCommitsNothingBesideAnother) {
    RepositoryLock theirs(other_, kExclusive);
    ASSERT_TRUE(theirs.begin().has_value());
    auto held = std::move(memory_.files());
    memory_.files().clear();
    RepositoryLock mine(repository_, kShared);
    ASSERT_TRUE(mine.begin().has_value());
    memory_.files().merge(held);
    EXPECT_EQ(code_of(mine.keep_while([&] { return mine.verify(); })), Errc::kConflict);
    const auto missed = mine.keep_while([] { return Error(Errc::kNotFound, "no pack"); });
    ASSERT_EQ(code_of(missed), Errc::kConflict);
    EXPECT_TRUE(missed.error().message().starts_with("the repository is locked exclusively"));
    EXPECT_TRUE(missed.error().message().ends_with("no pack"));
    const auto full = mine.keep_while([] { return Error(Errc::kUnavailable, "disk is full"); });
    EXPECT_EQ(code_of(full), Errc::kUnavailable);
    theirs.release();
    EXPECT_EQ(code_of(mine.keep_while([] { return Error(Errc::kNotFound, "no pack"); })),
              Errc::kNotFound);
}

TEST_F(RepositoryLockTest, AsksAgainForAsLongAsItMay) {
    RepositoryLock theirs(other_, kExclusive);
    ASSERT_TRUE(take(theirs).has_value());
    RepositoryLock brief(repository_, {LockKind::kShared, true, seconds(10)});
    const auto before = host_.now();
    EXPECT_EQ(code_of(brief.begin()), Errc::kConflict);
    EXPECT_EQ(host_.now() - before, seconds(10));
    host_.on_pause = [&] {
        if (host_.now() - before > seconds(14)) {
            theirs.release();
        }
    };
    EXPECT_TRUE(brief.begin().has_value());
    brief.release();
    host_.on_pause = nullptr;
    ASSERT_TRUE(take(theirs).has_value());
    host_.is_told_to_stop = true;
    const auto stopped = host_.now();
    EXPECT_EQ(code_of(brief.begin()), Errc::kConflict);
    EXPECT_EQ(host_.now(), stopped) << "told to stop, it does not wait";
}

TEST_F(RepositoryLockTest, RemovesTheLocksOfTheDead) {
    RepositoryLock dead(repository_, kExclusive);
    ASSERT_TRUE(take(dead).has_value());
    RepositoryLock next(repository_, kShared);
    EXPECT_EQ(code_of(next.begin()), Errc::kConflict);
    host_.alive.clear();
    EXPECT_TRUE(next.begin().has_value());
    EXPECT_EQ(locks().size(), 1U);
}

TEST_F(RepositoryLockTest, OfAnotherMachineOnlyTimeTells) {
    RepositoryLock theirs(other_, kExclusive);
    ASSERT_TRUE(take(theirs).has_value());
    RepositoryLock mine(repository_, kShared);
    host_.advance(minutes(30));
    EXPECT_EQ(code_of(mine.begin()), Errc::kConflict);
    host_.advance(seconds(1));
    EXPECT_TRUE(mine.begin().has_value());
}

TEST_F(RepositoryLockTest, ALockOfAnyYearIsJudged) {
    LockFile lock;
    lock.holder.hostname = "elsewhere";
    lock.time = WallTime(seconds(-62'135'596'800));  // Year 1: Go's time of nothing.
    EXPECT_TRUE(is_stale(lock, host_));
    lock.time = WallTime(seconds(253'402'300'799));  // Year 9999.
    EXPECT_FALSE(is_stale(lock, host_));
}

TEST_F(RepositoryLockTest, OneThatCannotBeReadMayBeAnybodys) {
    const std::string name(64, 'a');
    ASSERT_TRUE(memory_.write({FileKind::kLock, name}, bytes_of("no lock")).has_value());
    RepositoryLock lock(repository_, kShared);
    EXPECT_EQ(code_of(lock.begin()), Errc::kCorrupt);
    memory_.files().clear();
    ASSERT_TRUE(memory_.write({FileKind::kLock, name}, {}).has_value());
    EXPECT_TRUE(lock.begin().has_value()) << "one of no length is passed over";
}

TEST_F(RepositoryLockTest, IsRenewedEveryFiveMinutes) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    const auto worked = lock.keep_while([&]() -> Result<> {
        for (int turn = 0; turn < 2; ++turn) {
            const auto before = locks();
            host_.advance(minutes(5) + seconds(1));
            EXPECT_TRUE(eventually([&] { return locks().size() == 1 && locks() != before; }));
        }
        return lock.verify();
    });
    EXPECT_TRUE(worked.has_value());
    const auto found = read_locks(repository_);
    EXPECT_GE(found->front().time - WallTime(), host_.wall() - WallTime() - seconds(1));
    EXPECT_FALSE(lock.is_lost());
    lock.release();
    EXPECT_TRUE(locks().empty());
}

TEST_F(RepositoryLockTest, IsLostWhenTheMachineStoodStill) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    const auto worked = lock.keep_while([&]() -> Result<> {
        host_.advance(minutes(22) + seconds(31));
        EXPECT_TRUE(eventually([&] { return lock.is_lost(); }));
        return lock.verify();
    });
    EXPECT_EQ(code_of(worked), Errc::kConflict);
}

TEST_F(RepositoryLockTest, IsLostWhenTheStoreWasAway) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    const auto worked = lock.keep_while([&]() -> Result<> {
        store_.fail(Fault::kUnavailable, 0, 1'000'000);
        host_.advance(minutes(6));
        EXPECT_TRUE(eventually([&] { return store_.calls() > 1; })) << "it tries again";
        EXPECT_FALSE(lock.is_lost());
        host_.advance(minutes(17));
        EXPECT_TRUE(eventually([&] { return lock.is_lost(); }));
        store_.fail(Fault::kUnavailable, 0, 0);
        return lock.verify();
    });
    EXPECT_EQ(code_of(worked), Errc::kConflict);
}

TEST_F(RepositoryLockTest, IsKeptWhenTheStoreComesBackInTime) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    const auto worked = lock.keep_while([&]() -> Result<> {
        store_.fail(Fault::kLostReply, 0, 2);
        host_.advance(minutes(6));
        EXPECT_TRUE(eventually([&] { return store_.calls() >= 4; }));
        return lock.verify();
    });
    EXPECT_TRUE(worked.has_value());
}

TEST_F(RepositoryLockTest, VerifyNoticesThatSomebodyRemovedIt) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    EXPECT_TRUE(lock.verify().has_value());
    EXPECT_EQ(*remove_locks(other_, true), 1U);
    EXPECT_EQ(code_of(lock.verify()), Errc::kConflict);
}

TEST_F(RepositoryLockTest, VerifyNoticesAnotherThatMayNotBeThere) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    auto held = std::move(memory_.files());
    memory_.files().clear();
    RepositoryLock theirs(other_, kExclusive);
    ASSERT_TRUE(theirs.begin().has_value());
    memory_.files().merge(held);
    EXPECT_EQ(code_of(lock.verify()), Errc::kConflict);
}

TEST_F(RepositoryLockTest, VerifyFailsWhenTheStoreDoes) {
    RepositoryLock lock(repository_, kShared);
    ASSERT_TRUE(take(lock).has_value());
    store_.fail(Fault::kUnavailable, 0, 1);
    EXPECT_EQ(code_of(lock.verify()), Errc::kUnavailable);
}

TEST_F(RepositoryLockTest, UnlockingRemovesTheStaleOnesOrAll) {
    RepositoryLock theirs(other_, kShared);
    RepositoryLock mine(repository_, kShared);
    ASSERT_TRUE(take(theirs).has_value());
    ASSERT_TRUE(take(mine).has_value());
    EXPECT_EQ(*remove_locks(repository_, false), 0U);
    host_.alive.clear();
    EXPECT_EQ(*remove_locks(repository_, false), 1U);
    EXPECT_EQ(*remove_locks(repository_, true), 1U);
    EXPECT_TRUE(locks().empty());
}

TEST_F(RepositoryLockTest, NoneIsWrittenWhenNoneIsWanted) {
    RepositoryLock theirs(other_, kExclusive);
    ASSERT_TRUE(take(theirs).has_value());
    RepositoryLock lock(repository_, {LockKind::kShared, false, {}});
    EXPECT_TRUE(take(lock).has_value());
    EXPECT_TRUE(lock.keep_while([] { return Result<>(); }).has_value());
    EXPECT_TRUE(lock.verify().has_value());
    EXPECT_EQ(locks().size(), 1U);
}

}  // namespace
}  // namespace muster::backup
