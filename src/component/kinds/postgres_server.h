#pragma once

#include <optional>
#include <string>

#include "plan/model.h"
#include "plan/schema.h"
#include "postgres/server_control.h"

namespace muster::component {

/// The server of `component` at `site`, as the plan declares it; nothing when it is not there.
std::optional<postgres::Server> server_at(const plan::Component& component, const SiteId& site);
/// A server as a step carries it, and back.
plan::Node to_node(const postgres::Server& server);
postgres::Server server_from(const plan::Node& node);
/// The parameter type of a server in a step.
plan::Type server_type(std::string doc);
/// What stands under `sites: NAME:` of a postgres component.
plan::Type postgres_site_type();
/// How people name it: "the server at east (/var/lib/postgresql/15/main)".
std::string name_of(const postgres::Server& server);
/// True when a password stands in it: refused, for steps are journalled and printed.
bool has_password(const std::string& conninfo);

}  // namespace muster::component
