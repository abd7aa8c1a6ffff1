#pragma once

#include <optional>

#include "component/replication.h"

namespace muster::agent {

/// The WAL stream from a primary to one of its standbys, followed from look to look. A connection
/// that a dead network left open looks like streaming for a minute, and after the network is back
/// TCP may wait as long again as the cut lasted: only what is confirmed tells that WAL flows.
struct StreamWatch {
    enum class State {
        kUnproven,  ///< Not connected, or it had no time to confirm yet.
        kFlows,     ///< It has confirmed in time what the primary had at an earlier look.
        kStuck,     ///< Connected, and it confirms nothing.
    };
    State state = State::kUnproven;
    bool is_suspect = false;  ///< Worth a closer look at both ends (ServerControl::renew_stream).
    Instant renew_at{};       ///< No closer look before.

    bool is_connected = false;
    postgres::Lsn mark;       ///< The primary's position that it has to confirm.
    Instant marked{};         ///< When that was.
    Instant looked{};         ///< The primary's sample of the last look; zero: there was none.
    bool was_silent = false;  ///< The primary, before that look.
    std::optional<Instant> unheard_since;  ///< The standby does not answer.
};

/// Looks once. Pure.
void look_at(const component::ReplicationView& view, const component::ReplicaView& standby,
             StreamWatch* stream);

/// Whether the connection is to be looked at, and renewed where it stands still: both ends answer.
bool wants_renewal(const component::ReplicaView& standby, const StreamWatch& stream, Instant now);

/// From an attempt on: the connection counts as new, and has its time to come up.
void note_renewal(StreamWatch* stream, Instant now);

}  // namespace muster::agent
