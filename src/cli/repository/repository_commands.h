#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/repository/session.h"

namespace muster::cli {

struct RepoInitOptions {
    std::string version = "latest";  ///< "1", "2", "stable" or "latest"
    /// `--copy-chunker-params-from` and its like; without a password of its own, by the new one.
    RepositoryPlace copied;
};
int run_repo_init(Session& session, const RepoInitOptions& options);  // repo_init_command.cpp

struct BackupOptions {
    std::vector<std::string> paths;  ///< After --stdin-from-command: the command.
    std::vector<std::string> tags;
    std::vector<std::string> excludes;
    std::vector<std::string> excludes_any_case;
    std::vector<std::string> exclude_files;
    std::vector<std::string> exclude_files_any_case;
    std::vector<std::string> exclude_if_present;
    std::string exclude_larger_than;
    std::vector<std::string> files_from;
    std::vector<std::string> files_from_verbatim;
    std::vector<std::string> files_from_raw;
    std::string host;
    std::string time;
    std::string parent;
    std::string group_by = "host,paths";
    std::string stdin_name = "stdin";
    std::string pre_hook;
    std::string post_hook;
    bool are_caches_excluded = false;
    bool is_one_file_system = false;
    bool is_forced = false;
    bool is_inode_ignored = false;
    bool is_ctime_ignored = false;
    bool has_atime = false;
    bool is_dry_run = false;
    bool is_stdin = false;
    bool is_stdin_command = false;
    bool are_devices_read = false;
    bool is_skipped_if_unchanged = false;
    bool is_not_scanned = false;
};
int run_backup(Session& session, const BackupOptions& options);  // backup_command.cpp

}  // namespace muster::cli
