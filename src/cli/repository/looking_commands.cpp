#include "cli/repository/looking_commands.h"

#include "cli/repository/repository_command_line.h"

namespace muster::cli {

namespace {

void add_snapshot_options(CLI::App& command, SnapshotOptions& options) {
    command.add_option("-H,--host", options.hosts, "only snapshots of this host");
    command.add_option("--tag", options.tags, "only snapshots with all these tags (A,B)");
    command.add_option("--path", options.paths, "only snapshots of this path");
}

constexpr long kMostSnapshots = 1'000'000'000;

void add_snapshots(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<SnapshotsOptions>();
    auto* command = line.add("snapshots", "list the snapshots");
    command->add_option("ID", options->names, "which; default: all");
    add_snapshot_options(*command, options->which);
    command->add_option("--latest", options->latest, "only the last N of each host and paths")
        ->check(CLI::Range(1L, kMostSnapshots));
    command->add_option("-g,--group-by", options->group_by, "host, paths, tags, or several: A,B");
    command->add_flag("-c,--compact", options->is_compact, "leave out the paths");
    line.run(command, [options](Session& session) { return run_snapshots(session, *options); });
}

void add_ls(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<LsOptions>();
    auto* command = line.add("ls", "list the files of a snapshot");
    command->add_option("SNAPSHOT", options->snapshot, "an id, or latest; with :/FOLDER from there")
        ->required();
    command->add_option("FOLDER", options->folders, "only what is in these; default: all");
    add_snapshot_options(*command, options->which);
    command->add_flag("-l,--long", options->is_long, "also mode, owner, size and time");
    command->add_flag("--recursive", options->is_recursive, "with FOLDER: what lies below, too");
    command->add_flag("--human-readable", options->is_human_readable, "sizes in KiB, MiB …");
    line.run(command, [options](Session& session) { return run_ls(session, *options); });
}

void add_find(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<FindOptions>();
    auto* command = line.add("find", "find files in the snapshots");
    command->add_option("PATTERN", options->patterns, "what to find, such as \"*.conf\"")
        ->required();
    command->add_option("-s,--snapshot", options->snapshots, "only in this one; default: all");
    add_snapshot_options(*command, options->which);
    command->add_option("-O,--oldest", options->oldest, "changed since, such as 2026-11-01");
    command->add_option("-N,--newest", options->newest, "changed before");
    command->add_flag("-i,--ignore-case", options->ignores_case, "whatever the case");
    command->add_flag("-l,--long", options->is_long, "also mode, owner, size and time");
    auto* blob = command->add_flag("--blob", options->is_blob, "PATTERN is a blob's id");
    auto* tree = command->add_flag("--tree", options->is_tree, "PATTERN is a tree's id");
    command->add_flag("--pack", options->is_pack, "PATTERN is a pack's id")
        ->excludes(blob)
        ->excludes(tree);
    line.run(command, [options](Session& session) { return run_find(session, *options); });
}

void add_diff(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<DiffOptions>();
    auto* command = line.add("diff", "compare two snapshots");
    command->add_option("BEFORE", options->before, "a snapshot, with :/FOLDER a folder of it")
        ->required();
    command->add_option("AFTER", options->after, "the one to compare it with")->required();
    command->add_flag("--metadata", options->is_metadata_told,
                      "also tell what changed but in content");
    line.run(command, [options](Session& session) { return run_diff(session, *options); });
}

void add_cat_and_list(const RepositoryCommandLine& line) {
    const auto cat = std::make_shared<CatOptions>();
    auto* command = line.add("cat", "print an object of a repository as it is");
    command->add_option("KIND", cat->kind, "config, index, snapshot, key, lock, tree, blob or pack")
        ->required()
        ->check(
            CLI::IsMember({"config", "index", "snapshot", "key", "lock", "tree", "blob", "pack"}));
    command->add_option("ID", cat->name, "its id; a tree may also be SNAPSHOT[:/FOLDER]");
    line.run(command, [cat](Session& session) { return run_cat(session, *cat); });

    const auto kind = std::make_shared<std::string>();
    auto* list = line.add("list", "list the objects of a repository");
    list->add_option("KIND", *kind, "blobs, packs, index, snapshots, keys or locks")
        ->required()
        ->check(CLI::IsMember({"blobs", "packs", "index", "snapshots", "keys", "locks"}));
    line.run(list, [kind](Session& session) { return run_list(session, *kind); });
}

void add_tag(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<TagOptions>();
    auto* command = line.add("tag", "change the tags of snapshots");
    command->add_option("ID", options->snapshots, "which; default: all");
    add_snapshot_options(*command, options->which);
    auto* set = command->add_option("--set", options->set, "these tags and no others (A,B)");
    command->add_option("--add", options->add, "these as well")->excludes(set);
    command->add_option("--remove", options->remove, "these no longer")->excludes(set);
    line.run(command, [options, set](Session& session) {
        options->is_set = set->count() > 0;
        return run_tag(session, *options);
    });
}

void add_mount(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<MountOptions>();
    auto* command = line.add("mount", "show the snapshots as a folder, until Ctrl-C");
    command->add_option("FOLDER", options->folder, "where; an empty folder")->required();
    add_snapshot_options(*command, options->which);
    command->add_flag("--allow-other", options->is_for_others, "other accounts may look, too");
    command->add_flag("--no-default-permissions", options->are_permissions_ignored,
                      "with --allow-other: whatever the files' modes say");
    command->add_flag("--owner-root", options->is_owner_root, "all files belong to root");
    command->add_option("--path-template", options->path_templates,
                        "where snapshots are seen: %i %I id, %h host, %u user, %t tag, %T time");
    command->add_option("--time-template", options->time_template,
                        "how times look, as Go has it: 2006-01-02T15:04:05Z07:00");
    line.run(command, [options](Session& session) { return run_mount(session, *options); });
}

void add_new_password(CLI::App& command, KeyOptions& options) {
    auto* file = command.add_option("--new-password-file", options.new_password_file,
                                    "a file with the new password; default: it is asked for");
    command
        .add_option("--new-password-command", options.new_password_command,
                    "a command that prints the new password")
        ->excludes(file);
    command.add_option("--user", options.user, "the key's user; default: who runs this");
    command.add_option("--host", options.host, "the key's host; default: this one");
}

void add_key(const RepositoryCommandLine& line) {
    auto* key = line.add("key", "the passwords of a repository");
    key->require_subcommand(1);
    auto* list = line.add("list", "list the keys", key);
    line.run(list, [](Session& session) { return run_key_list(session); });

    const auto options = std::make_shared<KeyOptions>();
    auto* add = line.add("add", "add a password", key);
    add_new_password(*add, *options);
    line.run(add, [options](Session& session) { return run_key_add(session, *options); });

    auto* remove = line.add("remove", "remove a password, not the one in use", key);
    remove->add_option("ID", options->key, "the key, or how its name begins")->required();
    line.run(remove, [options](Session& session) { return run_key_remove(session, *options); });

    auto* passwd = line.add("passwd", "change the password in use", key);
    add_new_password(*passwd, *options);
    line.run(passwd, [options](Session& session) { return run_key_passwd(session, *options); });
}

void add_unlock(const RepositoryCommandLine& line) {
    const auto is_everyone_meant = std::make_shared<bool>(false);
    auto* command = line.add("unlock", "remove the locks of those who are gone");
    command->add_flag("--remove-all", *is_everyone_meant, "remove the others' locks, too");
    line.run(command, [is_everyone_meant](Session& session) {
        return run_unlock(session, *is_everyone_meant);
    });
}

}  // namespace

void add_looking_commands(const RepositoryCommandLine& line) {
    add_snapshots(line);
    add_ls(line);
    add_key(line);
    add_find(line);
    add_diff(line);
    add_cat_and_list(line);
    add_tag(line);
    add_mount(line);
    add_unlock(line);
}

}  // namespace muster::cli
