#pragma once

#include <string>
#include <vector>

#include "cli/repository/look_session.h"

namespace muster::cli {

struct SnapshotsOptions {
    std::vector<std::string> names;
    SnapshotOptions which;
    std::string group_by;
    long latest = 0;  ///< 0: all.
    bool is_compact = false;
};
int run_snapshots(Session& session, const SnapshotsOptions& options);  // snapshots_command.cpp

struct LsOptions {
    std::string snapshot;
    std::vector<std::string> folders;
    SnapshotOptions which;
    bool is_long = false;
    bool is_recursive = false;
    bool is_human_readable = false;
};
int run_ls(Session& session, const LsOptions& options);  // ls_command.cpp

struct FindOptions {
    std::vector<std::string> patterns;
    std::vector<std::string> snapshots;
    SnapshotOptions which;
    std::string oldest;
    std::string newest;
    bool ignores_case = false;
    bool is_long = false;
    bool is_blob = false;  ///< The patterns are beginnings of ids of blobs, trees, packs.
    bool is_tree = false;
    bool is_pack = false;
};
int run_find(Session& session, const FindOptions& options);  // find_command.cpp

struct DiffOptions {
    std::string before;
    std::string after;
    bool is_metadata_told = false;
};
int run_diff(Session& session, const DiffOptions& options);  // diff_command.cpp

struct CatOptions {
    std::string kind;
    std::string name;
};
int run_cat(Session& session, const CatOptions& options);  // cat_command.cpp
int run_list(Session& session, const std::string& kind);   // list_command.cpp

struct TagOptions {
    std::vector<std::string> snapshots;
    SnapshotOptions which;
    std::vector<std::string> set;  ///< Each may be a list: A,B.
    std::vector<std::string> add;
    std::vector<std::string> remove;
    bool is_set = false;  ///< `set` was given; it may be empty.
};
int run_tag(Session& session, const TagOptions& options);  // tag_command.cpp

struct MountOptions {
    std::string folder;
    SnapshotOptions which;
    std::vector<std::string> path_templates;
    std::string time_template;
    bool is_for_others = false;
    bool are_permissions_ignored = false;
    bool is_owner_root = false;
};
int run_mount(Session& session, const MountOptions& options);  // mount_command.cpp

struct KeyOptions {
    std::string key;  ///< Which to remove.
    std::string new_password_file;
    std::string new_password_command;
    std::string user;
    std::string host;
};
int run_key_list(Session& session);                               // key_command.cpp
int run_key_add(Session& session, const KeyOptions& options);     //
int run_key_remove(Session& session, const KeyOptions& options);  //
int run_key_passwd(Session& session, const KeyOptions& options);  //
int run_unlock(Session& session, bool is_everyone_meant);         // unlock_command.cpp

}  // namespace muster::cli
