#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace muster::adapters {

/// Runs a command before some work and another one after it, come what may: the second is run by a
/// process of its own that waits for this one's end, so that a snapshot of a volume is given back
/// and a database is thawed even when this process is killed.
class HookGuard {
  public:
    HookGuard() = default;
    ~HookGuard() { (void)end("failed"); }
    HookGuard(const HookGuard&) = delete;
    HookGuard& operator=(const HookGuard&) = delete;

    /// Runs `before` by /bin/sh; from its beginning on `after` is sure to be run. Either may be
    /// empty. kUnavailable, with its exit status, when `before` fails. Call while the process has
    /// one thread.
    Result<> begin(const std::string& before, const std::string& after);

    /// Has `after` run, with MUSTER_HOOK_STATUS set to `status`, and waits for its end.
    /// kUnavailable when it fails. Does nothing when it was called before.
    Result<> end(const std::string& status);

  private:
    int pipe_ = -1;
    pid_t guardian_ = -1;
};

}  // namespace muster::adapters
