#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "base/units.h"
#include "plan/node.h"
#include "plan/schedule.h"

namespace muster::plan {

/// Where a password or key is kept: in a file, or in a variable of the node. One of them is empty.
struct SecretPlace {
    std::string file;
    std::string environment;
};

/// Where backups go.
struct Repository {
    std::string name;
    std::string at;  ///< As `--repo` takes it: a path, "s3:…", "rest:…", "sftp:…".
    SecretPlace password;
    std::map<std::string, SecretPlace> environment;  ///< Credentials of the store, by variable.
    std::optional<ByteCount> upload;                 ///< Bytes a second, at most.
    std::optional<ByteCount> download;
    std::string region;  ///< The failure domain; empty: not known.
    std::optional<Schedule> check;
    std::optional<Schedule> prune;
    Mark mark;
};

/// Which snapshots stay: as `muster forget --keep-…`.
struct Keep {
    std::map<std::string, long> counts;  ///< By "last", "hourly", … "yearly".
    std::optional<Duration> within;
    std::vector<std::string> tags;

    [[nodiscard]] bool empty() const;  ///< It keeps nothing.
};

/// How a component is backed up.
struct Backup {
    std::vector<std::string> to;       ///< Names of repositories.
    std::vector<std::string> paths;    ///< What is read; or
    std::vector<std::string> command;  ///< whose output is.
    std::string file;                  ///< What that output is called in the snapshot.
    std::string from = "primary";      ///< "primary", "standby", or a site.
    Schedule schedule;
    std::string zone = "UTC";  ///< The time zone of all its schedules.
    Duration jitter{};
    std::optional<Schedule> full;  ///< When everything is read again.
    std::optional<Keep> keep;
    std::optional<Schedule> verify;          ///< Nothing: never.
    std::vector<std::string> check_command;  ///< Asked after a restore; `${restored}` is where.
    std::string restore_to;                  ///< Folder for those; empty: in the node's own.
    std::vector<std::string> exclude;
    std::vector<std::string> tags;
    std::vector<std::string> pre;   ///< Commands before and after.
    std::vector<std::string> post;  ///<
    std::string run_as;
    std::string program;  ///< muster's path at a host behind ssh.
    Duration timeout = std::chrono::hours(24);
    Mark mark;
};

}  // namespace muster::plan
