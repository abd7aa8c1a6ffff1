#include "protection/judge.h"

#include <gtest/gtest.h>

#include "protection/due.h"

namespace muster::protection {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

const WallTime kNoon{std::chrono::hours(24 * 20'000 + 12)};

Job job(std::string_view when = "6h") {
    Job made;
    made.id = {ServiceId("shop"), ComponentId("orders"), "vault"};
    made.backup.schedule = plan::parse_schedule(when).value();
    made.backup.verify = plan::parse_schedule("daily").value();
    made.site = SiteId("east");
    made.epoch = Epoch{3};
    return made;
}

Taken taken(WallTime at, Epoch epoch = {3}) {
    return {"snapshot", at, SiteId("east"), epoch, {10, ByteCount{1000}}, {}, {}};
}

Extent extent(std::int64_t files, std::int64_t bytes) {
    return {files, ByteCount{bytes}};
}

TEST(Doubt, MeetsWhatIsEmptyFromTheFirstBackupOn) {
    EXPECT_TRUE(doubt({}, extent(0, 0)));
    EXPECT_TRUE(doubt({}, extent(3, 0)));
    EXPECT_FALSE(doubt({}, extent(1, 1)));
}

TEST(Doubt, MeetsAFallByMoreThanHalfAgainstTheMedian) {
    const std::vector<Extent> before{extent(100, 1000), extent(1, 1), extent(100, 1000)};
    EXPECT_FALSE(doubt(before, extent(50, 500))) << "by half, not by more";
    EXPECT_TRUE(doubt(before, extent(49, 1000)));
    EXPECT_TRUE(doubt(before, extent(100, 499)));
    EXPECT_FALSE(doubt(before, extent(100, 900'000)));
}

TEST(Doubt, LeavesAloneWhatAPersonKnowsToBeEmpty) {
    EXPECT_FALSE(doubt({extent(3, 0)}, extent(3, 0)));
    EXPECT_FALSE(doubt({extent(0, 0)}, extent(0, 0)));
}

TEST(Judge, ProtectsNothingBeforeARestoreWasVerified) {
    JobRecord record;
    EXPECT_EQ(judge(job(), record, kNoon).state, "unverified");
    record.good = taken(kNoon - 1h);
    const auto standing = judge(job(), record, kNoon);
    EXPECT_EQ(standing.state, "unverified");
    EXPECT_FALSE(standing.is_protected);
    EXPECT_FALSE(standing.verified_age) << "unknown, not zero";
}

TEST(Judge, MeasuresTheAgeOfTheDataNotOfTheTrial) {
    JobRecord record;
    record.good = taken(kNoon - 1h);
    record.verified = taken(kNoon - 7h);
    record.tried = kNoon - 1min;
    const auto standing = judge(job(), record, kNoon);
    EXPECT_TRUE(standing.is_protected);
    EXPECT_EQ(standing.verified_age, 7h);
}

TEST(Judge, IsExposedAfterAMoveUntilTheNewPrimarysBackupIsVerified) {
    JobRecord record;
    record.good = taken(kNoon - 1min);
    record.verified = taken(kNoon - 1h, Epoch{2});
    EXPECT_EQ(judge(job(), record, kNoon).state, "exposed");
    EXPECT_FALSE(judge(job(), record, kNoon).is_protected);
    record.verified = record.good;
    EXPECT_TRUE(judge(job(), record, kNoon).is_protected);
}

TEST(Judge, IsOverdueAfterATrialAndABackupWereMissed) {
    JobRecord record;
    record.verified = taken(kNoon - 33h);  // 24h + 6h, and a tenth
    EXPECT_TRUE(judge(job(), record, kNoon).is_protected);
    EXPECT_EQ(judge(job(), record, kNoon + 1s).state, "overdue");
    EXPECT_FALSE(judge(job(), record, kNoon + 1s).is_protected);
}

TEST(Judge, AllowsForTheTimeThatABackupTakes) {
    JobRecord record;
    record.good = record.verified = taken(kNoon - 34h);
    EXPECT_EQ(judge(job(), record, kNoon).state, "overdue");
    record.good->took = 30min;
    EXPECT_TRUE(judge(job(), record, kNoon).is_protected);
}

TEST(Judge, TakesNoEvidenceFromTheFuture) {
    JobRecord record;
    record.verified = taken(kNoon + 1h);
    EXPECT_FALSE(judge(job(), record, kNoon).is_protected);
    EXPECT_FALSE(judge(job(), record, kNoon).verified_age);
}

TEST(Judge, SaysWhatIsWrongWithTheNewestThoughAnOlderOneProtects) {
    JobRecord record;
    record.good = record.verified = taken(kNoon - 1h);
    record.doubtful = taken(kNoon);
    record.doubt = "it is empty";
    EXPECT_EQ(judge(job(), record, kNoon).state, "suspicious");
    EXPECT_TRUE(judge(job(), record, kNoon).is_protected);
    record.doubtful.reset();
    record.trial.failures = 1;
    EXPECT_EQ(judge(job(), record, kNoon).state, "failed");
}

TEST(MayForget, WaitsForAPersonAndAfterALongGapForATrial) {
    JobRecord record;
    EXPECT_FALSE(may_forget(record));
    record.good = taken(kNoon);
    EXPECT_TRUE(may_forget(record));
    record.is_forget_held = true;
    EXPECT_FALSE(may_forget(record));
    record.verified = record.good;
    EXPECT_TRUE(may_forget(record));
    record.doubtful = taken(kNoon);
    EXPECT_FALSE(may_forget(record));
    EXPECT_FALSE(is_long_gap(job().backup, std::nullopt, kNoon));
    EXPECT_FALSE(is_long_gap(job().backup, kNoon - 7 * 24h, kNoon));
    EXPECT_TRUE(is_long_gap(job().backup, kNoon - 7 * 24h - 1s, kNoon));
}

class Due : public testing::Test {
  protected:
    [[nodiscard]] WallTime backup(const Job& wanted, WallTime now) const {
        return backup_due(wanted, record_, TimeZone(), {now, started_});
    }
    Due() { record_.first_seen = kNoon - 24h; }
    WallTime started_ = kNoon - 24h;
    JobRecord record_;
};

TEST_F(Due, FirstComesAtOnceByAnIntervalAndInItsTimeByTheCalendar) {
    record_.first_seen = kNoon;
    EXPECT_EQ(backup(job("6h"), kNoon), kNoon);
    EXPECT_EQ(backup(job("02:00"), kNoon), kNoon + 14h);
}

TEST_F(Due, ComesOnceAfterThisNodeWasDown) {
    record_.covered = kNoon - 100h;
    record_.good = taken(kNoon - 100h);
    started_ = kNoon;
    EXPECT_EQ(backup(job("02:00"), kNoon + 1s), kNoon) << "missed: soon after the start";
    record_.covered = kNoon;
    record_.good = taken(kNoon);
    EXPECT_EQ(backup(job("02:00"), kNoon + 1min), kNoon + 14h) << "once, not four times";
}

TEST_F(Due, ComesAtOnceAfterAMove) {
    record_.covered = kNoon - 1min;
    record_.good = taken(kNoon - 1min, Epoch{2});
    EXPECT_LE(backup(job("02:00"), kNoon), kNoon);
}

TEST_F(Due, WaitsForItsRetryAfterAFailure) {
    record_.covered = kNoon - 1min;
    record_.backup = {1, kNoon + 1min, "no"};
    EXPECT_EQ(backup(job("1s"), kNoon), kNoon + 1min);
    EXPECT_EQ(pause_after(1, 24h), 1min);
    EXPECT_EQ(pause_after(3, 24h), 4min);
    EXPECT_EQ(pause_after(40, 24h), 1h);
    EXPECT_EQ(pause_after(40, 2s), 2s);
}

TEST_F(Due, DoesNotWaitForATimeThatWasPutBack) {
    record_.covered = kNoon + 300h;
    record_.good = taken(kNoon + 300h);
    EXPECT_LE(backup(job("6h"), kNoon), kNoon);
    EXPECT_LE(backup(job("02:00"), kNoon), kNoon);
    record_.backup = {1, kNoon + 300h, "no"};
    EXPECT_LE(backup(job("6h"), kNoon), kNoon);
}

TEST_F(Due, HasTheSameJitterAtEveryLook) {
    auto wanted = job("02:00");
    wanted.backup.jitter = 1h;
    record_.covered = kNoon;
    record_.good = taken(kNoon);
    const auto due = backup(wanted, kNoon + 1s);
    EXPECT_GE(due, kNoon + 14h);
    EXPECT_LT(due, kNoon + 15h);
    EXPECT_EQ(due, backup(wanted, kNoon + 10h));
    wanted.id.component = ComponentId("other");
    EXPECT_NE(due, backup(wanted, kNoon + 1s));
}

TEST_F(Due, TriesWhatWasNeverTriedAndThenBySchedule) {
    const Moment now{kNoon, started_};
    EXPECT_FALSE(trial_due(job(), record_, TimeZone(), now));
    record_.good = taken(kNoon - 1h);
    EXPECT_LE(trial_due(job(), record_, TimeZone(), now), kNoon);
    record_.verified = record_.good;
    record_.tried = kNoon;
    EXPECT_EQ(trial_due(job(), record_, TimeZone(), now), kNoon + 24h);
    record_.verified->epoch = Epoch{2};
    EXPECT_LE(trial_due(job(), record_, TimeZone(), now), kNoon) << "the service has moved";
    auto never = job();
    never.backup.verify.reset();
    EXPECT_FALSE(trial_due(never, record_, TimeZone(), now));
}

TEST_F(Due, ReadsAllAgainByItsSchedule) {
    auto wanted = job();
    EXPECT_FALSE(is_full_due(wanted, record_, TimeZone(), kNoon));
    wanted.backup.full = plan::parse_schedule("daily").value();
    record_.full = kNoon - 23h;
    EXPECT_FALSE(is_full_due(wanted, record_, TimeZone(), kNoon));
    EXPECT_TRUE(is_full_due(wanted, record_, TimeZone(), kNoon + 1h));
}

TEST(Record, ComesBackAsItWas) {
    JobRecord record;
    record.first_seen = kNoon;
    record.covered = kNoon + 1h;
    record.good = taken(kNoon);
    record.good->snapshot = "line\n\"quoted\"";
    record.doubtful = taken(kNoon + 1s);
    record.doubt = "it is empty";
    record.extents = {extent(1, 2), extent(3, 4)};
    record.backup = {2, kNoon + 2h, "it failed"};
    record.failures = 7;
    record.is_forget_held = true;
    const auto back = decode_job(encode(record));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(encode(*back), encode(record));
    EXPECT_EQ(back->good->snapshot, record.good->snapshot);
    EXPECT_EQ(back->backup.error, "it failed");
    EXPECT_FALSE(back->verified);
    EXPECT_FALSE(decode_job("{}"));
    EXPECT_FALSE(decode_job("no"));
    EXPECT_FALSE(decode_job("[]"));
    RepositoryRecord repository;
    repository.checked = kNoon;
    repository.prune = {1, kNoon, "no"};
    EXPECT_EQ(encode(*decode_repository(encode(repository))), encode(repository));
}

}  // namespace
}  // namespace muster::protection
