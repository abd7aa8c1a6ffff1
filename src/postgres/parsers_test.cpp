#include <gtest/gtest.h>

#include "postgres/control_data.h"
#include "postgres/server_control.h"
#include "postgres/timeline_history.h"
#include "postgres/wal_dump.h"

namespace muster::postgres {
namespace {

constexpr std::string_view kControl = R"(pg_control version number:            1300
Catalog version number:               202209061
Database system identifier:           7710494247487739910
Database cluster state:               shut down
pg_control last modified:             Sat Nov 21 05:35:39 2026
Latest checkpoint location:           0/30181B8
Latest checkpoint's REDO location:    0/3018190
Latest checkpoint's REDO WAL file:    000000010000000000000003
Latest checkpoint's TimeLineID:       1
Latest checkpoint's PrevTimeLineID:   1
Minimum recovery ending location:     0/0
Min recovery ending loc's timeline:   0
End-of-backup record required:        no
wal_level setting:                    replica
wal_log_hints setting:                off
Bytes per WAL segment:                16777216
Data page checksum version:           1
)";

constexpr std::string_view kStats =
    R"(WAL statistics between 0/3018230 and 0/301A2A8:
Type                                           N      (%)          Record size      (%)
----                                           -      ---          -----------      ---
XLOG/FPI_FOR_HINT                              1 (  6.67)                   49 (  7.05)
Transaction/COMMIT                             7 ( 46.67)                  238 ( 34.24)
Transaction/COMMIT_PREPARED                    2 (  3.00)                  238 ( 34.24)
Transaction/ABORT                              3 (  3.00)                  238 ( 34.24)
Heap/INSERT+INIT                               7 ( 46.67)                  408 ( 58.71)
                                        --------                      --------
Total                                         15                           695 [8.46%]
)";
constexpr std::string_view kEnd15 =
    "pg_waldump: error: error in WAL record at 0/301A280: invalid record length at 0/301A2A8: "
    "wanted 24, got 0\n";
constexpr std::string_view kEnd17 =
    "pg_waldump: error: error in WAL record at 0/301A280: invalid record length at 0/301A2A8: "
    "expected at least 24, got 0\n";

TEST(Lsn, PrintsWhatItReads) {
    for (const std::string text : {"0/0", "0/3000148", "16/B374D848", "FFFFFFFF/FFFFFFFF"}) {
        const auto lsn = parse_lsn(text);
        ASSERT_TRUE(lsn) << text;
        EXPECT_EQ(to_string(*lsn), text);
    }
}

TEST(Lsn, OrdersAcrossTheSlash) {
    EXPECT_LT(*parse_lsn("0/FFFFFFFF"), *parse_lsn("1/0"));
}

TEST(Lsn, RefusesWhatIsNone) {
    for (const auto* text :
         {"", "/", "0/", "/0", "0", "0/G", "000000001/0", "0/000000001", "-1/0", "0/0 ", "0x1/0"}) {
        EXPECT_FALSE(parse_lsn(text)) << text;
    }
}

TEST(ControlData, ReadsTheLinesThatMatter) {
    const auto data = parse_control_data(kControl);
    ASSERT_TRUE(data) << data.error().message();
    EXPECT_EQ(data->system_identifier, "7710494247487739910");
    EXPECT_TRUE(data->is_clean_primary());
    EXPECT_FALSE(data->says_primary());
    EXPECT_EQ(to_string(data->checkpoint), "0/30181B8");
    EXPECT_EQ(to_string(data->redo), "0/3018190");
    EXPECT_EQ(data->timeline, 1);
    EXPECT_EQ(data->segment_bytes, 16U << 20U);
    EXPECT_TRUE(data->can_rewind);
}

TEST(ControlData, IsCorruptAtEveryCut) {
    for (std::size_t length = 0; length + 40 < kControl.size(); ++length) {
        const auto data = parse_control_data(kControl.substr(0, length));
        ASSERT_FALSE(data) << length;
        EXPECT_EQ(data.error().code(), Errc::kCorrupt);
    }
}

TEST(WalDump, CountsCommitsAndFindsTheEnd) {
    for (const auto error : {kEnd15, kEnd17}) {
        const auto summary = parse_wal_stats(kStats, error);
        ASSERT_TRUE(summary);
        EXPECT_EQ(summary->commits, 9U);
        EXPECT_EQ(summary->records, 15U);
        EXPECT_EQ(to_string(summary->end.value()), "0/301A2A8");
        EXPECT_FALSE(summary->is_missing);
    }
}

TEST(WalDump, NothingAfterTheStartIsAnEndWithoutRecords) {
    const auto summary =
        parse_wal_stats("", "pg_waldump: error: could not find a valid record after 0/301A2A8\n");
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->records, 0U);
    EXPECT_EQ(to_string(summary->end.value()), "0/301A2A8");
}

TEST(WalDump, TellsAMissingSegment) {
    const auto summary = parse_wal_stats(
        "", "pg_waldump: error: could not find file \"000000010000000000000009\": No such file");
    ASSERT_TRUE(summary);
    EXPECT_TRUE(summary->is_missing);
}

TEST(WalDump, ASegmentMadeInAdvanceHoldsNothing) {
    const auto summary = parse_wal_stats(
        "",
        "pg_waldump: error: WAL segment size must be a power of two between 1 MB and 1 GB, but the "
        "WAL file \"00000003000000000000000C\" header specifies 0 bytes");
    ASSERT_TRUE(summary);
    EXPECT_TRUE(summary->is_missing);
}

TEST(WalDump, SilenceIsCorrupt) {
    EXPECT_EQ(parse_wal_stats("", "").error().code(), Errc::kCorrupt);
    EXPECT_EQ(parse_wal_stats("", "pg_waldump: error: hm at here").error().code(), Errc::kCorrupt);
}

TEST(WalDump, NamesTheSegmentOfAPosition) {
    EXPECT_EQ(wal_file_name(1, Lsn{0x3018230}, 16U << 20U), "000000010000000000000003");
    EXPECT_EQ(wal_file_name(26, Lsn{0x16B374D848}, 16U << 20U), "0000001A00000016000000B3");
    EXPECT_EQ(wal_file_name(1, Lsn{0x100000000}, 1U << 20U), "000000010000000100000000");
}

TEST(TimelineHistory, FindsTheFork) {
    const auto history = parse_timeline_history(
        "1\t0/3018230\tno recovery target specified\n\n# note\n2\t0/5000098\tbefore 2026\n");
    ASSERT_TRUE(history);
    ASSERT_EQ(history->size(), 2U);
    EXPECT_EQ(to_string(fork_of(*history, 1).value()), "0/3018230");
    EXPECT_EQ(to_string(fork_of(*history, 2).value()), "0/5000098");
    EXPECT_FALSE(fork_of(*history, 3));
}

TEST(TimelineHistory, RefusesJunk) {
    for (const auto* text : {"1", "x\t0/1\n", "1\tzero\n", "2\t0/1\n1\t0/2\n", "0\t0/1\n"}) {
        EXPECT_FALSE(parse_timeline_history(text)) << text;
    }
}

TEST(Names, AreStable) {
    EXPECT_EQ(to_string(Process::kFrozen), "frozen");
    EXPECT_EQ(to_string(Process::kUnknown), "unknown");
    EXPECT_EQ(to_string(Role::kStandby), "standby");
    EXPECT_EQ(to_string(Role::kUnknown), "unknown");
}

TEST(Commits, AreCountedOverTheirTime) {
    const auto some = parse_commits(
        "commits=3\nfirst=2026-11-21 23:59:59.500000\nlast=2026-11-22 00:00:01.750000\n");
    ASSERT_TRUE(some);
    EXPECT_EQ(some->count, 3U);
    EXPECT_EQ(some->span, std::chrono::milliseconds(2250));
    const auto none = parse_commits("commits=0\nfirst=\nlast=\n");
    ASSERT_TRUE(none);
    EXPECT_EQ(none->count, 0U);
}

TEST(Commits, ThatCannotBeReadAreNotNone) {
    for (const auto* told : {"", "commits=x\n", "commits=0\nfirst=\nlast=\nmissing=yes\n",
                             "commits=2\nfirst=soon\nlast=later\n"}) {
        EXPECT_FALSE(parse_commits(told)) << told;
    }
}

}  // namespace
}  // namespace muster::postgres
