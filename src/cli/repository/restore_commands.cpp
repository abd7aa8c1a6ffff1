#include "cli/repository/repository_command_line.h"
#include "cli/repository/restore_options.h"

namespace muster::cli {

namespace {

void add_choice(CLI::App& command, SnapshotChoice& choice) {
    command
        .add_option("SNAPSHOT", choice.snapshot,
                    "an id, its first digits, or latest; with :/folder behind it a part")
        ->required();
    command.add_option("-H,--host", choice.hosts, "latest is meant of this host");
    command.add_option("--tag", choice.tags, "latest is meant of those with these tags");
    command.add_option("--path", choice.paths, "latest is meant of those of this path");
}

void add_restore(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<RestoreOptions>();
    auto* restore = line.add("restore", "write what a snapshot has to a directory");
    add_choice(*restore, options->choice);
    restore->add_option("-t,--target", options->target,
                        "the directory to restore to; / restores in place");
    restore->add_option("-i,--include", options->includes, "only what the pattern matches");
    restore->add_option("--iinclude", options->includes_any_case, "the same, whatever the case");
    restore->add_option("-e,--exclude", options->excludes, "leave out what the pattern matches");
    restore->add_option("--iexclude", options->excludes_any_case, "the same, whatever the case");
    restore
        ->add_option("--overwrite", options->overwrite,
                     "what to do with files that are there: always, if-changed, if-newer, never")
        ->capture_default_str();
    restore->add_flag("--delete", options->is_delete,
                      "remove from restored directories what the snapshot does not have");
    restore->add_flag("-n,--dry-run", options->is_dry_run, "write nothing, say what would be done");
    restore->add_flag("--verify", options->is_verified, "read all restored files and compare them");
    restore->add_flag("--sparse", options->is_sparse, "long runs of zeros become holes");
    line.run(restore, [options](Session& session) { return run_restore(session, *options); });
}

void add_dump(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<DumpOptions>();
    auto* dump = line.add("dump", "print a file of a snapshot, or a directory as an archive");
    add_choice(*dump, options->choice);
    dump->add_option("PATH", options->path, "what to print, as the snapshot has it")->required();
    dump->add_option("-t,--target", options->target, "a file to write to instead of the output");
    dump->add_option("-a,--archive", options->archive, "of a directory: tar")
        ->check(CLI::IsMember({"tar"}))
        ->capture_default_str();
    line.run(dump, [options](Session& session) { return run_dump(session, *options); });
}

}  // namespace

void add_restore_commands(const RepositoryCommandLine& line) {
    add_restore(line);
    add_dump(line);
}

}  // namespace muster::cli
