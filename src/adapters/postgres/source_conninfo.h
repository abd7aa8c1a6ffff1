#pragma once

#include <string>

#include "postgres/server_control.h"

namespace muster::adapters {

/// primary_conninfo of `server` as a standby of `primary`, with its application_name.
std::string source_conninfo(const postgres::Server& server, const postgres::Server& primary);

}  // namespace muster::adapters
