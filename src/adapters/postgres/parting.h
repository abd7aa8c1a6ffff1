#pragma once

#include <cstdint>
#include <string>

#include "adapters/postgres/pg_server_control.h"
#include "postgres/wal_dump.h"

namespace muster::adapters {

/// Where an old primary and the new one have parted, and what the old one has beyond.
struct PgServerControl::Parting {
    int timeline = 0;  ///< Of the old primary.
    postgres::Lsn from;
    postgres::Lsn to;  ///< Equal to `from` when the old one has nothing more.
    std::uint64_t records = 0;
    std::uint64_t commits = 0;
    bool can_rewind = false;
    std::uint64_t segment_bytes = 0;

    std::vector<postgres::TableTouched> tables{};

    [[nodiscard]] std::string note() const {
        return postgres::to_string(from) + " " + postgres::to_string(to);
    }
};

/// What an old server and the new one call their timelines.
struct PgServerControl::Timelines {
    int old = 0;
    int fresh = 0;
    std::uint64_t segment_bytes = 0;
};

/// "00000002": as it stands in file names.
std::string timeline_name(int timeline);

}  // namespace muster::adapters
