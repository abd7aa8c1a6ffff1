#pragma once

#include <string>
#include <string_view>

namespace muster::adapters::host_scripts {

/// Exit codes of the scripts, apart from 0. Anything else is a program's own failure.
enum Exit : int {
    kStaleEpoch = 65,  ///< The data directory has seen a higher epoch.
    kNoData = 66,      ///< There is no data directory.
    kWrongUser = 67,   ///< Not the server's user.
    kStillThere = 68,  ///< A server process did not go.
    kRefused = 69,     ///< The role or the state forbids it.
    kUnreadable = 70,  ///< A file in the data directory is not what it should be.
    kUnmarked = 71,    ///< Stopped, but standby.signal or the epoch could not be written.
    kNoTool = 72,      ///< A server tool was not found.
    kBusy = 73,        ///< Another rebuild of this directory is under way.
};

/// A POSIX shell script for `sh -c`: reads its data as arguments ($1 data directory, $2 directory
/// of the tools, then its own) and standard input only, never spliced into the text.
struct Script {
    std::string name;  ///< $0: stands in the shell's own messages.
    std::string text;
};

/// Prints what runs on the data directory, its epoch and its control data.
Script inspect();
/// $3 epoch, $4 fast|immediate|kill, $5 ticks of 5 ms until SIGKILL (0: never). Leaves
/// standby.signal and the epoch, stops the server, proves that no process is left, prints what
/// inspect() prints.
Script fence();
/// $3 epoch. Leaves it in the data directory.
Script claim();
/// $3 timeline as 8 hexadecimal digits. Prints its history file.
Script history();
/// $3 seconds to wait. Starts the server unless it runs.
Script start();
/// $3 timeline, $4 start. Prints the statistics of the WAL from there on; its end on stderr.
Script wal_stats();
/// $3 timeline, $4 start. Prints "commits=", "first=", "last=" (UTC) of the WAL from there on.
Script commits();
/// $3 timeline, $4 position. Prints the first record from there on; nothing where it can't.
Script first_record();
/// $3 timeline, $4 start, $5 end. Prints "rows tablespace/database/filenode" of what the WAL
/// changes, most first, at most 200.
Script relations();
/// $3 first segment, $4 last segment. Prints "SHA-256  name bytes" of each, in order.
Script sums();
/// $3 artefact, $4 what goes into muster.kept; input: the manifest. Copies the segments that the
/// manifest names, compares the copies with its sums, and makes all of it durable.
Script keep();
/// $3 "FROM TO" of the divergence. Compares what was kept of it with its sums; prints
/// the artefact.
Script verify_kept();
/// $3 epoch, $4 slot; input: conninfo of the primary, then lines for postgresql.auto.conf. Leaves
/// the directory ready to start as standby.
Script configure_standby();
/// As configure_standby(), from a fresh copy that takes the place of the old directory.
Script base_backup();
/// As configure_standby(), after pg_rewind. Not 0: what it left is good for a base backup only.
Script rewind();
/// Puts back what a base backup or rewind cut short left aside.
Script recover_swap();
/// Removes the old data directory that base_backup() kept beside.
Script drop_old();

}  // namespace muster::adapters::host_scripts
