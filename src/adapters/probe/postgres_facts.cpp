#include "adapters/probe/postgres_facts.h"

#include <algorithm>
#include <array>

#include "adapters/net/failure.h"

namespace muster::adapters {

std::string_view postgres_status_query() {
    // The timeline of a primary is in the name of its current WAL file: the control file only
    // follows at the next checkpoint. A standby's is what it receives, else the control file's.
    // lag_bytes is what the sender is known to have and this standby has not replayed. Without
    // pg_monitor the columns of the views are NULL: then the fact is missing, not false.
    return R"sql(
SELECT s.standby,
       current_setting('transaction_read_only') AS read_only,
       CASE WHEN s.standby
            THEN coalesce(r.received_tli, (pg_control_checkpoint()).timeline_id)::text
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int::text
       END AS timeline,
       CASE WHEN s.standby THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            ELSE pg_current_wal_lsn() END AS lsn,
       CASE WHEN s.standby THEN pg_last_wal_receive_lsn() END AS received_lsn,
       CASE WHEN s.standby THEN pg_last_wal_replay_lsn() END AS replay_lsn,
       CASE WHEN s.standby THEN CASE WHEN r.pid IS NULL THEN false
            ELSE r.status = 'streaming' END END AS streaming,
       CASE WHEN s.standby THEN round(extract(epoch FROM
            clock_timestamp() - r.last_msg_receipt_time) * 1000)::bigint END AS last_msg_age_ms,
       CASE WHEN s.standby THEN greatest(0,
            pg_wal_lsn_diff(r.latest_end_lsn, pg_last_wal_replay_lsn())) END AS lag_bytes,
       CASE WHEN NOT s.standby THEN (SELECT CASE WHEN count(*) = 0 THEN 'none' ELSE
            (array_agg(sync_state ORDER BY array_position(
                ARRAY['sync', 'quorum', 'potential', 'async'], sync_state)))[1] END
              FROM pg_stat_replication) END AS sync_state,
       l.lost AS slots_lost, l.idle AS slots_idle, l.idle_bytes AS slots_idle_bytes,
       CASE WHEN NOT s.standby THEN current_setting('synchronous_standby_names') END AS sync_names,
       CASE WHEN NOT s.standby THEN (SELECT string_agg(concat_ws(' ',
            regexp_replace(application_name, '[^A-Za-z0-9_.-]', '_', 'g'), state, sync_state,
            flush_lsn), ', ' ORDER BY application_name, pid)
              FROM pg_stat_replication WHERE state IN ('streaming', 'catchup')) END AS replicas,
       current_setting('server_version_num') AS version,
       (pg_control_system()).system_identifier AS system_identifier
  FROM (SELECT pg_is_in_recovery() AS standby) s
  LEFT JOIN pg_stat_wal_receiver r ON true
  LEFT JOIN LATERAL (
       SELECT string_agg(slot_name, ' ') FILTER (WHERE wal_status = 'lost') AS lost,
              string_agg(slot_name, ' ') FILTER (WHERE restart_lsn IS NOT NULL) AS idle,
              max(pg_wal_lsn_diff(CASE WHEN s.standby THEN pg_last_wal_replay_lsn()
                                  ELSE pg_current_wal_lsn() END, restart_lsn))::bigint AS idle_bytes
         FROM pg_replication_slots WHERE NOT active) l ON true)sql";
}

std::string_view postgres_history_query() {
    return R"sql(
SELECT pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history',
                    0, 65536, true) AS history)sql";
}

std::string_view postgres_oldest_wal_query() {
    // A segment's name is timeline, then the high and the low part of its number.
    return R"sql(
SELECT upper(to_hex(('x' || left(o.number, 8))::bit(32)::bigint)) || '/' ||
       upper(to_hex(('x' || right(o.number, 8))::bit(32)::bigint *
                    pg_size_bytes(current_setting('wal_segment_size')))) AS oldest_wal_lsn
  FROM (SELECT min(substr(name, 9)) AS number FROM pg_ls_waldir()
         WHERE name ~ '^[0-9A-F]{24}$') o)sql";
}

Fields postgres_facts(const PgResult& status) {
    Fields facts;
    const bool is_standby = status.value("standby") == "t";
    facts["role"] = is_standby ? "standby" : "primary";
    facts["writable"] = is_standby || status.value("read_only") == "on" ? "false" : "true";
    for (const auto* name : {"timeline", "lsn", "received_lsn", "replay_lsn", "last_msg_age_ms",
                             "lag_bytes", "sync_state", "sync_names", "replicas", "version",
                             "system_identifier", "slots_lost", "slots_idle", "slots_idle_bytes"}) {
        if (auto value = status.value(name); !value.empty()) {
            facts[name] = std::move(value);
        }
    }
    if (const auto streaming = status.value("streaming"); !streaming.empty()) {
        facts["streaming"] = streaming == "t" ? "true" : "false";
    }
    return facts;
}

probe::Evidence evidence_of(const Error& error) {
    const std::string_view message = error.message();
    if (is_refusal(error)) {
        return probe::Evidence::kHard;
    }
    // PostgreSQL manual, appendix A: 25006 read-only transaction, 53100 disk full, 57P01 to 57P03
    // shutting down, crashed, starting up; class 58 system error, class XX internal or corrupted.
    constexpr std::array<std::string_view, 7> kUnfit = {"[25006]", "[53100]", "[57P01]", "[57P02]",
                                                        "[57P03]", "[58",     "[XX"};
    const bool is_unfit = std::ranges::any_of(
        kUnfit, [message](std::string_view state) { return message.contains(state); });
    return is_unfit ? probe::Evidence::kHard : probe::Evidence::kSilence;
}

bool refuses_probe(const Error& error) {
    return evidence_of(error) == probe::Evidence::kSilence &&
           (error.code() == Errc::kDenied || error.code() == Errc::kInvalid);
}

}  // namespace muster::adapters
