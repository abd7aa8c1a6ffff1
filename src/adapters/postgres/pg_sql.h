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

/// The setting in force, and the statement that makes it $1.
inline constexpr const char* kSyncSetting = R"sql(
SELECT current_setting('synchronous_standby_names') AS names,
       format('ALTER SYSTEM SET synchronous_standby_names = %L', $1::text) AS statement,
       (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS commits
)sql";

/// Whether the standby $1, and it alone, is what commits wait for, and has flushed up to $2.
/// PostgreSQL compares these names without regard to case.
inline constexpr const char* kIsInSync = R"sql(
SELECT count(*) FILTER (WHERE lower(application_name) = lower($1)) AS named,
       count(*) FILTER (WHERE lower(application_name) = lower($1) AND state = 'streaming'
                          AND sync_state = 'sync' AND flush_lsn >= $2::pg_lsn) = 1
       AND count(*) FILTER (WHERE lower(application_name) <> lower($1)
                              AND sync_state <> 'async') = 0 AS in_sync
  FROM pg_stat_replication
)sql";

/// How a standby connects, and the statement that adds its name; libpq takes the last of a key.
inline constexpr const char* kStandbyName = R"sql(
SELECT pg_is_in_recovery() AS standby,
       current_setting('primary_conninfo') ~ '^postgres(ql)?://' AS is_uri,
       current_setting('primary_conninfo')
           ~ ('application_name=[''"]?' || $1 || '[''"]?[[:space:]]*$') AS is_named,
       format('ALTER SYSTEM SET primary_conninfo = %L',
              current_setting('primary_conninfo') || ' application_name=' || $1) AS statement
)sql";

/// The WAL senders that serve the standby $1, and whether it has confirmed up to $2.
inline constexpr const char* kSenders = R"sql(
SELECT pg_is_in_recovery() AS standby,
       CASE WHEN pg_is_in_recovery() THEN '0/0' ELSE pg_current_wal_flush_lsn() END AS position,
       count(*) AS senders, coalesce(string_agg(pid::text, ' '), '') AS pids,
       coalesce(max(flush_lsn), '0/0') AS flushed,
       coalesce(max(flush_lsn) >= $2::pg_lsn, false) AS has_all
  FROM pg_stat_replication WHERE lower(application_name) = lower($1)
)sql";

/// Tells the WAL senders with these numbers to end; how many there still were.
inline constexpr const char* kEndSenders = R"sql(
SELECT count(pg_terminate_backend(pid)) AS left FROM pg_stat_replication
 WHERE pid::text = ANY (string_to_array($1, ' '))
)sql";

/// The statement that changes a standby's connection settings by nothing but a space at the end.
inline constexpr const char* kReceiver = R"sql(
SELECT pg_is_in_recovery() AS standby,
       current_setting('primary_conninfo') <> ''
           AND current_setting('primary_conninfo') !~ '^postgres(ql)?://' AS is_plain,
       format('ALTER SYSTEM SET primary_conninfo = %L',
              CASE WHEN current_setting('primary_conninfo') LIKE '% '
                   THEN rtrim(current_setting('primary_conninfo'))
                   ELSE current_setting('primary_conninfo') || ' ' END) AS statement
)sql";

/// A primary's timeline, now and as its control file tells it.
inline constexpr const char* kTimelines = R"sql(
SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline,
       (SELECT timeline_id FROM pg_control_checkpoint()) AS on_disk
)sql";

inline constexpr const char* kMakeSlot = R"sql(
SELECT pg_create_physical_replication_slot($1, true)
WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = $1)
)sql";

/// Slots left from the time as a primary would keep WAL for ever; those of a cascade stay.
inline constexpr const char* kDropSlots = R"sql(
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name LIKE 'muster\_%' AND slot_type = 'physical' AND NOT active
  AND NOT slot_name = ANY (string_to_array($1, ' '))
)sql";

/// The settings of a standby's source, as the statements that change them; empty when they are so
/// already. $1 primary_conninfo, $2 primary_slot_name. ALTER SYSTEM takes no parameters.
inline constexpr const char* kPointAt = R"sql(
SELECT format('ALTER SYSTEM SET primary_conninfo = %L', $1::text) AS conninfo,
       format('ALTER SYSTEM SET primary_slot_name = %L', $2::text) AS slot,
       current_setting('primary_conninfo') = $1
           AND current_setting('primary_slot_name') = $2 AS is_so
)sql";

}  // namespace muster::adapters::pg_sql
