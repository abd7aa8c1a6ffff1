#pragma once

#include <string>

#include "postgres/lsn.h"

namespace muster::postgres {

/// Where a server stands in the history of its cluster.
struct Lineage {
    std::string system_identifier;  ///< Empty: not told.
    int timeline = 0;               ///< 0: not told.
    Lsn position;                   ///< A primary's last written, a standby's last received.
    std::string history;            ///< Text of its timeline's history file; empty: not told.
};

/// Why a standby can't follow this primary, in words for people: it belongs to another cluster, or
/// it is on a timeline that the primary's history left before the standby's position (PostgreSQL
/// manual, 26.3.6 Timelines). Empty when it can, or when too little is told to say.
std::string explain_fork(const Lineage& primary, const Lineage& standby);

}  // namespace muster::postgres
