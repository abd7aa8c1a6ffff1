// Renewing a WAL stream that stands still. When packets vanish for a while, both ends keep their
// connection (wal_sender_timeout and wal_receiver_timeout are a minute), and TCP doubles the time
// between its attempts: after a cut of 45 s the next one comes up to 25 s later. A longer cut ends
// the connection, and then it is the standby's attempt to connect that waits so. A new connection
// works at once. The old sender goes first: it holds the standby's slot, and commits would go on
// waiting for it instead of its successor. The receiver is no backend that SQL could end; it
// connects anew when the text of primary_conninfo has changed, were it by a space.

#include <algorithm>

#include "adapters/postgres/pg_server_control.h"
#include "adapters/postgres/pg_sql.h"

namespace muster::adapters {

using postgres::Server;

namespace {

constexpr Duration kPoll = std::chrono::milliseconds(10);
/// A standby confirms within milliseconds; a slow one has confirmed something after this long.
constexpr Duration kMovesWithin = std::chrono::milliseconds(300);

}  // namespace

// True as well where nothing is missing, and where it can't be told who is who.
Task<bool> PgServerControl::flows(PgConnection* connection, std::string name, Instant deadline) {
    CO_TRY(const auto first, co_await read(connection, pg_sql::kSenders, {name, "0/0"}, deadline));
    if (first.value("standby") == "t") {
        co_return Error{Errc::kConflict, "it is no primary any more"};
    }
    const auto until = clock_.now() + kMovesWithin;
    while (true) {
        CO_TRY(const auto row, co_await read(connection, pg_sql::kSenders,
                                             {name, first.value("position")}, deadline));
        const auto senders = row.value("senders");
        const bool is_one = senders == "1" && first.value("senders") == "1";
        const bool moves =
            row.value("has_all") == "t" || row.value("flushed") != first.value("flushed");
        if ((is_one && moves) || (senders != "0" && senders != "1")) {
            co_return true;
        }
        if (clock_.now() >= until) {
            co_return false;
        }
        CO_TRY_OK(co_await clock_.sleep_for(kPoll));
    }
}

// A sender whose socket is full would wait there to say farewell: it is told until it is gone.
Task<> PgServerControl::end_senders(PgConnection* connection, std::string name, Instant deadline) {
    CO_TRY(const auto old, co_await read(connection, pg_sql::kSenders, {name, "0/0"}, deadline));
    while (true) {
        auto ended = co_await connection->query(pg_sql::kEndSenders, {old.value("pids")}, deadline);
        if (!ended) {
            co_return std::move(ended)
                .error()
                .with("ending the WAL sender of " + name)
                .hinting("the role needs pg_signal_backend");
        }
        if (ended->value("left") == "0") {
            co_return Result<>{};
        }
        if (clock_.now() + kPoll >= deadline) {
            co_return Error{Errc::kTimedOut, "the WAL sender of " + name + " does not end"};
        }
        CO_TRY_OK(co_await clock_.sleep_for(kPoll));
    }
}

Task<> PgServerControl::renew_stream(Server primary, Server standby, Instant deadline) {
    const auto name = standby.standby_name();
    const auto where = "site " + standby.site.str();
    const auto at = "site " + primary.site.str();
    CO_TRY(auto at_primary, co_await open(primary, deadline));
    CO_TRY(auto at_standby, co_await open(standby, deadline));
    CO_TRY(const auto row, co_await read(&at_standby, pg_sql::kReceiver, {}, deadline));
    if (row.value("standby") != "t") {
        co_return Error{Errc::kConflict, where + " is no standby any more"};
    }
    if (row.value("is_plain") != "t") {
        co_return Error{Errc::kInvalid, where + " has none or a URI in primary_conninfo",
                        "write it as key=value, so that a broken connection can be renewed"};
    }
    CO_TRY(const auto is_well, (co_await flows(&at_primary, name, deadline)).with(at));
    if (is_well) {
        co_return Result<>{};
    }
    CO_TRY_OK((co_await end_senders(&at_primary, name, deadline)).with(at));
    CO_TRY_OK((co_await at_standby.query(row.value("statement"), {}, deadline)).with(where));
    CO_TRY_OK((co_await at_standby.query("SELECT pg_reload_conf()", {}, deadline)).with(where));
    log_.info("postgres.stream_renewed", {{"site", standby.site}, {"standby", name}});
    co_return Result<>{};
}

}  // namespace muster::adapters
