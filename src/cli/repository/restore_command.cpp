#include "adapters/files/folder_target.h"
#include "backup/path_filter.h"
#include "backup/restore/restore_scan.h"
#include "backup/restore/tree_path.h"
#include "backup/snapshot_filter.h"
#include "cli/repository/restore_options.h"
#include "cli/repository/restore_output.h"

namespace muster::cli {

using backup::Overwrite;
using backup::Repository;

Result<backup::Snapshot> choose_snapshot(Session& session, const Repository& repository,
                                         const SnapshotChoice& choice, std::string& subfolder) {
    TRY(const auto name, backup::parse_snapshot_name(choice.snapshot));
    backup::SnapshotFilter filter{choice.hosts, {}, {}};
    for (const auto& tags : choice.tags) {
        filter.tags.push_back(backup::parse_tag_list(tags));
    }
    for (const auto& path : choice.paths) {
        filter.paths.push_back(backup::clean_path(path));
    }
    TRY(const auto snapshots, session.sound_snapshots(repository));
    TRY(const auto* found, backup::find_snapshot(snapshots, name, filter));
    subfolder = name.subfolder;
    return *found;
}

namespace {

/// By --include or --exclude.
class PatternSelection final : public backup::RestoreSelection {
  public:
    PatternSelection(backup::PathFilter filter, bool is_include)
        : filter_(std::move(filter)), is_include_(is_include) {}

    [[nodiscard]] Answer select(const std::string& path) const override {
        const auto selection = is_include_ ? filter_.select(path) : filter_.select_unmatched(path);
        return {selection.is_selected, selection.children_may_be};
    }

  private:
    backup::PathFilter filter_;
    bool is_include_;
};

Result<Overwrite> parse_overwrite(const std::string& word) {
    if (word == "always") {
        return Overwrite::kAlways;
    }
    if (word == "if-changed") {
        return Overwrite::kIfChanged;
    }
    if (word == "if-newer") {
        return Overwrite::kIfNewer;
    }
    if (word == "never") {
        return Overwrite::kNever;
    }
    return Error(Errc::kInvalid, "\"" + word + "\" is no way to overwrite",
                 "it is always, if-changed, if-newer or never");
}

/// One restore from the lock to the summary.
class RestoreRun {
  public:
    RestoreRun(Session& session, const RestoreOptions& options)
        : session_(session), options_(options) {}

    Result<int> run() {
        TRY(settings_.overwrite, parse_overwrite(options_.overwrite));
        TRY(const auto selection, select());
        settings_.is_delete = options_.is_delete;
        settings_.is_dry_run = options_.is_dry_run;
        settings_.selection = selection.get();
        TRY_OK(check());
        TRY(auto* const repository, session_.open());
        backup::RepositoryLock lock(*repository, session_.lock_settings(backup::LockKind::kShared));
        TRY_OK(lock.begin());
        TRY_OK(repository->load_index());
        int status = kExitDone;
        TRY_OK(lock.keep_while([&]() -> Result<> {
            TRY(status, restore(*repository));
            return {};
        }));
        return status;
    }

  private:
    Result<std::unique_ptr<PatternSelection>> select() const {
        const backup::Patterns includes{options_.includes, options_.includes_any_case};
        const backup::Patterns excludes{options_.excludes, options_.excludes_any_case};
        TRY(auto include, backup::PathFilter::make(includes));
        TRY(auto exclude, backup::PathFilter::make(excludes));
        if (!include.is_empty() && !exclude.is_empty()) {
            return Error(Errc::kInvalid, "--include and --exclude don't go together");
        }
        if (include.is_empty() && exclude.is_empty()) {
            return std::unique_ptr<PatternSelection>();
        }
        const bool is_include = !include.is_empty();
        return std::make_unique<PatternSelection>(
            is_include ? std::move(include) : std::move(exclude), is_include);
    }

    Result<> check() const {
        if (options_.target.empty()) {
            return Error(Errc::kInvalid, "no directory to restore to was named",
                         "use --target DIRECTORY; --target / restores in place");
        }
        const bool has_includes = !options_.includes.empty() || !options_.includes_any_case.empty();
        if (options_.is_delete && !has_includes && backup::clean_path(options_.target) == "/") {
            return Error(Errc::kInvalid, "--target / with --delete would empty this machine",
                         "say by --include what may be deleted, or restore SNAPSHOT:/folder "
                         "with --target /folder");
        }
        if (options_.is_dry_run && options_.is_verified) {
            return Error(Errc::kInvalid, "--dry-run and --verify don't go together");
        }
        return {};
    }

    Result<int> restore(const Repository& repository) {
        std::string subfolder;
        TRY(const auto snapshot, choose_snapshot(session_, repository, options_.choice, subfolder));
        TRY(const auto tree, backup::find_tree(repository, snapshot.tree, subfolder));
        // Of another kind of store the location is no path, and nothing is there by that name.
        adapters::FolderTarget target(
            options_.target,
            {.is_sparse = options_.is_sparse, .kept_folder = repository.store().traits().location});
        RestoreOutput output(session_, snapshot.id.hex(), options_.is_dry_run);
        backup::Restorer restorer(repository, target, output, settings_);
        output.announce(snapshot);
        output.watch(restorer.counts());
        find_total(output.progress(), repository, snapshot, tree);
        const auto restored = restorer.run(tree);
        output.summarize(options_.target, target.reserved_failures());
        TRY_OK(Result<>(restored));
        output.note_if_nothing();
        if (options_.is_verified) {
            TRY_OK(restorer.verify(tree));
            output.say_verified();
        }
        const auto problems = restorer.counts().problems.load();
        if (problems > 0) {
            return Error(Errc::kCorrupt,
                         "there were " + std::to_string(problems) + " errors; see above");
        }
        return int{kExitDone};
    }

    /// The snapshot says it when all of it is restored; else its tree is counted.
    void find_total(Progress& progress, const Repository& repository,
                    const backup::Snapshot& snapshot, const backup::ObjectId& tree) const {
        const bool is_whole = settings_.selection == nullptr && tree == snapshot.tree;
        if (is_whole && snapshot.summary) {
            const auto& was = *snapshot.summary;
            const auto folders = was.dirs_new + was.dirs_changed + was.dirs_unmodified;
            progress.set_total({was.total_files_processed + folders, was.total_bytes_processed});
            return;
        }
        progress.find_total([&repository, tree, selection = settings_.selection](
                                backup::ScanCounts& counts, const std::stop_token& stop) {
            return backup::scan_tree(repository, tree, selection, counts, stop);
        });
    }

    Session& session_;
    const RestoreOptions& options_;
    backup::RestoreSettings settings_;
};

}  // namespace

int run_restore(Session& session, const RestoreOptions& options) {
    const auto status = RestoreRun(session, options).run();
    return status ? *status : session.fail(status.error());
}

}  // namespace muster::cli
