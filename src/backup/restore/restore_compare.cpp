#include <algorithm>
#include <utility>

#include "backup/codec/sha256.h"
#include "backup/restore/restore_job.h"

namespace muster::backup {

namespace {

Error differs(const std::string& how) {
    return {Errc::kCorrupt, "what was restored is not what the snapshot has: " + how,
            "run the restore again; if that does not help, look for a bad disk"};
}

}  // namespace

/// Compares what is there, blob by blob; whether all of it is right. What is right counts as done
/// for `file`, if there is one.
Result<bool> Restorer::Job::compare(TargetFile& open, const Node& node, std::vector<bool>& is_right,
                                    RestoreFile* file) {
    is_right.assign(node.content.size(), false);
    bool is_all_right = true;
    std::uint64_t offset = 0;
    Buffer content;
    for (std::size_t i = 0; i < node.content.size(); ++i) {
        TRY_OK(check_stop());
        const auto place = repository.index().find(BlobType::kData, node.content[i]);
        if (!place) {
            return false;  // Nothing is known of what follows.
        }
        content.resize(place->blob.content_length());
        TRY(const auto got, open.read(offset, content.span()));
        is_right[i] = got == content.size() && sha256(content.view()) == node.content[i];
        is_all_right = is_all_right && is_right[i];
        if (is_right[i] && file != nullptr) {
            advance(*file, content.size());
        }
        offset += content.size();
    }
    return is_all_right;
}

Result<> Restorer::Job::compare_file(const std::shared_ptr<RestoreFile>& file, const Node& there) {
    TRY_OK(check_stop());
    auto* const at = file->folder->handle.get();
    auto open = at->open_file(file->node.name, false);
    if (!open) {  // What can't be read is written anew.
        return add_file(file);
    }
    const bool has_size = there.size == file->node.size;
    bool is_right =
        settings.overwrite == Overwrite::kIfChanged && has_size && there.mtime == file->node.mtime;
    if (!is_right) {
        const auto compared = compare(**open, file->node, file->is_right, file.get());
        if (!compared && compared.error().code() == Errc::kCancelled) {
            return compared.error();
        }
        is_right = compared && *compared && has_size;
    }
    if (!is_right) {
        // Its other names keep the old content until they are linked anew; and a program that runs
        // can't be written to.
        file->is_changed = there.links <= 1 && at->open_file(file->node.name, true).has_value();
        return add_file(file);
    }
    const auto finished = settings.is_dry_run ? Result<>() : (*open)->finish(file->node, false);
    if (!finished) {
        return fail_file(*file, finished.error());
    }
    advance(*file, file->node.size);
    note(file->path(), file->node, RestoreAction::kUnchanged);
    return leave_folder(file->folder);
}

Result<> Restorer::Job::verify(const ObjectId& tree) {
    auto folder = std::make_shared<RestoreFolder>();
    folder->path = "/";
    folder->node.subtree = tree;
    folder->handle = root;
    pool.push([this, folder = std::move(folder)] { return verify_folder(folder); });
    return drain();
}

Result<> Restorer::Job::verify_folder(const std::shared_ptr<RestoreFolder>& folder) {
    TRY_OK(check_stop());
    const auto nodes = repository.load_tree(*folder->node.subtree);
    if (!nodes) {
        return {};  // Told when it was restored.
    }
    for (const auto& node : *nodes) {
        const std::string path = folder->path_of(node.name);
        const auto answer = settings.selection != nullptr ? settings.selection->select(path)
                                                          : RestoreSelection::Answer();
        if (node.is_file() && answer.is_selected && !left.contains(path)) {
            if (const auto verified = verify_file(*folder, node); !verified) {
                TRY_OK(tell(path, verified.error()));
            }
        }
        if (!node.is_directory() || !node.subtree || !answer.children_may_be) {
            continue;
        }
        auto opened = folder->handle->open_folder(node.name);
        if (!opened) {
            if (answer.is_selected) {
                TRY_OK(tell(path, opened.error()));
            }
            continue;
        }
        auto child = std::make_shared<RestoreFolder>();
        child->path = path;
        child->node.subtree = node.subtree;
        child->handle = std::move(*opened);
        pool.push([this, child = std::move(child)] { return verify_folder(child); });
    }
    return {};
}

Result<> Restorer::Job::verify_file(RestoreFolder& folder, const Node& node) {
    TRY(const auto there, folder.handle->look(node.name));
    if (!there || there->size != node.size) {
        return differs(there ? "its size is " + std::to_string(there->size) + " instead of " +
                                   std::to_string(node.size)
                             : "it is not there");
    }
    TRY(const auto file, folder.handle->open_file(node.name, false));
    std::vector<bool> is_right;
    TRY(const bool is_all_right, compare(*file, node, is_right, nullptr));
    if (!is_all_right) {
        return differs(std::to_string(std::ranges::count(is_right, false)) + " of " +
                       std::to_string(is_right.size()) + " pieces differ");
    }
    ++counts.verified;
    return {};
}

}  // namespace muster::backup
