#pragma once

#include <string>
#include <vector>

#include "decide/expectation.h"
#include "plan/load.h"
#include "probe/probe.h"

namespace muster::agent {

/// What is assumed of the world; named beside every figure that rests on it.
struct Assumptions {
    int vantages = 1;  ///< The embedded store serves one node: one vantage.
    std::vector<decide::Channel> channels{
        {}, {.loss = 0.01, .burst = std::chrono::seconds(3), .own_line = 0.01}};
};

/// For each component of each service: how soon an outage is seen, and how often loss alone would
/// move the service.
std::vector<decide::Expectation> expectations(const plan::Plan& plan,
                                              const probe::Registry& registry,
                                              const Assumptions& assumptions);

/// Settings that are weaker than they need to be, each at its place, as warnings.
std::vector<plan::Diagnostic> weak_settings(const plan::Plan& plan,
                                            const std::vector<decide::Expectation>& expected);

/// For people, the assumptions first.
std::string describe(const std::vector<decide::Expectation>& expected,
                     const Assumptions& assumptions);
std::string to_json(const std::vector<decide::Expectation>& expected);

}  // namespace muster::agent
