#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/task.h"
#include "base/time.h"
#include "postgres/lsn.h"
#include "postgres/wal_dump.h"

namespace muster::postgres {

/// How a server that has writes of its own becomes a standby: pg_rewind and, where that does not
/// lead there, a base backup; or only one of the two.
enum class RebuildBy { kAuto, kRewind, kBaseBackup };

/// Where one PostgreSQL server is and how it is handled.
struct Server {
    SiteId site;
    std::string name;      ///< Among the servers of its component; empty: the site's name.
    std::string conninfo;  ///< libpq; passwords by passfile or environment, never printed.
    std::string data;      ///< Data directory on its host; empty: only SQL reaches it.
    std::string bin;       ///< Directory of pg_ctl; empty: found by `pg_config --bindir` or PATH.
    std::string ssh;       ///< "user@host"; empty: this host.
    std::string run_as;    ///< The server's user, when we are root.
    std::string replication_conninfo;        ///< How a standby reaches it; empty: conninfo.
    std::vector<std::string> fence_command;  ///< Own fence (power, hypervisor); empty: stop it.
    std::string upstream;  ///< Name of the server that it streams from; empty: the primary.
    std::vector<std::string> downstream;  ///< standby_name() of those that stream from it.
    RebuildBy rebuild_by = RebuildBy::kAuto;
    /// muster owns synchronous_standby_names there: a promotion begins without any, because the
    /// name that it may hold is that of a server which is gone.
    bool is_sync_managed = false;

    /// What it calls itself as a standby: its application_name and its slot at the primary, which
    /// PostgreSQL limits to 63 lower-case letters, digits and underscores.
    [[nodiscard]] std::string standby_name() const;
};

enum class Process {
    kUnknown,  ///< The host can't be asked.
    kRunning,
    kFrozen,   ///< The postmaster exists but is stopped (SIGSTOP) or not scheduled.
    kStopped,  ///< Confirmed by the host: no postmaster runs on this data directory.
};
enum class Role { kUnknown, kPrimary, kStandby };
std::string_view to_string(Process process);
std::string_view to_string(Role role);

/// What is known of a server at one moment.
struct ServerState {
    Process process = Process::kUnknown;
    bool accepts_connections = false;
    Role role = Role::kUnknown;
    bool is_writable = false;
    int timeline = 0;
    Lsn position;               ///< Primary: last written; standby: last replayed.
    Lsn received;               ///< Standby: last received and flushed.
    bool is_streaming = false;  ///< Standby: its WAL receiver is connected.
    std::string system_identifier;
    int version = 0;  ///< server_version_num / 10000.
    /// It was stopped, and something started it again as a standby (standby.signal).
    bool is_back_as_standby = false;
    std::string detail;
};

/// What tells whether a server was left by a move: the marks of epochs, and what it does now.
struct Marks {
    ServerState state;
    /// The epoch in muster.canary, 0 without a row; nothing when the server does not answer.
    std::optional<Epoch> canary;
    /// The epoch in its data directory and whether standby.signal is there, when its host was
    /// asked.
    std::optional<Epoch> on_disk;
    std::optional<bool> has_signal;
    std::optional<int> sessions;  ///< Of clients, apart from ours.
    std::string last_write;       ///< WallTime of the newest heartbeat or known commit; or empty.
};

/// A table with changes in the WAL, by its name now; "relation 1663/16384/16399" when it has none.
struct TableTouched {
    std::string name;
    std::uint64_t changes = 0;
};

/// What the old primary had and the new one lacks.
struct Divergence {
    Lsn from;  ///< Where the new timeline begins.
    Lsn to;    ///< Last WAL position of the old primary.
    std::uint64_t bytes = 0;
    std::uint64_t transactions = 0;  ///< Commit records in that stretch.
    std::string artefact;  ///< Directory that keeps the WAL, verified; empty when there was none.
    std::vector<TableTouched> tables;  ///< Those with most changes, as far as it can be told.
    std::uint64_t own = 0;  ///< Of the transactions, muster's own marks: nobody waits for them.
};

enum class StopMode { kFast, kImmediate };

/// Rows looked up by id: `$1` of the query is an array of ids, and its first column gives those
/// that it found.
struct IdCheck {
    std::string query;
    std::vector<std::string> ids;
};

/// What synchronous_standby_names holds when commits wait for exactly this standby; empty: for
/// none.
std::string sync_setting(std::string_view standby);

/// Port: handles PostgreSQL servers. Every call names its server; calls are idempotent where they
/// say so. kUnavailable: the host or server could not be reached, nothing happened.
class ServerControl {
  public:
    virtual ~ServerControl() = default;

    virtual Task<ServerState> inspect(Server server, Instant deadline) = 0;
    /// The server is asked first, its host only when it does not answer. Changes nothing.
    virtual Task<Marks> read_marks(Server server, Instant deadline) = 0;
    /// Stops it and makes it stay a standby should anything start it again (standby.signal), then
    /// proves by the host that no postmaster is left. Idempotent. The epoch is left in the data
    /// directory; a lower one is refused with kConflict.
    virtual Task<ServerState> fence(Server server, Epoch epoch, StopMode mode,
                                    Instant deadline) = 0;
    /// Promotes a standby; done when it accepts a write (not when pg_promote returns). `received`
    /// of the answer is what it had received before; 0 when it was a primary already. Idempotent.
    virtual Task<ServerState> promote(Server server, Epoch epoch, Instant deadline) = 0;
    /// A planned stop that loses nothing: checkpoint, fast stop, final WAL position. Idempotent.
    virtual Task<ServerState> demote(Server server, Epoch epoch, Instant deadline) = 0;
    /// Waits until the standby has received everything up to `position`. kTimedOut otherwise.
    virtual Task<> await_position(Server standby, Lsn position, Instant deadline) = 0;
    /// Counts and keeps what `old_primary` has beyond the new timeline of `new_primary`; changes
    /// nothing on either. `keep_in` is a directory on the old primary's host.
    virtual Task<Divergence> keep_divergence(Server old_primary, Server new_primary,
                                             std::string keep_in, Instant deadline) = 0;
    /// What a stopped `server` has beyond `from`, read from its WAL; changes nothing. kDenied when
    /// it still runs as a primary.
    virtual Task<Commits> commits_after(Server server, Lsn from, Instant deadline) = 0;
    /// Makes `server` a streaming standby of `primary`: by restart where its timeline allows, else
    /// by a fresh base backup beside the old data, swapped in when complete. Idempotent.
    virtual Task<ServerState> rebuild(Server server, Server primary, Epoch epoch,
                                      Instant deadline) = 0;
    /// Points a running standby at another source, `primary` or one that itself follows it, and
    /// waits until it streams the source's timeline. kDenied when it has left that history (it
    /// then needs rebuild()); kConflict when it is no standby. Idempotent.
    virtual Task<ServerState> follow(Server standby, Server primary, Epoch epoch,
                                     Instant deadline) = 0;
    virtual Task<> start(Server server, Instant deadline) = 0;
    /// Writes and reads back through `conninfo`: proof that writes are accepted.
    virtual Task<> write_canary(Server server, Epoch epoch, Instant deadline) = 0;
    /// Makes commits wait for the standby of this standby_name(), or for none when it is empty.
    /// With a name it returns once every commit acknowledged so far is on that standby and each
    /// later one waits for it. kTimedOut: it was not there in time, and commits wait all the same.
    /// Idempotent.
    virtual Task<> set_sync_standby(Server primary, std::string standby, Instant deadline) = 0;
    /// Makes a running standby stream under its standby_name(). Idempotent.
    virtual Task<> name_standby(Server standby, Instant deadline) = 0;
    /// Has the standby connect to its primary anew when no WAL flows between them although both
    /// answer: a connection that outlived a cut waits for TCP's next attempt, which comes as late
    /// as the cut was long. What flows is left alone, however slowly. Commits that wait for the
    /// standby go on waiting. Idempotent.
    virtual Task<> renew_stream(Server primary, Server standby, Instant deadline) = 0;
    /// The ids that the query does not find, in a transaction that can only read.
    virtual Task<std::vector<std::string>> missing_ids(Server server, IdCheck check,
                                                       Instant deadline) = 0;
};

}  // namespace muster::postgres
