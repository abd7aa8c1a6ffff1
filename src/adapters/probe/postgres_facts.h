#pragma once

#include <string>
#include <string_view>

#include "adapters/net/pg_connection.h"
#include "base/fields.h"
#include "probe/probe.h"

namespace muster::adapters {

/// One row about a server: its role, its place in the WAL, what it receives. Versions 13 to 17.
std::string_view postgres_status_query();
/// The history file of a primary's own timeline, as "history"; NULL when there is none.
std::string_view postgres_history_query();

/// The oldest position whose WAL a primary still has, as `oldest_wal_lsn`. Needs pg_monitor.
std::string_view postgres_oldest_wal_query();

/// That row as the probe's facts (docs/reference/probes/postgres.md).
Fields postgres_facts(const PgResult& status);

/// The class of evidence of a connection or statement that the server refused: hard where it
/// cannot serve anybody (shutting down, read-only, disk full, data corrupted), silence where it
/// only does not serve this probe now (no free connection).
probe::Evidence evidence_of(const Error& error);

/// Whether the server refuses this probe for what it is (password, permission, no such database):
/// it lives, and nobody knows whether it works.
bool refuses_probe(const Error& error);

}  // namespace muster::adapters
