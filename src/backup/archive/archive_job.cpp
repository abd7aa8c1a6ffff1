#include "backup/archive/archive_job.h"

#include <utility>

#include "backup/codec/sha256.h"

// How a tree is archived: a directory is a task. It lists its entries, compares them with the
// parent snapshot, makes tasks of its directories and of the files that have to be read, and writes
// down the rest at once. Every entry has a slot in its directory; whoever fills the last one writes
// the directory's tree and fills the directory's own slot above, up to the root.

namespace muster::backup {

namespace {

ZoneClock& zone_of_thread(const Host& host) {
    thread_local std::unique_ptr<ZoneClock> zone;
    thread_local const Host* made_for = nullptr;
    if (made_for != &host) {
        zone = std::make_unique<ZoneClock>(host);
        made_for = &host;
    }
    return *zone;
}

}  // namespace

std::string Entry::path() const {
    if (target != nullptr) {
        return target->path;
    }
    return job->path.ends_with('/') ? job->path + node.name : job->path + "/" + node.name;
}

Archiver::Job::Job(Repository& opened, Source& read_from, BlobWriter& blobs, ArchiveObserver& told,
                   ArchiveSettings wanted)
    : repository(opened),
      source(read_from),
      writer(blobs),
      observer(told),
      settings(std::move(wanted)),
      scanner(opened.config().polynomial),
      pool(2 * std::size_t{blobs.compute_threads()}) {
}

Result<ObjectId> Archiver::Job::run() {
    TRY(targets, make_target_tree(source, settings.targets));
    auto job = std::make_shared<FolderJob>();
    job->path = targets.path;
    job->targets = targets.is_leaf() ? nullptr : &targets;
    if (settings.parent_tree) {
        job->before.emplace();
        job->before->subtree = settings.parent_tree;
    }
    if (targets.is_leaf()) {
        TRY(job->folder, source.open_folder(targets.path));
    }
    pool.push([this, job = std::move(job)] { return process_folder(job); });
    TRY_OK(writer.run([this](unsigned) {
        auto worked = pool.work();
        if (!worked) {
            pool.stop();
        }
        return worked;
    }));
    if (!root) {
        return Error(Errc::kCancelled, "the backup was stopped");
    }
    return *root;
}

Result<> Archiver::Job::finish_entry(Entry& entry) {
    if (!settings.has_atime) {
        entry.node.atime = entry.node.mtime;
    }
    append_node(entry.job->texts[entry.slot], entry.node, zone_of_thread(repository.host()));
    if (entry.node.is_directory()) {
        counts.folders.add(entry.state);
    } else {
        ++counts.entries;
        counts.bytes += entry.node.size;
        if (entry.node.is_file()) {
            counts.files.add(entry.state);
        }
    }
    observer.on_entry(entry.path(), entry.node, entry.state);
    return leave_folder(entry.job);
}

Result<> Archiver::Job::drop_entry(const Entry& entry, const Error& error) {
    // What vanished since its directory was listed is as if it had never been there.
    if (error.code() != Errc::kNotFound || entry.target != nullptr) {
        ++counts.problems;
        observer.on_problem(entry.path(), error);
    }
    return leave_folder(entry.job);
}

Result<> Archiver::Job::leave_folder(std::shared_ptr<FolderJob> job) {
    while (job && --job->pending == 0) {
        TRY_OK(write_tree(*job));
        if (!job->parent) {
            root = job->node.subtree;
            return {};
        }
        Entry entry{job->parent, job->slot, std::move(job->node), nullptr, {}, EntryState::kNew};
        if (job->before) {
            const bool is_same = job->before->subtree == entry.node.subtree;
            entry.state = is_same ? EntryState::kUnmodified : EntryState::kChanged;
        }
        if (!settings.has_atime) {
            entry.node.atime = entry.node.mtime;
        }
        append_node(job->parent->texts[job->slot], entry.node, zone_of_thread(repository.host()));
        counts.folders.add(entry.state);
        observer.on_entry(job->path, entry.node, entry.state);
        job = job->parent;
    }
    return {};
}

Result<> Archiver::Job::write_tree(FolderJob& job) {
    TreeText text;
    for (const auto& node : job.texts) {
        if (!node.empty()) {
            text.add(node);
        }
    }
    const ByteView bytes = bytes_of(text.finish());
    const ObjectId id = sha256(bytes);
    TRY_OK(writer.put(BlobType::kTree, id, bytes));
    job.node.subtree = id;
    job.texts = {};
    job.folder.reset();
    return {};
}

Archiver::Archiver(Repository& repository, Source& source, BlobWriter& writer,
                   ArchiveObserver& observer, ArchiveSettings settings)
    : job_(std::make_unique<Job>(repository, source, writer, observer, std::move(settings))) {
}

Archiver::~Archiver() = default;

Result<ObjectId> Archiver::run() {
    return job_->run();
}

const ArchiveCounts& Archiver::counts() const {
    return job_->counts;
}

}  // namespace muster::backup
