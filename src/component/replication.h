#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "postgres/server_control.h"

namespace muster::component {

/// One standby as its primary's newest sample tells of it.
struct ReplicaView {
    postgres::Server server;
    int named = 0;  ///< Connections under its name: two are a clone in disguise.
    bool is_streaming = false;
    postgres::Lsn flushed;        ///< What it has confirmed.
    bool says_streaming = false;  ///< Its own word, whatever it is called at the primary.
    bool answers = false;         ///< As a standby, when it was asked last.
};

/// What a component that replicates looks like now, and what its plan wants of it.
struct ReplicationView {
    enum class Mode { kOff, kObserved, kManaged };
    Mode mode = Mode::kOff;
    std::optional<Duration> degrade_after;  ///< Managed; nothing: never.
    postgres::Server primary;
    bool is_current = false;  ///< The primary answered its newest sample; else the rest is old.
    Instant seen{};           ///< When that sample was taken.
    std::string setting;      ///< Its synchronous_standby_names.
    postgres::Lsn position;
    std::vector<ReplicaView> standbys;  ///< In the order of the plan.
};

}  // namespace muster::component
