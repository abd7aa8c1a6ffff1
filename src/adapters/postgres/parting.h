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

    [[nodiscard]] std::string note() const {
        return postgres::to_string(from) + " " + postgres::to_string(to);
    }
};

}  // namespace muster::adapters
