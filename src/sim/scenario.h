#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "plan/model.h"

namespace muster::sim {

struct ScenarioOptions {
    std::uint64_t seed = 1;
    int nodes = 1;  ///< 1: one node at the arbiter with its own store; 3: one at each site, shared.
    Duration length = std::chrono::hours(6);
    bool keeps_text = false;
    /// The key `degrade` of a pair whose synchronous replication muster manages, with an RPO of
    /// zero: then no promotion may lose an acknowledged row. Empty: asynchronous.
    std::string degrade{};
    bool is_recorded = false;  ///< The first node keeps what it saw.
};

struct Outcome {
    std::uint64_t trace_hash = 0;
    std::vector<std::string> violations;
    std::vector<std::string> text;
    std::uint64_t faults = 0;
    std::uint64_t promotions = 0;
    std::uint64_t lost = 0;  ///< Acknowledged rows.
    std::uint64_t runs = 0;
    std::uint64_t reprotections = 0;  ///< Runs of the keeper that made a standby again.
    std::uint64_t intrusions = 0;     ///< Former primaries that were started behind muster's back.
    std::uint64_t refusals = 0;       ///< Those that it fenced.
    std::vector<std::string> observations;  ///< Segments of the first node, when recorded.
    std::uint64_t waiting = 0;              ///< Runs that wait for a person at the end.
};

/// One simulated world from its seed: kill, freeze, partition, slow and lossy links, dead and
/// paused nodes, a supervisor that restarts servers behind our back, an operator who answers now
/// and then. The safety rules are checked after every step of time; at the end the faults stop, and
/// every run must have ended or wait for a person.
Outcome simulate(const ScenarioOptions& options);

/// The plan that the world runs: one PostgreSQL pair, automatic, preset `fast`.
plan::Plan scenario_plan(const ScenarioOptions& options);

}  // namespace muster::sim
