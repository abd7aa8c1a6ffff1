#pragma once

#include <string>

#include "postgres/server_control.h"

namespace muster::postgres {

/// What a server is, at a site that a move has left.
enum class Standing {
    kStandby,   ///< It runs, or starts, as a standby: it takes no writes.
    kStopped,   ///< Nothing runs, and whatever starts it gets a standby.
    kUnsealed,  ///< Nothing runs, but who starts it gets a primary.
    kIntruder,  ///< It takes writes that its successor will never have, or is about to.
    kUnproven,  ///< It may be any of these, or the primary by somebody's will.
};
std::string_view to_string(Standing standing);

struct Ruling {
    Standing standing = Standing::kUnproven;
    std::string why;  ///< With the marks that it rests on.
};

/// True when it is a standby or stopped for good, whatever the primary is.
bool is_harmless(const Marks& left);

/// The keeper's rule (ADR 0017), pure. A server is put out of service only when its successor
/// takes writes and carries the epoch of the move that left it (or a later one), both are of one
/// cluster, and its own mark is older: the epoch in its database, or, while it lets nobody in, the
/// timeline in its control file without standby.signal. Anything less is unproven.
Ruling judge_left_server(const Marks& left, const Marks& primary, Epoch epoch);

}  // namespace muster::postgres
