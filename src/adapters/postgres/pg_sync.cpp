// Synchronous replication of one standby, and what the application's own acknowledgements prove.
//
// When is a standby in sync? Whether a commit waits is decided by a flag in shared memory, which
// the checkpointer sets when it has read the new configuration; which standby it waits for is
// decided by the configuration that each WAL sender has read. So, in this order: the setting is
// changed; a new session sees it, which means that the postmaster has told all processes; a
// checkpoint ends, which the checkpointer only begins after it has read the configuration; and then
// the standby has flushed what the primary had flushed at that moment. Whatever was acknowledged
// before is below that position, and whatever comes later waits.

#include <algorithm>
#include <set>

#include "adapters/postgres/pg_server_control.h"
#include "adapters/postgres/pg_sql.h"

namespace muster::adapters {

using postgres::Server;

namespace {

constexpr Duration kSettingPoll = std::chrono::milliseconds(10);
constexpr Duration kSyncPoll = std::chrono::milliseconds(20);
constexpr std::size_t kIdsAtOnce = 1000;

/// The text form of an array (PostgreSQL manual, array input and output syntax).
std::string array_of(const std::vector<std::string>& ids, std::size_t from) {
    std::string text = "{";
    for (std::size_t i = from; i < std::min(ids.size(), from + kIdsAtOnce); ++i) {
        text += i == from ? "\"" : ",\"";
        for (const char c : ids[i]) {
            text += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
        }
        text += '"';
    }
    return text + "}";
}

}  // namespace

Task<> PgServerControl::change_sync_setting(PgConnection* connection, std::string wanted,
                                            Instant deadline) {
    CO_TRY(const auto now, co_await connection->query(pg_sql::kSyncSetting, {wanted}, deadline));
    const auto commits = now.value("commits");
    if (!wanted.empty() && commits != "on" && commits != "remote_apply") {
        co_return Error{Errc::kDenied, "synchronous_commit is " + commits + ": commits never wait",
                        "set it to on, for the whole server and for muster's role"};
    }
    if (now.value("names") == wanted) {
        co_return Result<>{};
    }
    auto changed = co_await connection->query(now.value("statement"), {}, deadline);
    if (changed) {
        changed = co_await connection->query("SELECT pg_reload_conf()", {}, deadline);
    }
    if (!changed) {
        co_return std::move(changed)
            .error()
            .with("changing synchronous_standby_names")
            .hinting("the role needs ALTER SYSTEM on it and EXECUTE on pg_reload_conf");
    }
    co_return Result<>{};
}

Task<> PgServerControl::await_sync_setting(Server primary, std::string wanted, Instant deadline) {
    while (true) {
        CO_TRY(auto fresh, co_await open(primary, deadline));
        CO_TRY(const auto row, co_await read(&fresh, pg_sql::kSyncSetting, {wanted}, deadline));
        if (row.value("names") == wanted) {
            co_return Result<>{};
        }
        if (clock_.now() + kSettingPoll >= deadline) {
            co_return Error{Errc::kTimedOut,
                            "synchronous_standby_names stays \"" + row.value("names") + "\"",
                            "is it set on the server's command line?"};
        }
        CO_TRY_OK(co_await clock_.sleep_for(kSettingPoll));
    }
}

Task<> PgServerControl::await_in_sync(PgConnection* connection, std::string standby,
                                      Instant deadline) {
    CO_TRY_OK((co_await read(connection, "CHECKPOINT", {}, deadline)).with("making a checkpoint"));
    CO_TRY(
        const auto flushed,
        co_await read(connection, "SELECT pg_current_wal_flush_lsn() AS position", {}, deadline));
    const auto position = flushed.value("position");
    while (true) {
        CO_TRY(const auto row,
               co_await read(connection, pg_sql::kIsInSync, {standby, position}, deadline));
        if (row.value("in_sync") == "t") {
            co_return Result<>{};
        }
        if (clock_.now() + kSyncPoll >= deadline) {
            auto lacks = standby;
            lacks.append(" has not confirmed ").append(position).append(" in time; ");
            lacks.append(row.value("named")).append(" standbys stream under that name");
            co_return Error{Errc::kTimedOut, std::move(lacks)};
        }
        CO_TRY_OK(co_await clock_.sleep_for(kSyncPoll));
    }
}

Task<> PgServerControl::set_sync_standby(Server primary, std::string standby, Instant deadline) {
    const auto where = "site " + primary.site.str();
    const auto wanted = postgres::sync_setting(standby);
    CO_TRY(auto connection, co_await open(primary, deadline));
    CO_TRY(const auto role,
           co_await read(&connection, "SELECT pg_is_in_recovery() AS standby", {}, deadline));
    if (role.value("standby") == "t") {
        co_return Error{Errc::kConflict, where + " is no primary any more"};
    }
    CO_TRY_OK((co_await change_sync_setting(&connection, wanted, deadline)).with(where));
    CO_TRY_OK((co_await await_sync_setting(primary, wanted, deadline)).with(where));
    if (!standby.empty()) {
        CO_TRY_OK((co_await await_in_sync(&connection, standby, deadline)).with(where));
    }
    log_.info("postgres.sync_set", {{"site", primary.site}, {"standby", standby}});
    co_return Result<>{};
}

Task<> PgServerControl::name_standby(Server standby, Instant deadline) {
    const auto where = "site " + standby.site.str();
    CO_TRY(auto connection, co_await open(standby, deadline));
    CO_TRY(const auto row,
           co_await connection.query(pg_sql::kStandbyName, {standby.standby_name()}, deadline));
    if (row.value("standby") != "t") {
        co_return Error{Errc::kConflict, where + " is no standby any more"};
    }
    if (row.value("is_named") == "t") {
        co_return Result<>{};
    }
    if (row.value("is_uri") == "t") {
        co_return Error{Errc::kInvalid, where + " has a URI in primary_conninfo",
                        "add application_name=" + standby.standby_name() + " to it by hand"};
    }
    CO_TRY_OK((co_await connection.query(row.value("statement"), {}, deadline)).with(where));
    CO_TRY_OK((co_await connection.query("SELECT pg_reload_conf()", {}, deadline)).with(where));
    log_.info("postgres.standby_named",
              {{"site", standby.site}, {"standby", standby.standby_name()}});
    co_return Result<>{};
}

Task<std::vector<std::string>> PgServerControl::missing_ids(Server server, postgres::IdCheck check,
                                                            Instant deadline) {
    CO_TRY(auto connection, co_await open(server, deadline));
    CO_TRY_OK(co_await connection.query("SET default_transaction_read_only = on", {}, deadline));
    std::set<std::string> found;
    for (std::size_t from = 0; from < check.ids.size(); from += kIdsAtOnce) {
        auto rows = co_await connection.query(check.query, {array_of(check.ids, from)}, deadline);
        if (!rows) {
            co_return std::move(rows).error().with("looking for acknowledged ids");
        }
        for (auto& row : rows->rows) {
            if (!row.empty() && row.front()) {
                found.insert(std::move(*row.front()));
            }
        }
    }
    std::erase_if(check.ids, [&found](const std::string& id) { return found.contains(id); });
    co_return std::move(check.ids);
}

}  // namespace muster::adapters
