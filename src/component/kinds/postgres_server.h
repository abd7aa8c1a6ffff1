#pragma once

#include <string>
#include <vector>

#include "plan/model.h"
#include "plan/schema.h"
#include "postgres/server_control.h"

namespace muster::component {

/// Servers at one site of which a step means one.
struct ServerGroup {
    std::vector<postgres::Server> servers;  ///< At least one.
    std::string chosen;  ///< Its name; empty: the only one, or whichever takes writes now.
};

/// The servers of `component` at `site` in the plan's order; none when it is not there.
std::vector<postgres::Server> servers_at(const plan::Component& component, const SiteId& site);
/// Those of all sites.
std::vector<postgres::Server> all_servers(const plan::Component& component);
/// kInvalid when the servers of a component can't be what is declared.
Result<> check_servers(const plan::Component& component);
/// A server as a step carries it, and back.
plan::Node to_node(const postgres::Server& server);
postgres::Server server_from(const plan::Node& node);
/// A group of one looks like that server alone.
plan::Node to_node(const ServerGroup& group);
ServerGroup group_from(const plan::Node& node);
/// The parameter type of a server in a step.
plan::Type server_type(std::string doc);
/// What stands under `sites: NAME:` of a postgres component.
plan::Type postgres_site_type();
/// How others of the plan refer to it: its name, else its site's.
const std::string& known_as(const postgres::Server& server);
/// Where, on its host, WAL is kept that only this server has: as the plan says, else beside it.
std::string keep_directory(const postgres::Server& server, const std::string& declared);
/// How people name it: "the server at east (/var/lib/postgresql/15/main)".
std::string name_of(const postgres::Server& server);
/// True when a password stands in it: refused, for steps are journalled and printed.
bool has_password(const std::string& conninfo);

}  // namespace muster::component
