#pragma once

#include <string>

#include "postgres/server_control.h"

namespace muster::adapters {

/// What this host itself says of the PostgreSQL server of a data directory.
struct PostmasterState {
    using Process = postgres::Process;
    Process process = Process::kUnknown;  ///< Also when it is no data directory.
    int pid = 0;                          ///< The postmaster's; 0 when none was found.
    int port = 0;                         ///< As its pid file says; 0 when there is none.
};

/// Reads postmaster.pid and /proc. A pid alone proves nothing, because pids are used again: the
/// process must be a postgres whose working directory is the data directory. "Stopped" is said only
/// when no such process exists under any pid, and only to root or the directory's owner, from whom
/// the kernel hides none of them.
PostmasterState read_postmaster(const std::string& data_directory);

}  // namespace muster::adapters
