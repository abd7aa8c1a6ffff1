#pragma once

#include "base/result.h"

namespace muster::adapters {

/// Keeps passwords and tokens out of core files and away from other processes of the same user: no
/// core dumps (RLIMIT_CORE 0), no ptrace (PR_SET_DUMPABLE 0). Programs started later inherit the
/// limit. Call once, first thing in a daemon. kDenied when the system refuses.
Result<> disable_core_dumps();

/// A peer that goes away is an error of the write, not the end of the process (ignores SIGPIPE).
void ignore_broken_pipes();

}  // namespace muster::adapters
