#include <algorithm>

#include "adapters/os/hook_guard.h"
#include "backup/find_pattern.h"
#include "backup/format/zone_clock.h"
#include "backup/snapshot_filter.h"
#include "cli/repository/backup_inputs.h"
#include "cli/repository/backup_output.h"
#include "cli/repository/care_commands.h"

namespace muster::cli {

using backup::GoTime;
using backup::Repository;
using backup::Snapshot;

namespace {

Result<GoTime> typed_time(const backup::Host& host, const std::string& text) {
    TRY(const auto typed, backup::parse_typed_time(text));
    const int offset = typed.utc_offset_seconds.value_or(host.utc_offset(typed.clock_seconds));
    return GoTime{typed.clock_seconds - offset, 0, offset};
}

/// One backup from the lock to the snapshot.
class BackupRun {
  public:
    BackupRun(Session& session, const BackupOptions& options, Repository& repository,
              BackupInputs& inputs)
        : session_(session),
          options_(options),
          repository_(repository),
          inputs_(inputs),
          output_(session, options.is_dry_run),
          lock_(repository, session.changing_lock(backup::LockKind::kShared, options.is_dry_run)) {}

    Result<int> run() {
        TRY_OK(drop_absent());
        TRY_OK(describe());
        if (!options_.is_dry_run) {
            TRY_OK(lock_.begin());
        }
        TRY_OK(repository_.load_index());
        TRY_OK(choose_parent());
        // Else the lock is confirmed before the first index is written.
        TRY_OK(options_.pre_hook.empty() ? Result<>{} : lock_.confirm());
        adapters::HookGuard hooks;
        TRY_OK(hooks.begin(options_.pre_hook, options_.post_hook));
        int status = kExitDone;
        auto outcome = lock_.keep_while([&]() -> Result<> {
            TRY(status, archive());
            return {};
        });
        output_.hide();
        auto ended = hooks.end(outcome ? "ok" : "failed");
        TRY_OK(std::move(outcome));
        TRY_OK(std::move(ended));
        return status;
    }

  private:
    /// As restic: what was named and is not there is told, and the rest is saved.
    Result<> drop_absent() {
        std::erase_if(inputs_.targets, [&](const std::string& target) {
            const auto node = inputs_.source->status(target);
            const bool is_absent = !node && node.error().code() == Errc::kNotFound;
            if (is_absent) {
                output_.on_problem(target, node.error());
                is_partial_ = true;
            }
            return is_absent;
        });
        return inputs_.targets.empty()
                   ? Result<>(Error(Errc::kNotFound, "none of the paths to back up is there",
                                    "check the paths; nothing was saved"))
                   : Result<>{};
    }

    Result<> describe() {
        const auto& host = session_.host();
        const auto who = host.identity();
        if (options_.time.empty()) {
            snapshot_.time = backup::local_time(host, host.wall());
        } else {
            TRY(snapshot_.time, typed_time(host, options_.time));
        }
        snapshot_.hostname = options_.host.empty() ? who.hostname : options_.host;
        snapshot_.username = who.username;
        snapshot_.uid = who.uid;
        snapshot_.gid = who.gid;
        snapshot_.tags = options_.tags;
        snapshot_.excludes = options_.excludes;
        snapshot_.program_version = "muster " MUSTER_VERSION;
        for (const auto& path : inputs_.targets) {
            snapshot_.paths.push_back(inputs_.source->absolute(path));
        }
        std::ranges::sort(snapshot_.paths);
        const auto twice = std::ranges::unique(snapshot_.paths);
        snapshot_.paths.erase(twice.begin(), twice.end());
        return {};
    }

    Result<> choose_parent() {
        if (options_.is_forced) {
            return {};
        }
        TRY(const auto all, session_.sound_snapshots(repository_));
        const Snapshot* parent = nullptr;
        if (!options_.parent.empty()) {
            TRY(const auto name, backup::parse_snapshot_name(options_.parent));
            TRY(parent, backup::find_snapshot(all, name, {}));
        } else {
            TRY(const auto by, backup::parse_group_by(options_.group_by));
            parent = backup::find_parent(
                all, {by, snapshot_.hostname, snapshot_.paths, snapshot_.tags, snapshot_.time});
        }
        if (parent != nullptr) {
            snapshot_.parent = parent->id;
            parent_tree_ = parent->tree;
        }
        return {};
    }

    [[nodiscard]] backup::ArchiveSettings settings() const {
        backup::ArchiveSettings settings;
        settings.targets = inputs_.targets;
        settings.parent_tree = parent_tree_;
        settings.is_inode_ignored = options_.is_inode_ignored;
        settings.is_ctime_ignored = options_.is_ctime_ignored;
        settings.has_atime = options_.has_atime;
        settings.are_devices_read = options_.are_devices_read;
        settings.exclusion = inputs_.exclusions ? &*inputs_.exclusions : nullptr;
        return settings;
    }

    /// How much there is; of a stream, or when it is not wanted, nobody knows.
    [[nodiscard]] Progress::Scan scan() const {
        if (options_.is_not_scanned || options_.is_stdin || options_.is_stdin_command) {
            return {};
        }
        return [&source = *inputs_.source, wanted = settings()](backup::ScanCounts& counts,
                                                                const std::stop_token& stop) {
            return backup::scan_targets(source, wanted, counts, stop);
        };
    }

    void note_summary(const backup::ArchiveCounts& counts, const backup::WriterTotals& totals) {
        const auto& files = counts.files.by_state;
        const auto& folders = counts.folders.by_state;
        snapshot_.summary = backup::BackupSummary{
            .backup_start = begun_,
            .backup_end = backup::local_time(session_.host(), session_.host().wall()),
            .files_new = files[0],
            .files_changed = files[1],
            .files_unmodified = files[2],
            .dirs_new = folders[0],
            .dirs_changed = folders[1],
            .dirs_unmodified = folders[2],
            .data_blobs = totals.blobs[0],
            .tree_blobs = totals.blobs[1],
            .data_added = totals.plain_bytes[0] + totals.plain_bytes[1],
            .data_added_packed = totals.stored_bytes[0] + totals.stored_bytes[1],
            .total_files_processed = counts.entries,
            .total_bytes_processed = counts.bytes};
    }

    Result<int> archive() {
        begun_ = backup::local_time(session_.host(), session_.host().wall());
        backup::WriterSettings writing;
        writing.pack_size = static_cast<std::size_t>(session_.options().pack_size) << 20U;
        writing.compression = compression_of(session_.options());
        writing.is_dry_run = options_.is_dry_run;
        writing.may_index = [this] { return lock_.verify(); };
        backup::BlobWriter writer(repository_, writing);
        backup::Archiver archiver(repository_, *inputs_.source, writer, output_, settings());
        output_.show(scan());
        TRY(snapshot_.tree, archiver.run());
        TRY_OK(inputs_.stream.end());
        const auto& counts = archiver.counts();
        const bool is_whole = counts.problems == 0 && !is_partial_;
        const int status = is_whole ? int{kExitDone} : int{kExitPartial};
        const bool is_skipped = options_.is_skipped_if_unchanged && snapshot_.tree == parent_tree_;
        if (options_.is_dry_run || is_skipped) {
            output_.summarize(counts, writer.totals(), "");
            return status;
        }
        note_summary(counts, writer.totals());
        TRY_OK(lock_.verify());
        TRY_OK(repository_.verify_index_files());
        const std::string json = backup::encode_snapshot(snapshot_);
        TRY(const auto id,
            repository_.save_unpacked(backup::FileKind::kSnapshot, backup::bytes_of(json)));
        // A pause between the verification and the write is no better than one before it.
        if (auto verified = lock_.verify(); !verified) {
            (void)repository_.store().remove({backup::FileKind::kSnapshot, id.hex()});
            return std::move(verified).error();
        }
        output_.summarize(counts, writer.totals(), id.hex());
        return status;
    }

    Session& session_;
    const BackupOptions& options_;
    Repository& repository_;
    BackupInputs& inputs_;
    BackupOutput output_;
    backup::RepositoryLock lock_;
    Snapshot snapshot_;
    GoTime begun_;
    bool is_partial_ = false;
    std::optional<backup::ObjectId> parent_tree_;
};

}  // namespace

int run_backup(Session& session, const BackupOptions& options) {
    // The password may be asked for: before a command is started whose output waits to be read.
    const auto repository = session.open();
    if (!repository) {
        return session.fail(repository.error());
    }
    const auto inputs = gather_inputs(session, options);
    if (!inputs) {
        return session.fail(inputs.error());
    }
    const auto status = BackupRun(session, options, **repository, **inputs).run();
    return status ? *status : session.fail(status.error());
}

}  // namespace muster::cli
