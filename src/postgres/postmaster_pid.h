#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::postgres {

/// The file postmaster.pid: it tells which postmaster has, or last had, a data directory.
struct PostmasterPid {
    std::int64_t pid = 0;
    std::string data;
    int port = 0;        ///< 0 while it is still starting.
    std::string socket;  ///< First directory of its Unix sockets; may be empty.
    std::string status;  ///< "starting", "ready", "standby", "stopping"; may be empty.
};

/// kCorrupt when the first two lines are not a process id and a directory.
Result<PostmasterPid> parse_postmaster_pid(std::string_view text);

}  // namespace muster::postgres
