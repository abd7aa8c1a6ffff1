#include "backup/restore/restorer.h"

#include <algorithm>
#include <utility>

#include "backup/restore/restore_job.h"

// How a tree is restored: a directory is a task. It makes the directory, compares what is there
// already, makes what has no content, and gathers the files to be written. When enough are
// gathered, they are cut into pieces, the pieces are put in the order in which their blobs lie in
// the packs, and groups of neighbours become tasks, which go before the next directories: so little
// is gathered at a time, and every range of a pack is read once by the thread that writes its
// files. Whoever ends the last entry of a directory sets the directory's metadata. Hard links come
// after all files.

namespace muster::backup {

Restorer::Job::Job(const Repository& from, RestoreTarget& to, RestoreObserver& who_is_told,
                   RestoreSettings wanted)
    : repository(from), target(to), observer(who_is_told), settings(wanted) {
    if (settings.threads == 0) {
        settings.threads = repository.host().cores() + repository.store().traits().connections;
    }
}

Result<> Restorer::Job::run(const ObjectId& tree) {
    auto opened = target.open_root(!settings.is_dry_run);
    if (opened) {
        root = std::move(*opened);
    } else if (!settings.is_dry_run || opened.error().code() != Errc::kNotFound) {
        return std::move(opened).error();
    }
    auto folder = std::make_shared<RestoreFolder>();
    folder->path = "/";
    folder->node.subtree = tree;
    folder->is_asked_for = true;
    folder->handle = root;
    pool.push([this, folder = std::move(folder)] { return process_folder(folder); });
    TRY_OK(drain());
    return make_links();
}

Result<> Restorer::Job::drain() {
    std::mutex outcome_mutex;
    Result<> outcome;
    for (;;) {
        repository.host().run_parallel(settings.threads, [&](unsigned) {
            auto worked = pool.work();
            if (!worked) {
                const std::scoped_lock lock(outcome_mutex);
                outcome = std::move(worked);
            }
        });
        if (!outcome || waiting.empty()) {
            return outcome;
        }
        waiting_bytes = 0;
        TRY_OK(plan(std::exchange(waiting, {})));
    }
}

Result<> Restorer::Job::check_stop() const {
    return repository.host().is_stopped()
               ? Result<>(Error(Errc::kCancelled, "the restore was stopped",
                                "run it again: it goes on where it was"))
               : Result<>();
}

Result<> Restorer::Job::tell(const std::string& path, const Error& error) {
    ++counts.problems;
    observer.on_problem(path, error);
    return target.is_full()
               ? Result<>(Error(Errc::kUnavailable, "the target has no room left",
                                "make room, then run it again: it goes on where it was"))
               : Result<>();
}

void Restorer::Job::note(const std::string& path, const Node& node, RestoreAction action) {
    const bool is_kept = action == RestoreAction::kUnchanged || action == RestoreAction::kSkipped;
    if (action == RestoreAction::kDeleted) {
        ++counts.deleted;
    } else {
        ++(is_kept ? counts.skipped : counts.restored);
        (is_kept ? counts.bytes_skipped : counts.bytes_restored) += node.size;
    }
    observer.on_entry(path, node, action);
}

/// Counts so many bytes of the file as done, but never more than it has: what was compared may be
/// written anew, and what failed is over.
void Restorer::Job::advance(RestoreFile& file, std::uint64_t bytes) {
    auto before = file.done.load();
    std::uint64_t more = 0;
    do {
        more = std::min(bytes, file.node.size - std::min(before, file.node.size));
    } while (!file.done.compare_exchange_weak(before, before + more));
    counts.bytes_done += more;
}

/// The directory at the target, made with its parents when it must be; nullptr in a dry run when it
/// is not there. It is tried once.
Result<TargetFolder*> Restorer::Job::ensure(RestoreFolder& folder) {
    const std::scoped_lock lock(folder.mutex);
    if (folder.is_asked_for && !folder.handle && !settings.is_dry_run) {
        return Error(Errc::kCancelled, "its directory could not be made");
    }
    if (folder.is_asked_for) {
        return folder.handle.get();
    }
    folder.is_asked_for = true;
    TRY(auto* const parent, ensure(*folder.parent));
    if (parent != nullptr && !parent->is_new() && settings.overwrite == Overwrite::kNever) {
        TRY(const auto there, parent->look(folder.node.name));
        if (there && !there->is_directory()) {
            return Error(Errc::kConflict, "something else is there, which is to be left alone");
        }
    }
    if (settings.is_dry_run) {
        if (parent != nullptr) {
            auto opened = parent->open_folder(folder.node.name);
            folder.handle = opened ? std::move(*opened) : nullptr;
        }
        return folder.handle.get();
    }
    TRY(folder.handle, parent->make_folder(folder.node.name));
    return folder.handle.get();
}

Result<> Restorer::Job::leave_folder(std::shared_ptr<RestoreFolder> folder) {
    while (folder && --folder->pending == 0) {
        const bool is_touched = folder->is_selected || folder->handle;
        if (folder->parent && is_touched && (folder->handle || settings.is_dry_run)) {
            const auto finished =
                settings.is_dry_run ? Result<>() : folder->handle->finish(folder->node);
            if (finished) {
                const bool is_new = !folder->handle || folder->handle->is_new();
                note(folder->path, folder->node,
                     is_new ? RestoreAction::kRestored : RestoreAction::kUnchanged);
            } else {
                TRY_OK(tell(folder->path, finished.error()));
            }
        }
        folder = folder->parent;
    }
    return {};
}

std::unique_ptr<RestoreWorker> Restorer::Job::take_worker() {
    const std::scoped_lock lock(mutex);
    if (workers.empty()) {
        return std::make_unique<RestoreWorker>(repository);
    }
    auto worker = std::move(workers.back());
    workers.pop_back();
    return worker;
}

void Restorer::Job::give_back(std::unique_ptr<RestoreWorker> worker) {
    const std::scoped_lock lock(mutex);
    workers.push_back(std::move(worker));
}

Restorer::Restorer(const Repository& repository, RestoreTarget& target, RestoreObserver& observer,
                   RestoreSettings settings)
    : job_(std::make_unique<Job>(repository, target, observer, settings)) {
}

Restorer::~Restorer() = default;

Result<> Restorer::run(const ObjectId& tree) {
    return job_->run(tree);
}

Result<> Restorer::verify(const ObjectId& tree) {
    return job_->verify(tree);
}

const RestoreCounts& Restorer::counts() const {
    return job_->counts;
}

}  // namespace muster::backup
