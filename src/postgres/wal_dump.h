#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "postgres/lsn.h"

namespace muster::postgres {

/// What `pg_waldump --stats=record --start=…` found from its start to the end of the WAL.
struct WalSummary {
    std::uint64_t records = 0;
    std::uint64_t commits = 0;  ///< COMMIT and COMMIT_PREPARED records.
    std::optional<Lsn> end;     ///< First byte after the last whole record, where it says so.
    bool is_missing = false;    ///< The segment of the start is not there, or empty.
};

/// Reads both streams. The tool ends the WAL with an error by design: the last record is followed
/// by nothing valid. kCorrupt when neither a record, nor an end, nor a missing file is told.
/// Wording differs: up to 15 "wanted 24, got 0", from 16 "expected at least 24, got 0"; the header
/// "WAL statistics between" is there from 15. Only what all versions share is read.
Result<WalSummary> parse_wal_stats(std::string_view output, std::string_view error);

/// Commit records of a stretch of WAL.
struct Commits {
    std::uint64_t count = 0;
    Duration span{};  ///< From the first to the last of them, by the writing server's clock.
};

/// Reads "commits=", "first=" and "last=", the last two as "2026-11-21 05:08:28.123456" in UTC.
/// kCorrupt when they are not there, or when "missing=yes" says that the WAL is not.
Result<Commits> parse_commits(std::string_view told);

/// Where pg_waldump's error says that the WAL ends; nothing when it does not say.
std::optional<Lsn> wal_end(std::string_view error);

/// The segment file that holds `lsn`: "000000010000000000000003".
std::string wal_file_name(int timeline, Lsn lsn, std::uint64_t segment_bytes);

}  // namespace muster::postgres
