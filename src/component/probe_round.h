#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "component/component.h"

namespace muster::component {

/// A probe as a step carries it: the plan's `probe:` map with its timing filled in.
plan::Node to_node(const plan::Probe& probe);
/// Reads what `to_node` wrote, or what a person wrote under `probe:` of a step. kInvalid when it
/// names no known probe type, or a duration is wrong.
Result<plan::Probe> probe_from(const plan::Node& node, const probe::Registry& registry);

/// Checks one probe against many addresses at once, repeatedly; keeps the probes' connections
/// between rounds.
class ProbeRound {
  public:
    struct Outcome {
        std::vector<bool> is_good;  ///< In the order of the addresses.
        int good = 0;
        std::optional<Instant> first_good;  ///< When the first good answer came in.
        std::string detail;                 ///< Of the last bad one: "connection refused".
    };

    ProbeRound(const Deps& deps, plan::Probe probe, probe::TargetId target);
    /// One check of every address, all at the same time, each within the probe's timeout.
    /// kInvalid when the probe can't be made; kCancelled.
    Task<Outcome> run(std::vector<Fields> addresses, Instant deadline);

  private:
    Task<> check_one(probe::Probe* probe, std::size_t index, Outcome* outcome, Instant deadline);
    Result<probe::Probe*> probe_for(const Fields& variables);

    Deps deps_;
    plan::Probe plan_;
    probe::TargetId target_;
    std::map<Fields, std::unique_ptr<probe::Probe>> probes_;
};

/// "10.0.1.10:8080" taken apart into `address` (the whole), `host` and `port` ("" without one);
/// IPv6 with a port stands in brackets.
Fields address_fields(const std::string& address);

}  // namespace muster::component
