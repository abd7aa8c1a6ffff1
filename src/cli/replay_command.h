#pragma once

#include <string>
#include <vector>

#include "cli/streams.h"

namespace muster::cli {

struct ReplayOptions {
    std::string data;  ///< A node's data directory; the node may run or not.
    std::string from;  ///< RFC 3339, or how long ago ("2h"); empty: from the first record on.
    std::string to;    ///< Likewise; empty: to the last.
    std::vector<std::string> thresholds;  ///< NAME=VALUE
};

/// `muster replay`: what was decided, what would have been decided under other thresholds, and the
/// differences.
int run_replay(const ReplayOptions& options, Streams streams);

}  // namespace muster::cli
