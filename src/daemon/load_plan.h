#pragma once

#include <string>
#include <vector>

#include "adapters/steer/dns_responder.h"
#include "plan/load.h"
#include "plan/model.h"
#include "plan/schema.h"

namespace muster::daemon {

/// A plan that may be put in force, or kInvalid with every mistake of the file in the message, one
/// to a line, as `file:line:column: error: …`.
Result<plan::Plan> load_plan(const std::string& path, const plan::Vocabulary& vocabulary);

/// The site at which this node stands: the one asked for, else the only arbiter, else the only
/// site. kInvalid says what to write.
Result<SiteId> choose_site(const plan::Plan& plan, const std::string& asked);

/// Where the DNS responder listens: as asked on the command line, else as the plan's `dns:` says;
/// empty: nowhere.
std::string dns_address(const plan::Plan& plan, const std::string& asked);

/// The plan's own zones, and one for each steered record that lies in none of them: its parent
/// domain, served by `ns1` in it, at `address` ("127.0.0.1:5353") where that is one address.
std::vector<adapters::DnsResponder::Zone> zones_of(const plan::Plan& plan,
                                                   const std::string& address);

}  // namespace muster::daemon
