#pragma once

#include <string>

#include "adapters/os/postmaster.h"

namespace muster::adapters {

/// True when every host of a conninfo is this machine: a Unix socket, a loopback address, or an
/// address of one of its interfaces. Names other than localhost are not looked up: false.
bool is_local_server(const std::string& conninfo);

/// The port of a conninfo; 0 when it names none or several.
int port_of(const std::string& conninfo);

/// What this host says of a server that lives on it. Unknown when the conninfo leads elsewhere or
/// to another server of this host (the pid file names another port).
PostmasterState::Process ask_host(const std::string& conninfo, const std::string& data_directory);

/// What to tell when a server of this host has no room left for one more WAL segment; else empty.
std::string full_disk(const std::string& conninfo, const std::string& data_directory);

}  // namespace muster::adapters
