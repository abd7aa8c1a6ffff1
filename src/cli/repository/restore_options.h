#pragma once

#include <string>
#include <vector>

#include "cli/repository/session.h"

namespace muster::cli {

/// Which snapshot is meant, and by whom "latest".
struct SnapshotChoice {
    std::string snapshot;
    std::vector<std::string> hosts;
    std::vector<std::string> tags;
    std::vector<std::string> paths;
};

/// The one that is meant. `subfolder` gets what stands behind the colon.
Result<backup::Snapshot> choose_snapshot(Session& session, const backup::Repository& repository,
                                         const SnapshotChoice& choice, std::string& subfolder);

struct RestoreOptions {
    SnapshotChoice choice;
    std::string target;
    std::string overwrite = "always";
    std::vector<std::string> includes;
    std::vector<std::string> includes_any_case;
    std::vector<std::string> excludes;
    std::vector<std::string> excludes_any_case;
    bool is_delete = false;
    bool is_dry_run = false;
    bool is_verified = false;
    bool is_sparse = false;
};
int run_restore(Session& session, const RestoreOptions& options);  // restore_command.cpp

struct DumpOptions {
    SnapshotChoice choice;
    std::string path;
    std::string target;
    std::string archive = "tar";
};
int run_dump(Session& session, const DumpOptions& options);  // dump_command.cpp

}  // namespace muster::cli
