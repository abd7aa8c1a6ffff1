#pragma once

#include <memory>

#include "probe/probe.h"

namespace muster::probe {

/// When the further attempts of one sample start, after the one before.
inline constexpr Duration kAttemptSpacing = std::chrono::milliseconds(300);

/// A probe that does not take the first silence for an answer: while nothing has answered, further
/// attempts start 0.3 s and 0.6 s after the first, beside it, and the first answer counts, good or
/// bad. A kernel repeats a lost SYN only after a second, so that without this every lost packet
/// would be a lost sample (health-dns 2.5). `inner` must bear several checks at once.
std::unique_ptr<Probe> with_attempts(std::unique_ptr<Probe> inner, int attempts, Deps deps);

}  // namespace muster::probe
