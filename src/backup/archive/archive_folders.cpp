#include <algorithm>
#include <utility>

#include "backup/archive/archive_job.h"
#include "backup/archive/exclusions.h"

namespace muster::backup {

Result<std::unique_ptr<SourceFolder>> Archiver::Job::open_folder(const Entry& entry) {
    return entry.target != nullptr ? source.open_folder(entry.target->path)
                                   : entry.job->folder->open_folder(entry.node.name);
}

namespace {

/// A path's directory and its last name.
std::pair<std::string, std::string> split(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) {
        return {".", path};
    }
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

Result<std::unique_ptr<SourceFile>> Archiver::Job::open_file(const Entry& entry) {
    if (entry.target == nullptr) {
        return entry.job->folder->open_file(entry.node.name);
    }
    const auto [folder, name] = split(entry.target->path);
    TRY(const auto opened, source.open_folder(folder));
    return opened->open_file(name);
}

Result<std::vector<ExtendedAttribute>> Archiver::Job::attributes_of(const Entry& entry) {
    // Changing an attribute changes the ctime, so what was kept with the same ctime still holds.
    if (entry.before && entry.before->ctime == entry.node.ctime && !settings.is_ctime_ignored &&
        entry.before->inode == entry.node.inode) {
        return entry.before->attributes;
    }
    if (entry.target == nullptr) {
        return entry.job->folder->attributes(entry.node.name);
    }
    const auto [folder, name] = split(entry.target->path);
    TRY(const auto opened, source.open_folder(folder));
    return opened->attributes(name);
}

Result<std::vector<Node>> Archiver::Job::list(FolderJob& job) {
    if (job.targets == nullptr) {
        return job.folder->list();
    }
    std::vector<Node> nodes;
    for (const auto& [name, target] : job.targets->children) {
        // A link on the way to a target is gone through, as a person who typed the path means it.
        auto node = source.status(target.is_leaf() ? target.path : target.path + "/.");
        if (!node) {
            ++counts.problems;
            observer.on_problem(target.path, node.error());
            continue;
        }
        node->name = name;
        nodes.push_back(std::move(*node));
    }
    if (nodes.empty() && !job.parent) {
        return Error(Errc::kNotFound, "none of the paths to back up is there",
                     "check the paths; nothing was saved");
    }
    return nodes;
}

std::vector<Node> Archiver::Job::load_before(const FolderJob& job) {
    if (!job.before || !job.before->subtree) {
        return {};
    }
    auto nodes = repository.load_tree(*job.before->subtree);
    // Without it everything is read again, which costs time but loses nothing.
    return nodes ? std::move(*nodes) : std::vector<Node>{};
}

bool Archiver::Job::is_unchanged(const Entry& entry) const {
    if (!entry.before) {
        return false;
    }
    const Node& before = *entry.before;
    const Node& now = entry.node;
    const bool is_same = before.size == now.size && before.mtime == now.mtime &&
                         (settings.is_ctime_ignored || before.ctime == now.ctime) &&
                         (settings.is_inode_ignored || before.inode == now.inode);
    return is_same && std::ranges::all_of(before.content, [&](const ObjectId& id) {
               return repository.index().has(BlobType::kData, id);
           });
}

bool Archiver::Job::is_excluded(const Entry& entry) const {
    const Node* folder = entry.target == nullptr ? &entry.job->node : nullptr;
    return settings.exclusion != nullptr &&
           settings.exclusion->excludes(entry.path(), entry.node, folder);
}

Result<> Archiver::Job::process_folder(const std::shared_ptr<FolderJob>& job) {
    if (writer.is_failed() || repository.host().is_stopped()) {
        return Error(Errc::kCancelled, "the backup was stopped");
    }
    auto nodes = list(*job);
    if (!nodes && !job->parent) {
        return nodes.error();
    }
    if (!nodes) {
        // Its node is kept, as an empty directory: what lies within could not be read.
        ++counts.problems;
        observer.on_problem(job->path, nodes.error());
        return leave_folder(job);
    }
    const std::string tag = find_tag(settings.exclusion, job->folder.get(), *nodes);
    auto before = load_before(*job);
    job->texts.resize(nodes->size());
    job->pending += nodes->size();
    std::vector<Entry> files;
    auto old = before.begin();
    for (std::size_t slot = 0; slot < nodes->size(); ++slot) {
        Entry entry{job, slot, std::move((*nodes)[slot]), nullptr, {}, EntryState::kNew};
        if (job->targets != nullptr) {
            entry.target = &job->targets->children.at(entry.node.name);
        }
        old = std::find_if(old, before.end(),
                           [&](const Node& node) { return node.name >= entry.node.name; });
        if (old != before.end() && old->name == entry.node.name && old->type == entry.node.type) {
            entry.before = std::move(*old);
            ++old;
        }
        if (is_excluded(entry) || (!tag.empty() && entry.node.name != tag)) {
            TRY_OK(leave_folder(job));
        } else {
            TRY_OK(process_entry(std::move(entry), files));
        }
    }
    push_files(std::move(files));
    return leave_folder(job);
}

Result<> Archiver::Job::process_entry(Entry entry, std::vector<Entry>& files) {
    if (!entry.node.error.empty()) {
        return drop_entry(entry, Error(Errc::kUnavailable, entry.node.error));
    }
    const bool is_read_device = settings.are_devices_read && entry.node.type == NodeType::kDevice;
    if (!entry.node.is_file() && !entry.node.is_directory() && !is_read_device) {
        return process_other(std::move(entry));
    }
    if (entry.node.is_file() || is_read_device) {
        entry.state = entry.before ? EntryState::kChanged : EntryState::kNew;
        if (is_read_device || !is_unchanged(entry)) {
            files.push_back(std::move(entry));
            return {};
        }
        auto attributes = attributes_of(entry);
        if (!attributes) {
            return drop_entry(entry, attributes.error());
        }
        entry.node.attributes = std::move(*attributes);
        entry.node.content = std::move(entry.before->content);
        entry.state = EntryState::kUnmodified;
        observer.on_bytes(entry.node.size);
        return finish_entry(entry);
    }
    const auto child = std::make_shared<FolderJob>();
    child->parent = entry.job;
    child->slot = entry.slot;
    child->path = entry.path();
    child->before = entry.before;
    child->targets = entry.target != nullptr && !entry.target->is_leaf() ? entry.target : nullptr;
    pool.push([this, child, entry = std::make_shared<Entry>(std::move(entry))]() -> Result<> {
        auto folder = open_folder(*entry);
        auto attributes =
            folder ? attributes_of(*entry) : Result<std::vector<ExtendedAttribute>>(folder.error());
        if (!attributes) {
            return drop_entry(*entry, attributes.error());
        }
        child->folder = std::move(*folder);
        child->node = std::move(entry->node);
        child->node.attributes = std::move(*attributes);
        return process_folder(child);
    });
    return {};
}

Result<> Archiver::Job::process_other(Entry entry) {
    auto attributes = attributes_of(entry);
    if (!attributes) {
        return drop_entry(entry, attributes.error());
    }
    entry.node.attributes = std::move(*attributes);
    return finish_entry(entry);
}

}  // namespace muster::backup
