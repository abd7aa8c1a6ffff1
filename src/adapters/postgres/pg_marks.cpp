// The marks that tell whether a server was left by a move. A server that answers is asked by SQL
// alone: an ssh round trip is time in which it takes writes.

#include "adapters/postgres/pg_server_control.h"
#include "adapters/postgres/pg_sql.h"
#include "postgres/lines.h"

namespace muster::adapters {

using postgres::Marks;
using postgres::Process;
using postgres::Server;

namespace {

constexpr Duration kAnswersWithin = std::chrono::milliseconds(500);

// Sessions of clients and the newest sign of a write that is known without any setting of theirs.
constexpr const char* kMeans = R"sql(
SELECT (SELECT count(*) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS sessions,
       CASE WHEN current_setting('track_commit_timestamp') = 'on' AND NOT pg_is_in_recovery()
            THEN (SELECT to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                    FROM pg_last_committed_xact()) END AS last_commit
)sql";

constexpr const char* kNewestBeat = R"sql(
SELECT to_char(max(wall) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS beat
  FROM muster.heartbeat
)sql";

bool is_missing_table(const Error& error) {
    return error.message().find("[42P01]") != std::string::npos ||
           error.message().find("[3F000]") != std::string::npos;
}

// A database without the table was never promoted by muster: that is epoch 0, and known.
std::optional<Epoch> canary_of(const Result<PgResult>& row) {
    if (!row) {
        return is_missing_table(row.error()) ? std::optional(Epoch{}) : std::nullopt;
    }
    if (row->rows.empty()) {
        return Epoch{};
    }
    const auto number = postgres::number_in<std::uint64_t>(row->value("epoch"));
    return number ? std::optional(Epoch{*number}) : std::nullopt;
}

std::string value_in(const std::string& told, std::string_view key) {
    for (const auto line : postgres::lines_of(told)) {
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=') {
            return std::string(line.substr(key.size() + 1));
        }
    }
    return {};
}

}  // namespace

Task<Marks> PgServerControl::marks_by_sql(Server server, Instant deadline) {
    Marks marks;
    CO_TRY(marks.state, co_await ask_server(server, deadline));
    CO_TRY(auto connection, co_await open(server, deadline));
    marks.canary = canary_of(co_await connection.query(pg_sql::kReadCanary, {}, deadline));
    if (const auto means = co_await connection.query(kMeans, {}, deadline)) {
        marks.sessions = postgres::number_in<int>(means->value("sessions"));
        marks.last_write = means->value("last_commit");
    }
    if (marks.last_write.empty()) {
        if (const auto beat = co_await connection.query(kNewestBeat, {}, deadline)) {
            marks.last_write = beat->value("beat");
        }
    }
    co_return marks;
}

Task<Marks> PgServerControl::marks_by_host(Server server, Instant deadline) {
    CO_TRY(const auto told, co_await host_.run(server, host_scripts::inspect(), {}, deadline));
    Marks marks;
    CO_TRY(marks.state, read_host_state(told.output));
    marks.has_signal = value_in(told.output, "signal") == "yes";
    if (const auto epoch = postgres::number_in<std::uint64_t>(value_in(told.output, "epoch"))) {
        marks.on_disk = Epoch{*epoch};
    }
    co_return marks;
}

Task<Marks> PgServerControl::read_marks(Server server, Instant deadline) {
    const auto patience = std::min(deadline, clock_.now() + kAnswersWithin);
    auto answered = co_await marks_by_sql(server, patience);
    if (answered || server.data.empty() || answered.error().code() == Errc::kCancelled) {
        co_return answered;
    }
    co_return co_await marks_by_host(std::move(server), deadline);
}

}  // namespace muster::adapters
