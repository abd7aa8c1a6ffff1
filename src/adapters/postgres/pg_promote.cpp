#include "adapters/postgres/pg_server_control.h"
#include "adapters/postgres/pg_sql.h"
#include "postgres/lines.h"

namespace muster::adapters {

using postgres::Lsn;
using postgres::Server;
using postgres::ServerState;

namespace {

// pg_promote(true) and pg_ctl look every 100 ms only; the server takes writes after about 25 ms.
constexpr Duration kPromotePoll = std::chrono::milliseconds(2);
constexpr Duration kPositionPoll = std::chrono::milliseconds(5);

}  // namespace

// By SQL where the role may (superuser, or pg_read_server_files and pg_write_server_files), because
// an ssh round trip costs more than the promotion itself.
Task<> PgServerControl::claim_epoch(PgConnection* connection, Server server, Epoch epoch,
                                    Instant deadline) {
    const auto number = std::to_string(epoch.value);
    const auto seen = co_await connection->query(pg_sql::kReadEpoch, {number}, deadline);
    if (seen) {
        const auto text = seen->value("epoch");
        const auto known = text.empty()
                               ? std::optional<std::uint64_t>(0)
                               : postgres::number_in<std::uint64_t>(postgres::trimmed(text));
        if (!known) {
            co_return Error{Errc::kCorrupt,
                            "muster.epoch of site " + server.site.str() + " holds no number"};
        }
        if (*known > epoch.value) {
            co_return Error{Errc::kConflict,
                            "site " + server.site.str() + " has seen epoch " +
                                std::to_string(*known) + ", this call carries " + number,
                            "a newer move has passed: read its state"};
        }
        if (const auto left = co_await connection->query(seen->value("statement"), {}, deadline)) {
            co_return Result<>{};
        }
    } else if (seen.error().code() != Errc::kDenied) {
        co_return Error{seen.error()}.with("site " + server.site.str());
    }
    if (server.data.empty()) {
        co_return Result<>{};  // The canary's own epoch is all there is.
    }
    auto claimed = co_await host_.run(server, host_scripts::claim(), {{number}, {}}, deadline);
    if (!claimed) {
        co_return std::move(claimed).error();
    }
    co_return Result<>{};
}

Task<> PgServerControl::await_end_of_recovery(PgConnection* connection, Instant deadline) {
    while (true) {
        CO_TRY(const auto row,
               co_await connection->query("SELECT pg_is_in_recovery() AS standby", {}, deadline));
        if (row.value("standby") == "f") {
            co_return Result<>{};
        }
        if (clock_.now() + kPromotePoll >= deadline) {
            co_return Error{Errc::kOutcomeUnknown, "the promotion has not ended in time",
                            "it goes on replaying what it received: inspect the server"};
        }
        CO_TRY_OK(co_await clock_.sleep_for(kPromotePoll));
    }
}

Task<ServerState> PgServerControl::promote(Server server, Epoch epoch, Instant deadline) {
    CO_TRY(auto connection, co_await open(server, deadline));
    CO_TRY(const auto before, co_await connection.query(pg_sql::kReceived, {}, deadline));
    CO_TRY_OK(co_await claim_epoch(&connection, server, epoch, deadline));
    if (before.value("standby") == "t") {
        if (server.is_sync_managed) {
            CO_TRY_OK((co_await change_sync_setting(&connection, {}, deadline))
                          .with("promoting site " + server.site.str()));
        }
        auto asked = co_await connection.query("SELECT pg_promote(false) AS sent", {}, deadline);
        if (!asked) {
            co_return std::move(asked).error().with("promoting site " + server.site.str());
        }
        if (asked->value("sent") != "t") {
            co_return Error{Errc::kUnavailable,
                            "site " + server.site.str() + " could not signal its own promotion"};
        }
        auto ended = co_await await_end_of_recovery(&connection, deadline);
        CO_TRY_OK(std::move(ended).with("promoting site " + server.site.str()));
    }
    auto written = co_await write_through(&connection, epoch, deadline);
    if (!written) {
        co_return std::move(written).error().with("first write at site " + server.site.str());
    }
    connection.close();
    CO_TRY(auto state, co_await ask_server(server, deadline));
    state.process = postgres::Process::kRunning;
    state.received = {};
    if (before.value("standby") == "t") {
        CO_TRY(state.received, postgres::parse_lsn(before.value("position")));
    }
    log_.info("postgres.promoted", {{"site", server.site},
                                    {"epoch", epoch},
                                    {"timeline", state.timeline},
                                    {"position", postgres::to_string(state.position)}});
    co_return state;
}

// Received is enough: a promotion replays all that was received before it ends.
Task<> PgServerControl::await_position(Server standby, Lsn position, Instant deadline) {
    CO_TRY(auto connection, co_await open(standby, deadline));
    while (true) {
        CO_TRY(const auto row, co_await read(&connection, pg_sql::kReceived, {}, deadline));
        if (row.value("standby") != "t") {
            co_return Error{Errc::kConflict,
                            "site " + standby.site.str() + " is no standby any more",
                            "read its state before going on"};
        }
        CO_TRY(const auto has, postgres::parse_lsn(row.value("position")));
        if (has >= position) {
            co_return Result<>{};
        }
        if (clock_.now() + kPositionPoll >= deadline) {
            co_return Error{Errc::kTimedOut,
                            "site " + standby.site.str() + " has received up to " +
                                postgres::to_string(has) + ", not " + postgres::to_string(position),
                            "is it connected to the old primary? see pg_stat_wal_receiver"};
        }
        CO_TRY_OK(co_await clock_.sleep_for(kPositionPoll));
    }
}

}  // namespace muster::adapters
