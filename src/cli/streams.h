#pragma once

#include <ostream>

namespace muster::cli {

/// Where a command prints: results to `out`, everything else to `err`.
struct Streams {
    std::ostream& out;
    std::ostream& err;
    bool is_json = false;  ///< `--json`
};

/// Exit statuses of the command line, the same for every command.
enum ExitCode { kExitDone = 0, kExitFailed = 1, kExitUsage = 2, kExitMissed = 3 };

}  // namespace muster::cli
