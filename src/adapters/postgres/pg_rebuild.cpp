// Making an old primary a standby of the new one. The order is the point: roles are proven at the
// moment of action, what only the old primary has is kept before anything of it is destroyed, and
// the old directory goes only when its successor streams.

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "adapters/postgres/parting.h"
#include "adapters/postgres/pg_server_control.h"
#include "adapters/postgres/pg_sql.h"
#include "adapters/postgres/source_conninfo.h"
#include "postgres/lines.h"

namespace muster::adapters {

namespace asio = boost::asio;

using postgres::Process;
using postgres::RebuildBy;
using postgres::Role;
using postgres::Server;
using postgres::ServerState;
using postgres::StopMode;

namespace {

// Nothing is appended to such a one.
bool is_uri(const std::string& conninfo) {
    return conninfo.starts_with("postgres://") || conninfo.starts_with("postgresql://");
}

// A primary that falls silent while it is copied from would hold the tools for hours; its kernel
// answers these however busy it is.
std::string with_keepalives(const std::string& conninfo) {
    return is_uri(conninfo) || conninfo.find("keepalives") != std::string::npos
               ? conninfo
               : conninfo + " keepalives_idle=10 keepalives_interval=5 keepalives_count=3";
}

bool is_cancelled(const Error& error) {
    return error.code() == Errc::kCancelled;
}

// Told to end while it waited for something whose failure is no reason to end.
Task<> still_wanted() {
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        co_return Error{Errc::kCancelled, "the rebuild was cut short"};
    }
    co_return Result<>{};
}

}  // namespace

struct PgServerControl::Standby {
    Epoch epoch;
    std::string slot;
    std::string conninfo;  // Of the primary, for the tools.
    std::string settings;  // Lines for postgresql.auto.conf.
    int timeline = 0;      // Of the primary: what the standby must stream.
    bool can_rewind = false;

    [[nodiscard]] Host::Input input() const {
        return {{std::to_string(epoch.value), slot}, with_keepalives(conninfo) + "\n" + settings};
    }
};

namespace {

constexpr Duration kStreamPoll = std::chrono::milliseconds(20);
// A WAL receiver calls itself streaming before the primary has agreed, and tries anew at once: only
// one that stays so for this long streams.
constexpr Duration kSteady = std::chrono::milliseconds(300);
// A standby whose WAL is still there streams at once; one whose WAL is gone never does.
constexpr Duration kRestartPatience = std::chrono::seconds(10);

// A text value in a configuration file: quotes and backslashes are doubled.
std::string setting(std::string_view name, std::string_view value) {
    std::string line = std::string(name) + " = '";
    for (const char c : value) {
        line += (c == '\'' || c == '\\') ? std::string(2, c) : std::string(1, c);
    }
    return line + "'\n";
}

}  // namespace

std::string source_conninfo(const Server& server, const Server& primary) {
    auto text =
        primary.replication_conninfo.empty() ? primary.conninfo : primary.replication_conninfo;
    if (!is_uri(text) && text.find("application_name") == std::string::npos) {
        text += " application_name=" + server.standby_name();
    }
    return text;
}

// PM-05 of the field's history: a wipe aimed at the standby that hit the primary. Neither the
// plan's word nor an earlier state counts here, only what both servers are now.
Task<ServerState> PgServerControl::prove_roles(Server server, Server primary, Epoch epoch,
                                               Instant deadline) {
    const auto site = server.site.str();
    auto fresh = co_await ask_server(primary, deadline);
    if (!fresh) {
        co_return std::move(fresh).error().with("proving that there is another primary");
    }
    if (!fresh->is_writable) {
        co_return Error{Errc::kDenied,
                        "site " + primary.site.str() + " takes no writes: it is no primary",
                        "nothing was touched; promote it first, or name the right primary"};
    }
    CO_TRY_OK(co_await host_.run(server, host_scripts::recover_swap(), {}, deadline));
    // The control file is asked apart from SQL: conninfo may reach another server than `data` is
    // of.
    CO_TRY(const auto by_host, co_await ask_host(server, deadline));
    CO_TRY(auto mine, co_await inspect(server, deadline));
    const bool is_alive = by_host.process != Process::kStopped;
    const bool is_standby = by_host.role == Role::kStandby && mine.role == Role::kStandby;
    if (mine.is_writable || (is_alive && !is_standby)) {
        co_return Error{Errc::kDenied,
                        "site " + site + " is not proven to be out of force: " + mine.detail,
                        "nothing was touched; fence it first"};
    }
    if (!mine.system_identifier.empty() && mine.system_identifier != fresh->system_identifier) {
        co_return Error{Errc::kDenied,
                        "site " + site + " holds another cluster than " + primary.site.str(),
                        "nothing was touched; empty " + server.data + " by hand if that is meant"};
    }
    if (is_alive && mine.is_streaming && mine.timeline == fresh->timeline) {
        co_return mine;
    }
    if (is_alive) {
        CO_TRY(mine, co_await fence(server, epoch, StopMode::kFast, deadline));
    }
    mine.is_streaming = false;
    co_return mine;
}

Task<PgServerControl::Standby> PgServerControl::plan_standby(Server server, Server primary,
                                                             Epoch epoch, Instant deadline) {
    Standby standby;
    standby.epoch = epoch;
    standby.slot = server.standby_name();
    standby.conninfo = source_conninfo(server, primary);
    if (standby.conninfo.find('\n') != std::string::npos) {
        co_return Error{Errc::kInvalid,
                        "the conninfo of site " + primary.site.str() + " has a line break"};
    }
    // A running standby follows the newest timeline by default since 12; older settings may not.
    standby.settings = setting("primary_conninfo", standby.conninfo) +
                       setting("primary_slot_name", standby.slot) +
                       setting("recovery_target_timeline", "latest");
    CO_TRY(auto connection, co_await open(primary, deadline));
    CO_TRY_OK(co_await make_slot(&connection, primary, standby.slot, deadline));
    // Until 15 pg_rewind reads the source's timeline from its control file, where a promotion shows
    // only after the next checkpoint. Without the right to make one a base backup is taken.
    static_cast<void>(co_await connection.query("CHECKPOINT", {}, deadline));
    CO_TRY(const auto row, co_await connection.query(pg_sql::kTimelines, {}, deadline));
    standby.timeline = postgres::number_in<int>(row.value("timeline")).value_or(0);
    standby.can_rewind = row.value("timeline") == row.value("on_disk");
    co_return standby;
}

Task<ServerState> PgServerControl::await_streaming(Server server, int timeline, Instant deadline) {
    std::optional<Instant> since;
    while (true) {
        const auto state = co_await ask_server(server, deadline);
        CO_TRY_OK(co_await still_wanted());
        const bool is_streaming = state && state->role == Role::kStandby && state->is_streaming &&
                                  state->timeline == timeline;
        since = is_streaming ? std::optional(since.value_or(clock_.now())) : std::nullopt;
        if (since && clock_.now() - *since >= kSteady) {
            auto found = *state;
            found.process = Process::kRunning;
            co_return found;
        }
        if (clock_.now() + kStreamPoll >= deadline) {
            co_return Error{Errc::kOutcomeUnknown,
                            "site " + server.site.str() + " runs, but does not stream timeline " +
                                std::to_string(timeline) +
                                (state ? "" : ": " + state.error().message()),
                            "its server log tells why; pg_hba.conf of the primary needs a "
                            "replication line for it"};
        }
        CO_TRY_OK(co_await clock_.sleep_for(kStreamPoll));
    }
}

Task<ServerState> PgServerControl::restart_as_standby(Server server, Standby standby,
                                                      Instant deadline) {
    CO_TRY_OK(
        co_await host_.run(server, host_scripts::configure_standby(), standby.input(), deadline));
    CO_TRY_OK(co_await start(server, deadline));
    const auto patience = std::min(deadline, clock_.now() + kRestartPatience);
    co_return co_await await_streaming(server, standby.timeline, patience);
}

Task<std::optional<ServerState>> PgServerControl::rewind(Server server, Standby standby,
                                                         Instant deadline) {
    CO_TRY_OK(co_await still_wanted());
    // Half a rewind leaves a directory of which nobody can say what it had: it is let finish, which
    // takes no longer than its source lives. The cancellation counts afterwards.
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation(),
                                                       asio::disable_cancellation());
    const auto rewound =
        co_await host_.run(server, host_scripts::rewind(), standby.input(), deadline);
    CO_TRY_OK(co_await still_wanted());
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    if (!rewound) {
        log_.warn("postgres.rewind_failed",
                  {{"site", server.site}, {"error", rewound.error().message()}});
        co_return std::optional<ServerState>();
    }
    auto state = co_await restart_as_standby(server, standby, deadline);
    if (!state && is_cancelled(state.error())) {
        co_return state.error();
    }
    if (!state) {
        CO_TRY_OK(co_await fence(server, standby.epoch, StopMode::kImmediate, deadline));
        co_return std::optional<ServerState>();
    }
    log_.info("postgres.rewound", {{"site", server.site}});
    co_return std::optional<ServerState>(std::move(*state));
}

Task<ServerState> PgServerControl::renew(Server server, Standby standby, Instant deadline) {
    if (standby.can_rewind && server.rebuild_by != RebuildBy::kBaseBackup) {
        CO_TRY(auto rewound, co_await rewind(server, standby, deadline));
        if (rewound) {
            co_return std::move(*rewound);
        }
    }
    if (server.rebuild_by == RebuildBy::kRewind) {
        co_return Error{
            Errc::kDenied,
            "site " + server.site.str() + " could not be rewound, and the plan wants nothing else",
            "its log tells why; or set `rebuild: auto` in the plan"};
    }
    CO_TRY_OK(co_await still_wanted());
    CO_TRY_OK(co_await host_.run(server, host_scripts::base_backup(), standby.input(), deadline));
    CO_TRY_OK(co_await start(server, deadline));
    auto state = co_await await_streaming(server, standby.timeline, deadline);
    if (state) {
        log_.info("postgres.base_backup_taken", {{"site", server.site}});
    }
    co_return state;
}

Task<> PgServerControl::drop_own_slots(Server server, Instant deadline) {
    CO_TRY(auto connection, co_await open(server, deadline));
    std::string kept;
    for (const auto& slot : server.downstream) {
        kept += (kept.empty() ? "" : " ") + slot;
    }
    CO_TRY_OK(co_await connection.query(pg_sql::kDropSlots, {kept}, deadline));
    co_return Result<>{};
}

Task<> PgServerControl::require_kept(Server server, Parting parting, Instant deadline) {
    auto kept =
        co_await host_.run(server, host_scripts::verify_kept(), {{parting.note()}, {}}, deadline);
    if (!kept) {
        co_return std::move(kept).error().hinting("nothing was touched; keep the divergence first");
    }
    co_return Result<>{};
}

Task<ServerState> PgServerControl::rejoin(Server server, Standby standby, Parting parting,
                                          Instant deadline) {
    if (parting.records == 0) {
        auto made = co_await restart_as_standby(server, standby, deadline);
        if (made || is_cancelled(made.error())) {
            co_return made;
        }
        if (clock_.now() < deadline) {
            log_.warn("postgres.restart_failed",
                      {{"site", server.site}, {"error", made.error().message()}});
            CO_TRY_OK(co_await fence(server, standby.epoch, StopMode::kFast, deadline));
        }
    }
    standby.can_rewind = standby.can_rewind && parting.can_rewind;
    co_return co_await renew(server, standby, deadline);
}

Task<ServerState> PgServerControl::rebuild(Server server, Server primary, Epoch epoch,
                                           Instant deadline) {
    CO_TRY(auto state, co_await prove_roles(server, primary, epoch, deadline));
    if (!state.is_streaming) {
        CO_TRY(const auto parting, co_await find_parting(server, primary, deadline));
        if (parting.records > 0) {
            CO_TRY_OK(co_await require_kept(server, parting, deadline));
        }
        CO_TRY(const auto standby, co_await plan_standby(server, primary, epoch, deadline));
        CO_TRY(state, co_await rejoin(server, standby, parting, deadline));
    }
    CO_TRY_OK(co_await host_.run(server, host_scripts::drop_old(), {}, deadline));
    CO_TRY_OK(co_await drop_own_slots(server, deadline));
    log_.info("postgres.rebuilt", {{"site", server.site}, {"timeline", state.timeline}});
    co_return state;
}

}  // namespace muster::adapters
