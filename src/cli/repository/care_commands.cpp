#include "cli/repository/care_commands.h"

#include "cli/repository/repository_command_line.h"

namespace muster::cli {

namespace {

void add_check(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<CheckOptions>();
    auto* check = line.add("check", "look for damage in a repository");
    auto* all = check->add_flag("--read-data", options->is_data_read, "read and prove every byte");
    check
        ->add_option("--read-data-subset", options->data_subset,
                     "n/t, x% or a size: read a part of the packs")
        ->excludes(all);
    check->add_flag("--with-cache", options->is_cache_used,
                    "believe the local cache where it has directories");
    check->add_flag("--check-unused", options->is_unused_checked,
                    "name the blobs that no snapshot uses");
    line.run(check, [options](Session& session) { return run_check(session, *options); });
}

void add_filter(CLI::App& command, FilterOptions& filter) {
    command.add_option("--host", filter.hosts, "only snapshots of that host");
    command.add_option("--tag", filter.tags, "only snapshots with these tags: TAG[,TAG]…");
    command.add_option("--path", filter.paths, "only snapshots with that absolute path");
}

void add_prune_options(CLI::App& command, PruneOptions& options) {
    command
        .add_option("--max-unused", options.max_unused,
                    "how much unused data may stay: a share, a size, or unlimited")
        ->capture_default_str();
    command.add_option("--max-repack-size", options.max_repack, "bytes written anew at most");
    command.add_flag("--repack-cacheable-only", options.is_cacheable_only,
                     "write only packs of directories anew");
    command.add_flag("--repack-small", options.is_small_repacked,
                     "write packs below 80 % of the pack size anew");
    command.add_flag("--repack-uncompressed", options.is_uncompressed_repacked,
                     "compress what is not compressed");
    command.add_flag("-n,--dry-run", options.is_dry_run, "change nothing, say what would be done");
}

void add_prune(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<PruneOptions>();
    auto* prune = line.add("prune", "remove the data that no snapshot uses");
    add_prune_options(*prune, *options);
    prune->add_option("--unsafe-recover-no-free-space", options->recover_id,
                      "the repository's id: remove before writing, for a store that is full; if "
                      "it is interrupted, the index must be repaired");
    line.run(prune, [options](Session& session) { return run_prune(session, *options); });
}

void add_keep(CLI::App& forget, ForgetOptions& options) {
    constexpr std::array<const char*, backup::kPeriods> kCounts{
        "-l,--keep-last",   "-H,--keep-hourly",  "-d,--keep-daily",
        "-w,--keep-weekly", "-m,--keep-monthly", "-y,--keep-yearly"};
    constexpr std::array<const char*, backup::kPeriods> kWithin{
        "--keep-within",        "--keep-within-hourly",  "--keep-within-daily",
        "--keep-within-weekly", "--keep-within-monthly", "--keep-within-yearly"};
    for (std::size_t i = 0; i < backup::kPeriods; ++i) {
        forget.add_option(
            kCounts.at(i), options.counts.at(i),
            i == 0 ? "keep the newest N, or unlimited" : "keep one of each of the last N of these");
    }
    for (std::size_t i = 0; i < backup::kPeriods; ++i) {
        forget.add_option(kWithin.at(i), options.within.at(i),
                          i == 0 ? "keep what is so much older than the latest at most: 1y5m7d2h"
                                 : "of these, keep one of each of these periods");
    }
    forget.add_option("--keep-tag", options.keep_tags, "keep what has these tags: TAG[,TAG]…");
}

void add_forget(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<ForgetOptions>();
    auto* forget = line.add("forget", "remove snapshots, by name or by rules");
    forget->add_option("ID", options->ids, "snapshots to remove; the rules are then not asked");
    add_keep(*forget, *options);
    add_filter(*forget, options->filter);
    forget->add_option("-g,--group-by", options->group_by, "host, paths, tags, or several: A,B")
        ->capture_default_str();
    forget->add_flag("-c,--compact", options->is_compact, "narrow tables");
    forget->add_flag("--unsafe-allow-remove-all", options->may_remove_all,
                     "no rule need keep anything of what --host, --tag or --path name");
    forget->add_flag("--prune", options->is_pruned, "prune when snapshots were removed");
    add_prune_options(*forget, options->prune);
    line.run(forget, [options](Session& session) { return run_forget(session, *options); });
}

void add_copy(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<CopyOptions>();
    auto* copy = line.add("copy", "copy snapshots from another repository into this one");
    copy->add_option("ID", options->ids, "snapshots to copy; default: all that the filters allow");
    copy->add_option("--from-repo", options->source.location,
                     "the repository to copy from; default: $MUSTER_FROM_REPOSITORY");
    auto* file = copy->add_option("--from-password-file", options->source.password_file,
                                  "a file with its password; default: $MUSTER_FROM_PASSWORD_FILE");
    copy->add_option("--from-password-command", options->source.password_command,
                     "a command that prints its password")
        ->excludes(file);
    copy->add_option("--from-key-hint", options->source.key_hint, "its key to try first");
    add_filter(*copy, options->filter);
    line.run(copy, [options](Session& session) { return run_copy(session, *options); });
}

void add_repair(const RepositoryCommandLine& line) {
    auto* repair = line.add("repair", "mend a damaged repository as far as it goes");
    repair->require_subcommand(1);
    const auto options = std::make_shared<RepairOptions>();
    auto* index = line.add("index", "make the index say what is really there", repair);
    index->add_flag("--read-all-packs", options->is_all_read,
                    "read the header of every pack, not only of those that look wrong");
    line.run(index, [options](Session& session) { return run_repair_index(session, *options); });
    auto* packs = line.add("packs", "save the good blobs of damaged packs", repair);
    packs->add_option("ID", options->ids, "the packs, as `muster check` names them")->required();
    line.run(packs, [options](Session& session) { return run_repair_packs(session, *options); });
    auto* snapshots = line.add("snapshots", "make snapshots anew without what is lost", repair);
    snapshots->add_option("ID", options->ids, "snapshots to mend; default: all");
    add_filter(*snapshots, options->filter);
    snapshots->add_flag("--forget", options->is_forgotten, "remove those that were made anew");
    snapshots->add_flag("-n,--dry-run", options->is_dry_run,
                        "change nothing, say what would be done");
    line.run(snapshots,
             [options](Session& session) { return run_repair_snapshots(session, *options); });
}

void add_stats(const RepositoryCommandLine& line) {
    const auto options = std::make_shared<StatsOptions>();
    auto* stats = line.add("stats", "count files, blobs and bytes of snapshots");
    stats->add_option("ID", options->ids, "snapshots to count; default: all");
    add_filter(*stats, options->filter);
    stats
        ->add_option("--mode", options->mode,
                     "restore-size, files-by-contents, blobs-per-file or raw-data")
        ->capture_default_str();
    line.run(stats, [options](Session& session) { return run_stats(session, *options); });
}

}  // namespace

void add_care_commands(const RepositoryCommandLine& line) {
    add_check(line);
    add_forget(line);
    add_prune(line);
    add_copy(line);
    add_repair(line);
    add_stats(line);
}

}  // namespace muster::cli
