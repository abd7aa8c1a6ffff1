#include <algorithm>
#include <utility>

#include "backup/restore/restore_job.h"

namespace muster::backup {

Result<> Restorer::Job::process_folder(const std::shared_ptr<RestoreFolder>& folder) {
    TRY_OK(check_stop());
    if (folder->is_selected) {
        if (const auto made = ensure(*folder); !made) {
            TRY_OK(tell(folder->path, made.error()));
            folder->is_selected = false;  // Nothing to finish.
            return leave_folder(folder);
        }
    }
    auto nodes = repository.load_tree(*folder->node.subtree);
    if (!nodes) {
        TRY_OK(tell(folder->path, nodes.error()));
        return leave_folder(folder);
    }
    std::vector<std::string> names;
    std::vector<std::shared_ptr<RestoreFolder>> below;
    for (auto& node : *nodes) {
        if (settings.is_delete) {
            names.push_back(node.name);
        }
        TRY_OK(process_node(folder, std::move(node), below));
    }
    if (settings.is_delete && folder->handle && !folder->handle->is_new()) {
        TRY_OK(delete_others(*folder, names));
    }
    std::ranges::reverse(below);  // The last one pushed is the first one taken.
    for (auto& child : below) {
        pool.push([this, child = std::move(child)] { return process_folder(child); });
    }
    return leave_folder(folder);
}

Result<> Restorer::Job::process_node(const std::shared_ptr<RestoreFolder>& folder, Node node,
                                     std::vector<std::shared_ptr<RestoreFolder>>& below) {
    const std::string path = folder->path_of(node.name);
    const auto answer = settings.selection != nullptr ? settings.selection->select(path)
                                                      : RestoreSelection::Answer();
    if (!node.is_directory()) {
        return answer.is_selected ? process_entry(folder, std::move(node)) : Result<>();
    }
    if (!node.subtree) {
        return tell(path, Error(Errc::kCorrupt, "the directory has no tree"));
    }
    if (answer.is_selected || answer.children_may_be) {
        auto child = std::make_shared<RestoreFolder>();
        child->parent = folder;
        child->path = path;
        child->is_selected = answer.is_selected;
        child->node = std::move(node);
        counts.entries += answer.is_selected ? 1 : 0;
        ++folder->pending;
        below.push_back(std::move(child));
    }
    return {};
}

bool Restorer::Job::may_overwrite(const Node& node, const Node& there) const {
    switch (settings.overwrite) {
        case Overwrite::kNever:
            return false;
        case Overwrite::kIfNewer:
            return node.mtime > there.mtime;
        default:
            return true;
    }
}

Result<> Restorer::Job::process_entry(const std::shared_ptr<RestoreFolder>& folder, Node node) {
    ++counts.entries;
    const auto at = ensure(*folder);
    if (!at) {
        return tell(folder->path_of(node.name), at.error());
    }
    if (node.is_file()) {
        return process_file(folder, std::move(node));
    }
    return process_other(*folder, node, *at);
}

/// What is to be done with what is no file and no directory.
Result<RestoreAction> Restorer::Job::judge_other(const Node& node, TargetFolder* at) const {
    if (at == nullptr || at->is_new()) {
        return RestoreAction::kRestored;
    }
    TRY(const auto there, at->look(node.name));
    if (!there) {
        return RestoreAction::kRestored;
    }
    if (!may_overwrite(node, *there)) {
        return RestoreAction::kSkipped;
    }
    if (there->is_directory() && settings.is_delete && !settings.is_dry_run) {
        TRY_OK(at->remove(node.name));
    }
    const bool is_same = there->type == node.type && there->device == node.device &&
                         there->link_target == node.link_target;
    return is_same ? RestoreAction::kUnchanged : RestoreAction::kUpdated;
}

Result<> Restorer::Job::process_other(RestoreFolder& folder, const Node& node, TargetFolder* at) {
    const std::string path = folder.path_of(node.name);
    if (node.type == NodeType::kSocket || node.type == NodeType::kIrregular) {
        return {};  // As restic: whoever listens on a socket makes it.
    }
    const auto action = judge_other(node, at);
    if (!action) {
        return tell(path, action.error());
    }
    if (*action != RestoreAction::kSkipped && at != nullptr && !settings.is_dry_run) {
        if (const auto made = at->make_other(node); !made) {
            return tell(path, made.error());
        }
    }
    note(path, node, *action);
    return {};
}

Result<> Restorer::Job::process_file(const std::shared_ptr<RestoreFolder>& folder, Node node) {
    counts.bytes += node.size;
    ++folder->pending;
    if (node.links > 1) {
        const std::scoped_lock lock(mutex);
        Node name_only;
        name_only.name = node.name;
        if (!first_names.try_emplace({node.inode, node.device_id}, folder, name_only).second) {
            links.push_back({folder, std::move(node)});
            return {};
        }
    }
    auto file = std::make_shared<RestoreFile>();
    file->folder = folder;
    file->node = std::move(node);
    auto* const at = folder->handle.get();
    if (at == nullptr || at->is_new()) {
        return add_file(std::move(file));
    }
    auto there = at->look(file->node.name);
    if (!there) {
        return fail_file(*file, there.error());
    }
    if (!*there) {
        return add_file(std::move(file));
    }
    if (!may_overwrite(file->node, **there)) {
        advance(*file, file->node.size);
        note(file->path(), file->node, RestoreAction::kSkipped);
        {
            const std::scoped_lock lock(mutex);
            left.insert(file->path());
        }
        return leave_folder(folder);
    }
    if ((*there)->is_directory() && settings.is_delete && !settings.is_dry_run) {
        if (const auto removed = at->remove(file->node.name); !removed) {
            return fail_file(*file, removed.error());
        }
    }
    // A file that has other names elsewhere is not changed: they would change too.
    if (!(*there)->is_file() || ((*there)->links > 1 && file->node.links <= 1)) {
        return add_file(std::move(file));
    }
    pool.push([this, file, status = std::move(**there)] { return compare_file(file, status); });
    return {};
}

Result<> Restorer::Job::delete_others(RestoreFolder& folder,
                                      const std::vector<std::string>& names) {
    auto there = folder.handle->list();
    if (!there) {
        return tell(folder.path, there.error());
    }
    for (const auto& name : *there) {
        const std::string path = folder.path_of(name);
        const bool is_meant =
            settings.selection == nullptr || settings.selection->select(path).is_selected;
        if (std::ranges::binary_search(names, name) || !is_meant) {
            continue;
        }
        const auto removed = settings.is_dry_run ? Result<>() : folder.handle->remove(name);
        if (removed) {
            note(path, Node{}, RestoreAction::kDeleted);
        } else {
            TRY_OK(tell(path, removed.error()));
        }
    }
    return {};
}

Result<> Restorer::Job::make_links() {
    for (const auto& link : links) {
        TRY_OK(check_stop());
        if (const auto made = make_link(link); !made) {
            TRY_OK(tell(link.folder->path_of(link.node.name), made.error()));
        }
        counts.bytes_done += link.node.size;
        TRY_OK(leave_folder(link.folder));
    }
    return {};
}

Result<> Restorer::Job::make_link(const HardLink& link) {
    const std::string path = link.folder->path_of(link.node.name);
    const auto& first = first_names.at({link.node.inode, link.node.device_id});
    auto* const at = link.folder->handle.get();
    auto action = RestoreAction::kRestored;
    if (at != nullptr && !at->is_new()) {
        TRY(const auto there, at->look(link.node.name));
        if (there && !may_overwrite(link.node, *there)) {
            note(path, link.node, RestoreAction::kSkipped);
            left.insert(path);
            return {};
        }
        if (there && first.folder->handle) {
            TRY(const auto main, first.folder->handle->look(first.node.name));
            const bool is_same =
                main && main->inode == there->inode && main->device_id == there->device_id;
            action = is_same ? RestoreAction::kUnchanged : RestoreAction::kUpdated;
        }
    }
    if (at != nullptr && !settings.is_dry_run && action != RestoreAction::kUnchanged) {
        TRY_OK(at->link(link.node.name, *first.folder->handle, first.node.name));
    }
    note(path, link.node, action);
    return {};
}

}  // namespace muster::backup
