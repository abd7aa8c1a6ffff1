#pragma once

#include <boost/asio/io_context.hpp>

#include "adapters/net/http_client.h"
#include "adapters/os/process_runner.h"
#include "adapters/os/system.h"
#include "adapters/os/time_zones.h"
#include "adapters/postgres/pg_server_control.h"
#include "adapters/steer/dns_responder.h"
#include "agent/agent.h"
#include "agent/expectations.h"
#include "base/log.h"
#include "plan/schema.h"
#include "probe/probe.h"
#include "workflow/action.h"

namespace muster::daemon {

/// What stands between the ports and the world: built once for a process and handed down. The order
/// of the members is the order in which they need each other.
struct Wiring {
    explicit Wiring(boost::asio::io_context& loop, Log& log);

    Executor executor;
    Log& log;
    adapters::SystemClock clock;
    adapters::SystemRandom random;
    adapters::ProcessRunner commands;
    adapters::SystemTimeZones zones;
    adapters::HttpClient http;
    adapters::PgServerControl postgres;
    adapters::DnsResponder dns;
    probe::Registry probes;
    workflow::Actions actions;

    /// What the agent works with; the store is opened separately, as it needs a data directory.
    agent::Deps agent_deps(state::Store& store);
    /// The plan's language, as this process's registries give it.
    [[nodiscard]] plan::Vocabulary vocabulary() const;
};

/// The plan's language for commands that need no node.
plan::Vocabulary plan_vocabulary();
/// Likewise: what the plan's observers are worth.
std::vector<decide::Expectation> plan_expectations(const plan::Plan& plan,
                                                   const agent::Assumptions& assumptions);

}  // namespace muster::daemon
