#include "adapters/probe/heartbeat.h"

#include <algorithm>
#include <charconv>

namespace muster::adapters {

namespace {

constexpr auto kMakeTable = R"sql(
CREATE SCHEMA IF NOT EXISTS muster;
CREATE TABLE IF NOT EXISTS muster.heartbeat (
    service text PRIMARY KEY, writer text NOT NULL, mono_ns bigint NOT NULL,
    wall timestamptz NOT NULL, epoch bigint NOT NULL))sql";

constexpr auto kWrite = R"sql(
INSERT INTO muster.heartbeat AS h (service, writer, mono_ns, wall, epoch)
VALUES ($1, $2, $3::bigint, $4::timestamptz, $5::bigint)
ON CONFLICT (service) DO UPDATE
   SET writer = excluded.writer, mono_ns = excluded.mono_ns, wall = excluded.wall,
       epoch = greatest(h.epoch, excluded.epoch))sql";

constexpr auto kRead = R"sql(
SELECT writer, mono_ns, round(extract(epoch FROM $2::timestamptz - wall) * 1000000)::bigint
       AS wall_age_us
  FROM muster.heartbeat WHERE service = $1)sql";

bool is_missing_table(const Error& error) {
    // 42P01 undefined table, 3F000 invalid schema name.
    return error.message().starts_with("[42P01]") || error.message().starts_with("[3F000]");
}

std::int64_t number(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Fields facts_for(Instant written, Instant now) {
    const auto age = std::max(Duration::zero(), now - written);
    return {{"heartbeat_at_ns", std::to_string(written.time_since_epoch().count())},
            {"heartbeat_age_ms",
             std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(age).count())}};
}

}  // namespace

Heartbeat::Heartbeat(Row row, PgConnection& connection, Clock& clock)
    : row_(std::move(row)), connection_(connection), clock_(clock) {
}

Task<Fields> Heartbeat::write(Instant deadline) {
    const auto written = clock_.now();
    const std::vector<std::string> row = {
        row_.service, row_.writer, std::to_string(written.time_since_epoch().count()),
        format_wall(clock_.wall()), row_.epoch.empty() ? "0" : row_.epoch};
    auto done = co_await connection_.query(kWrite, row, deadline);
    if (!done && is_missing_table(done.error())) {
        CO_TRY_OK(co_await connection_.query(kMakeTable, {}, deadline));
        done = co_await connection_.query(kWrite, row, deadline);
    }
    if (!done) {
        co_return std::move(done).error();
    }
    co_return facts_for(written, clock_.now());
}

Task<Fields> Heartbeat::read(Instant deadline) {
    const auto found =
        co_await connection_.query(kRead, {row_.service, format_wall(clock_.wall())}, deadline);
    if (!found) {
        if (is_missing_table(found.error())) {
            co_return Fields{};
        }
        co_return found.error();
    }
    if (found->rows.empty()) {
        co_return Fields{};
    }
    // Monotonic times compare within one node only; another node's beat is dated by wall clocks.
    const auto now = clock_.now();
    const bool is_own = found->value("writer") == row_.writer && !row_.writer.empty();
    const Instant written =
        is_own ? Instant(Duration(number(found->value("mono_ns"))))
               : now - std::chrono::microseconds(number(found->value("wall_age_us")));
    co_return facts_for(written, now);
}

}  // namespace muster::adapters
