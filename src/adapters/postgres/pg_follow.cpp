// Pointing a standby at another source while it runs: since 13 a reload is enough. What it has must
// lie on the source's history; else it would stand still for ever, asking for WAL nobody has.

#include <algorithm>

#include "adapters/postgres/pg_server_control.h"
#include "adapters/postgres/pg_sql.h"
#include "adapters/postgres/source_conninfo.h"
#include "postgres/timeline_history.h"

namespace muster::adapters {

using postgres::Role;
using postgres::Server;
using postgres::ServerState;

Task<> PgServerControl::make_slot(PgConnection* connection, Server primary, std::string slot,
                                  Instant deadline) {
    auto made = co_await connection->query(pg_sql::kMakeSlot, {slot}, deadline);
    if (!made) {
        co_return std::move(made)
            .error()
            .with("replication slot at site " + primary.site.str())
            .hinting(
                "it needs max_replication_slots above the slots in use, and the right to "
                "replicate");
    }
    co_return Result<>{};
}

Task<> PgServerControl::require_common_history(ServerState standby, Server primary,
                                               ServerState source, Instant deadline) {
    if (standby.system_identifier != source.system_identifier) {
        co_return Error{Errc::kDenied,
                        "it belongs to another database cluster than site " + primary.site.str(),
                        "check its conninfo in the plan"};
    }
    if (standby.timeline == source.timeline) {
        co_return Result<>{};
    }
    CO_TRY(const auto text, co_await history_of(primary, source.timeline, deadline));
    CO_TRY(const auto history, postgres::parse_timeline_history(text));
    const auto fork = postgres::fork_of(history, standby.timeline);
    const auto has = std::max(standby.received, standby.position);
    if (!fork || has > *fork) {
        co_return Error{Errc::kDenied,
                        "it is on timeline " + std::to_string(standby.timeline) + " up to " +
                            postgres::to_string(has) + ", which timeline " +
                            std::to_string(source.timeline) + " of site " + primary.site.str() +
                            (fork ? " left at " + postgres::to_string(*fork)
                                  : std::string(" never went through")),
                        "rebuild it: what it alone has is kept first"};
    }
    co_return Result<>{};
}

Task<ServerState> PgServerControl::follow(Server standby, Server primary, Epoch epoch,
                                          Instant deadline) {
    CO_TRY(auto connection, co_await open(standby, deadline));
    CO_TRY(const auto state, co_await ask_server(standby, deadline));
    if (state.role != Role::kStandby) {
        co_return Error{Errc::kConflict, "site " + standby.site.str() + " is no standby",
                        "a server that takes writes is fenced, not pointed elsewhere"};
    }
    CO_TRY_OK(co_await claim_epoch(&connection, standby, epoch, deadline));
    CO_TRY(auto at_source, co_await open(primary, deadline));
    CO_TRY(const auto source, co_await ask_server(primary, deadline));
    CO_TRY_OK((co_await require_common_history(state, primary, source, deadline))
                  .with("site " + standby.site.str()));
    const auto slot = standby.standby_name();
    CO_TRY_OK(co_await make_slot(&at_source, primary, slot, deadline));
    CO_TRY(const auto told,
           co_await connection.query(pg_sql::kPointAt, {source_conninfo(standby, primary), slot},
                                     deadline));
    if (told.value("is_so") != "t") {
        CO_TRY_OK(co_await connection.query(told.value("conninfo"), {}, deadline));
        CO_TRY_OK(co_await connection.query(told.value("slot"), {}, deadline));
        CO_TRY_OK(co_await connection.query("SELECT pg_reload_conf()", {}, deadline));
    }
    CO_TRY(auto streams, co_await await_streaming(standby, source.timeline, deadline));
    CO_TRY_OK(co_await drop_own_slots(standby, deadline));
    log_.info("postgres.followed", {{"site", standby.site},
                                    {"name", slot},
                                    {"source", primary.site},
                                    {"timeline", streams.timeline}});
    co_return streams;
}

}  // namespace muster::adapters
