#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "postgres/lsn.h"

namespace muster::postgres {

/// What pg_controldata tells of a data directory (PostgreSQL 13 to 17, LC_ALL=C).
struct ControlData {
    std::string system_identifier;
    std::string state;        ///< "in production", "shut down", "shut down in recovery", …
    Lsn checkpoint;           ///< Where the latest checkpoint's record begins.
    Lsn redo;                 ///< Where recovery would begin.
    int timeline = 0;         ///< Of the latest checkpoint.
    Lsn min_recovery_end;     ///< A standby has replayed at least this far; 0/0 on a primary.
    bool can_rewind = false;  ///< Checksums or wal_log_hints are on: pg_rewind works.
    std::uint64_t segment_bytes = 0;

    /// It was stopped in good order as a primary: the WAL ends with the latest checkpoint.
    [[nodiscard]] bool is_clean_primary() const { return state == "shut down"; }
    /// The file says that it runs (or ran until a crash) as a primary.
    [[nodiscard]] bool says_primary() const { return state == "in production"; }
};

/// kCorrupt when a needed line is missing or unreadable.
Result<ControlData> parse_control_data(std::string_view text);

}  // namespace muster::postgres
