#pragma once

namespace muster::adapters::pg_sql {

/// One row that tells what a server is. Works on both roles. pg_last_wal_receive_lsn is what was
/// flushed (since 13); the receiver's status is shown to pg_read_all_stats only.
inline constexpr const char* kState = R"sql(
SELECT pg_is_in_recovery() AS standby,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
           AS position,
       coalesce(pg_last_wal_receive_lsn(), '0/0') AS received,
       current_setting('server_version_num') AS version,
       current_setting('transaction_read_only') AS read_only,
       coalesce((SELECT status FROM pg_stat_wal_receiver), '') AS receiver,
       CASE WHEN pg_is_in_recovery()
            THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver),
                          (SELECT timeline_id FROM pg_control_checkpoint()))
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END
           AS timeline,
       (SELECT system_identifier FROM pg_control_system()) AS system_identifier
)sql";

inline constexpr const char* kReceived = R"sql(
SELECT pg_is_in_recovery() AS standby,
       greatest(coalesce(pg_last_wal_receive_lsn(), '0/0'),
                coalesce(pg_last_wal_replay_lsn(), '0/0')) AS position
)sql";

/// The epoch that the data directory has seen, and the statement that leaves another one there.
inline constexpr const char* kReadEpoch = R"sql(
SELECT coalesce(pg_read_file('muster.epoch', 0, 64, true), '0') AS epoch,
       format('COPY (SELECT %L) TO %L', $1::text,
              current_setting('data_directory') || '/muster.epoch') AS statement
)sql";

inline constexpr const char* kMakeCanary = R"sql(
CREATE SCHEMA IF NOT EXISTS muster;
CREATE TABLE IF NOT EXISTS muster.canary (
    id integer PRIMARY KEY, epoch bigint NOT NULL, token text NOT NULL,
    written_at timestamptz NOT NULL)
)sql";

inline constexpr const char* kWriteCanary = R"sql(
INSERT INTO muster.canary AS c (id, epoch, token, written_at)
VALUES (1, $1::bigint, $2, clock_timestamp())
ON CONFLICT (id) DO UPDATE
SET epoch = EXCLUDED.epoch, token = EXCLUDED.token, written_at = EXCLUDED.written_at
WHERE c.epoch <= EXCLUDED.epoch
RETURNING token
)sql";

inline constexpr const char* kReadCanary = "SELECT token, epoch FROM muster.canary WHERE id = 1";

/// A primary's timeline, now and as its control file tells it.
inline constexpr const char* kTimelines = R"sql(
SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline,
       (SELECT timeline_id FROM pg_control_checkpoint()) AS on_disk
)sql";

inline constexpr const char* kMakeSlot = R"sql(
SELECT pg_create_physical_replication_slot($1, true)
WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = $1)
)sql";

/// Slots left from the time as a primary would keep WAL for ever.
inline constexpr const char* kDropSlots = R"sql(
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name LIKE 'muster\_%' AND slot_type = 'physical' AND NOT active
)sql";

}  // namespace muster::adapters::pg_sql
