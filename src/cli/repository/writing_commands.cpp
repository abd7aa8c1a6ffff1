#include "cli/repository/repository_command_line.h"
#include "cli/repository/repository_commands.h"

namespace muster::cli {

namespace {

void add_repo(const RepositoryCommandLine& line) {
    auto* repo = line.add("repo", "make a repository");
    repo->require_subcommand(1);
    const auto options = std::make_shared<RepoInitOptions>();
    auto* init = line.add("init", "make a new, empty repository", repo);
    init->add_option("--repository-version", options->version, "1, 2, stable or latest")
        ->capture_default_str();
    auto* copied =
        init->add_option("--copy-chunker-params-from", options->copied.location,
                         "cut files as that repository does, so that a copy shares blobs");
    auto* file =
        init->add_option("--from-password-file", options->copied.password_file,
                         "a file with that repository's password; default: the new one's password")
            ->needs(copied);
    init->add_option("--from-password-command", options->copied.password_command,
                     "a command that prints it")
        ->needs(copied)
        ->excludes(file);
    line.run(init, [options](Session& session) { return run_repo_init(session, *options); });
}

void add_excludes(CLI::App& backup, BackupOptions& options) {
    backup.add_option("-e,--exclude", options.excludes, "leave out what the pattern matches");
    backup.add_option("--iexclude", options.excludes_any_case, "the same, whatever the case");
    backup.add_option("--exclude-file", options.exclude_files, "patterns from a file");
    backup.add_option("--iexclude-file", options.exclude_files_any_case,
                      "the same, whatever the case");
    backup.add_option("--exclude-if-present", options.exclude_if_present,
                      "FILE[:HEADER]: leave out directories that hold it");
    backup.add_flag("--exclude-caches", options.are_caches_excluded,
                    "leave out directories with a CACHEDIR.TAG");
    backup.add_option("--exclude-larger-than", options.exclude_larger_than,
                      "leave out files above that size, such as 2G");
    backup.add_flag("-x,--one-file-system", options.is_one_file_system,
                    "do not go into other file systems");
}

void add_backup(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<BackupOptions>();
    auto* backup = line.add("backup", "make a snapshot of files and directories");
    backup->add_option("PATH", options->paths,
                       "what to back up; after --stdin-from-command: the "
                       "command");
    backup->add_option("--tag", options->tags, "a tag of the snapshot")->delimiter(',');
    backup->add_option("-H,--host", options->host, "the snapshot's host; default: this one");
    backup->add_option("--time", options->time, "the snapshot's time; default: now");
    auto* parent = backup->add_option("--parent", options->parent, "the snapshot to compare with");
    backup->add_option("--files-from", options->files_from, "paths (patterns) from a file");
    backup->add_option("--files-from-verbatim", options->files_from_verbatim,
                       "paths from a file, one a line");
    backup->add_option("--files-from-raw", options->files_from_raw,
                       "paths from a file, each ended by a zero byte");
    backup->add_option("-g,--group-by", options->group_by, "by what the parent snapshot is found")
        ->capture_default_str();
    add_excludes(*backup, *options);
    backup->add_flag("-f,--force", options->is_forced, "read everything again")->excludes(parent);
    backup->add_flag("--ignore-inode", options->is_inode_ignored, "a new inode is no change");
    backup->add_flag("--ignore-ctime", options->is_ctime_ignored, "a new ctime is no change");
    backup->add_flag("--with-atime", options->has_atime, "keep when files were last read");
    backup->add_flag("-n,--dry-run", options->is_dry_run, "write nothing");
    backup->add_flag("--stdin", options->is_stdin, "save the standard input as one file");
    backup->add_flag("--stdin-from-command", options->is_stdin_command,
                     "save the output of a command: -- COMMAND ARGUMENTS");
    backup->add_option("--stdin-filename", options->stdin_name, "its name in the snapshot")
        ->capture_default_str();
    backup->add_flag("--read-special", options->are_devices_read,
                     "save the content of block devices, as files");
    backup->add_flag("--skip-if-unchanged", options->is_skipped_if_unchanged,
                     "make no snapshot when it would be like its parent");
    backup->add_flag("--no-scan", options->is_not_scanned,
                     "do not look beforehand how much there is: no percentage, no time left");
    backup->add_option("--pre-hook", options->pre_hook, "a command to run before");
    backup->add_option("--post-hook", options->post_hook,
                       "a command to run after, whatever happens");
    line.run(backup, [options](Session& session) { return run_backup(session, *options); });
}

}  // namespace

void add_writing_commands(const RepositoryCommandLine& line) {
    add_repo(line);
    add_backup(line);
}

}  // namespace muster::cli
