#include <algorithm>

#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"

namespace muster::cli {

using backup::Snapshot;

namespace {

backup::TagList all_tags(const std::vector<std::string>& lists) {
    backup::TagList tags;
    for (const auto& list : lists) {
        for (auto& tag : backup::parse_tag_list(list)) {
            if (!tag.empty() && std::ranges::find(tags, tag) == tags.end()) {
                tags.push_back(std::move(tag));
            }
        }
    }
    return tags;
}

backup::TagList changed_tags(const Snapshot& snapshot, const TagOptions& options) {
    if (options.is_set) {
        return all_tags(options.set);
    }
    backup::TagList tags = snapshot.tags;
    for (auto& tag : all_tags(options.add)) {
        if (std::ranges::find(tags, tag) == tags.end()) {
            tags.push_back(std::move(tag));
        }
    }
    const auto removed = all_tags(options.remove);
    std::erase_if(
        tags, [&](const auto& tag) { return std::ranges::find(removed, tag) != removed.end(); });
    return tags;
}

/// Saves the changed snapshot, then removes the one that it stands for: at each moment one of them
/// is there.
Result<backup::ObjectId> replace(const backup::Repository& repository, const Snapshot& old,
                                 backup::TagList tags) {
    Snapshot changed = old;
    changed.tags = std::move(tags);
    changed.original = old.original.value_or(old.id);
    TRY(const auto id, repository.save_unpacked(backup::FileKind::kSnapshot,
                                                backup::bytes_of(encode_snapshot(changed))));
    TRY_OK(repository.store()
               .remove({backup::FileKind::kSnapshot, old.id.hex()})
               .with("the changed snapshot " + id.brief() +
                     " was saved, but the old one is still "
                     "there"));
    return id;
}

Result<int> change(Session& session, const TagOptions& options,
                   const backup::Repository& repository, backup::RepositoryLock& lock) {
    TRY(const auto all, Session::load_snapshots(repository));
    TRY(const auto chosen, name_snapshots(all, options.snapshots, options.which.filter()));
    auto& streams = session.streams();
    std::size_t changed = 0;
    for (const auto* snapshot : chosen) {
        auto tags = changed_tags(*snapshot, options);
        if (tags == snapshot->tags) {
            continue;
        }
        if (session.host().is_stopped()) {
            return Error(Errc::kCancelled, "interrupted; " + std::to_string(changed) +
                                               " snapshots have been changed");
        }
        TRY_OK(lock.verify());
        TRY(const auto id, replace(repository, *snapshot, std::move(tags)));
        ++changed;
        if (streams.is_json) {
            streams.out << JsonLine()
                               .text("message_type", "changed")
                               .text("old_snapshot_id", snapshot->id.hex())
                               .text("new_snapshot_id", id.hex())
                               .str()
                        << "\n";
        } else if (session.options().verbosity > 0) {
            streams.out << "snapshot " << snapshot->id.brief() << " is now " << id.brief() << "\n";
        }
    }
    if (streams.is_json) {
        streams.out
            << JsonLine().text("message_type", "summary").number("changed_snapshots", changed).str()
            << "\n";
    } else if (!session.options().is_quiet) {
        streams.out << (changed == 0 ? "no snapshots were modified"
                                     : "modified tags on " + std::to_string(changed) + " snapshots")
                    << "\n";
    }
    return kExitDone;
}

}  // namespace

int run_tag(Session& session, const TagOptions& options) {
    if (!options.is_set && options.add.empty() && options.remove.empty()) {
        return session.fail(Error(Errc::kInvalid, "nothing to do", "use --set, --add or --remove"));
    }
    return run_changing(session,
                        [&](const backup::Repository& repository, backup::RepositoryLock& lock) {
                            return change(session, options, repository, lock);
                        });
}

}  // namespace muster::cli
