// Looking at a server, starting it, and proving that it takes writes. The other operations are in
// pg_fence.cpp, pg_promote.cpp, pg_divergence.cpp and pg_rebuild.cpp.

#include "adapters/postgres/pg_server_control.h"

#include <optional>

#include "adapters/postgres/pg_sql.h"
#include "base/task_group.h"
#include "postgres/lines.h"

namespace muster::adapters {

using postgres::Process;
using postgres::Role;
using postgres::Server;
using postgres::ServerState;

namespace {

Result<ServerState> state_of(const PgResult& row) {
    ServerState state;
    state.accepts_connections = true;
    const bool is_standby = row.value("standby") == "t";
    state.role = is_standby ? Role::kStandby : Role::kPrimary;
    state.is_writable = !is_standby && row.value("read_only") == "off";
    state.is_streaming = row.value("receiver") == "streaming";
    state.timeline = postgres::number_in<int>(row.value("timeline")).value_or(0);
    state.version = postgres::number_in<int>(row.value("version")).value_or(0) / 10000;
    state.system_identifier = row.value("system_identifier");
    TRY(state.received, postgres::parse_lsn(row.value("received")));
    const auto position = row.value("position");
    if (!position.empty()) {  // A standby that has replayed nothing yet has none.
        TRY(state.position, postgres::parse_lsn(position));
    }
    return state;
}

bool is_silent(const Error& error) {
    return error.code() == Errc::kTimedOut || error.code() == Errc::kOutcomeUnknown;
}

}  // namespace

struct PgServerControl::Sighting {
    std::optional<Result<ServerState>> by_sql;
};

PgServerControl::PgServerControl(Executor executor, Clock& clock, Log& log,
                                 workflow::CommandRunner& commands)
    : executor_(std::move(executor)),
      clock_(clock),
      log_(log),
      host_(commands),
      commands_(commands) {
}

Task<PgConnection> PgServerControl::open(Server server, Instant deadline) {
    PgConnection connection(executor_, clock_);
    auto connected = co_await connection.connect(server.conninfo, deadline);
    if (!connected) {
        co_return std::move(connected).error().with("site " + server.site.str());
    }
    co_return connection;
}

Task<PgResult> PgServerControl::read(PgConnection* connection, std::string sql,
                                     std::vector<std::string> parameters, Instant deadline) {
    auto row = co_await connection->query(std::move(sql), std::move(parameters), deadline);
    if (!row && row.error().code() == Errc::kOutcomeUnknown) {
        co_return Error{Errc::kTimedOut, row.error().message()};
    }
    co_return row;
}

Task<ServerState> PgServerControl::ask_server(Server server, Instant deadline) {
    CO_TRY(auto connection, co_await open(server, deadline));
    auto row = co_await connection.query(pg_sql::kState, {}, deadline);
    if (!row) {
        co_return std::move(row).error().with("site " + server.site.str());
    }
    co_return state_of(*row);
}

Task<ServerState> PgServerControl::ask_host(Server server, Instant deadline) {
    CO_TRY(const auto told, co_await host_.run(server, host_scripts::inspect(), {}, deadline));
    co_return read_host_state(told.output);
}

Task<> PgServerControl::look_by_sql(Server server, std::shared_ptr<Sighting> seen,
                                    Instant deadline) {
    seen->by_sql = co_await ask_server(std::move(server), deadline);
    co_return Result<>{};
}

Task<ServerState> PgServerControl::inspect(Server server, Instant deadline) {
    // Shared with the child, which may outlive a cancelled wait until stop() has ended it.
    const auto seen = std::make_shared<Sighting>();
    TaskGroup group(executor_);
    group.spawn(look_by_sql(server, seen, deadline));
    Result<ServerState> host = ServerState{};
    if (!server.data.empty()) {
        host = co_await ask_host(server, deadline);
    }
    const bool is_gone =
        host && (host->process == Process::kStopped || host->process == Process::kFrozen);
    // Where nobody is there to answer, the deadline is not waited for.
    Result<> waited;
    if (!is_gone) {
        waited = co_await group.wait();
    }
    const auto stopped = co_await group.stop();
    CO_TRY_OK(std::move(waited));
    CO_TRY_OK(stopped);
    if (!seen->by_sql || !*seen->by_sql) {
        if (!host) {
            co_return std::move(host).error();
        }
        if (server.data.empty()) {
            co_return std::move(seen->by_sql->error())
                .hinting("set data, so that the host is asked");
        }
        if (seen->by_sql) {
            const auto& error = seen->by_sql->error();
            host->detail += (is_silent(error) ? ", silent: " : ", ") + error.message();
        }
        co_return std::move(*host);
    }
    auto state = std::move(**seen->by_sql);
    state.process = host ? host->process : Process::kUnknown;
    state.detail = host ? host->detail : host.error().message();
    co_return state;
}

Task<> PgServerControl::start(Server server, Instant deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::seconds>(deadline - clock_.now()).count();
    const Host::Input input{{std::to_string(std::max<long>(1, left))}, {}};
    auto started = co_await host_.run(server, host_scripts::start(), input, deadline);
    if (!started) {
        co_return std::move(started).error().with("starting PostgreSQL");
    }
    log_.info("postgres.started", {{"site", server.site}});
    co_return Result<>{};
}

Task<> PgServerControl::write_through(PgConnection* connection, Epoch epoch, Instant deadline) {
    const auto number = std::to_string(epoch.value);
    const auto token = format_wall(clock_.wall()) + " " + number;
    auto written = co_await connection->query(pg_sql::kWriteCanary, {number, token}, deadline);
    const auto lacks = [&written](std::string_view code) {
        return !written && written.error().message().find(code) != std::string::npos;
    };
    if (lacks("[42P01]") || lacks("[3F000]")) {
        // A concurrent maker may win: then this fails, and the write below tells the truth.
        static_cast<void>(co_await connection->query(pg_sql::kMakeCanary, {}, deadline));
        written = co_await connection->query(pg_sql::kWriteCanary, {number, token}, deadline);
    }
    if (!written) {
        auto error = std::move(written).error();
        if (is_silent(error)) {
            co_return std::move(error).hinting(
                "does synchronous_standby_names name a standby that is gone?");
        }
        co_return std::move(error);
    }
    if (written->rows.empty()) {
        co_return Error{Errc::kConflict, "the database has seen an epoch above " + number,
                        "a newer move has passed: read its state"};
    }
    CO_TRY(const auto read, co_await connection->query(pg_sql::kReadCanary, {}, deadline));
    if (read.value("epoch") != number) {
        co_return Error{Errc::kConflict, "epoch " + read.value("epoch") + " wrote over " + number};
    }
    co_return Result<>{};
}

Task<> PgServerControl::write_canary(Server server, Epoch epoch, Instant deadline) {
    CO_TRY(auto connection, co_await open(server, deadline));
    auto written = co_await write_through(&connection, epoch, deadline);
    co_return std::move(written).with("writing at site " + server.site.str());
}

}  // namespace muster::adapters
