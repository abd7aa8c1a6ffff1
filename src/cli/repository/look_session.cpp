#include "cli/repository/look_session.h"

#include <algorithm>

#include "backup/path_filter.h"

namespace muster::cli {

using backup::Repository;

namespace {

using LockedBody = std::function<Result<int>(Repository&, backup::RepositoryLock&)>;

Result<int> open_and_run(Session& session, const backup::LockSettings& settings, Reads reads,
                         const LockedBody& body) {
    TRY(auto* const repository, session.open());
    backup::RepositoryLock lock(*repository, settings);
    TRY_OK(lock.begin());
    if (reads == Reads::kIndex) {
        TRY_OK(repository->load_index());
    }
    TRY_OK(settings.kind == backup::LockKind::kExclusive ? lock.confirm() : Result<>{});
    int status = kExitDone;
    TRY_OK(lock.keep_while([&]() -> Result<> {
        TRY(status, body(*repository, lock));
        return {};
    }));
    return status;
}

int run(Session& session, const backup::LockSettings& settings, Reads reads,
        const LockedBody& body) {
    const auto status = open_and_run(session, settings, reads, body);
    session.streams().out.flush();
    return status ? *status : session.fail(status.error());
}

}  // namespace

backup::SnapshotFilter SnapshotOptions::filter() const {
    backup::SnapshotFilter filter;
    filter.hosts = hosts;
    for (const auto& list : tags) {
        filter.tags.push_back(backup::parse_tag_list(list));
    }
    for (const auto& path : paths) {
        filter.paths.push_back(backup::clean_path(path));
    }
    return filter;
}

int run_locked(Session& session, Reads reads, const std::function<Result<int>(Repository&)>& body) {
    return run(session, session.lock_settings(backup::LockKind::kShared), reads,
               [&](Repository& repository, backup::RepositoryLock&) { return body(repository); });
}

int run_changing(Session& session, const LockedBody& body) {
    return run(session, session.changing_lock(backup::LockKind::kExclusive), Reads::kFiles, body);
}

Result<backup::Chosen> name_snapshots(backup::Snapshots all, std::span<const std::string> names,
                                      const backup::SnapshotFilter& filter) {
    backup::Chosen chosen;
    if (names.empty()) {
        chosen = backup::choose(all, filter);
    }
    for (const auto& text : names) {
        TRY(const auto name, backup::parse_snapshot_name(text));
        if (!name.subfolder.empty()) {
            return Error(Errc::kInvalid, "a folder is of no use here: " + text,
                         "name the snapshot alone");
        }
        TRY(const auto* const found, backup::find_snapshot(all, name, filter));
        if (std::ranges::find(chosen, found) == chosen.end()) {
            chosen.push_back(found);
        }
    }
    std::ranges::sort(chosen, [](const auto* a, const auto* b) { return b->is_newer_than(*a); });
    return chosen;
}

Result<std::vector<std::string>> stored_names(const Repository& repository, backup::FileKind kind) {
    TRY(const auto files, repository.store().list(kind));
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const auto& file : files) {
        names.push_back(file.name);
    }
    std::ranges::sort(names);
    return names;
}

Result<backup::ObjectId> find_stored(const Repository& repository, backup::FileKind kind,
                                     const std::string& prefix) {
    const std::string what = std::string(backup::place_of(kind)) + " that begins with " + prefix;
    TRY_OK(backup::ObjectId::check_prefix(prefix));
    TRY(const auto names, stored_names(repository, kind));
    const auto first = std::ranges::lower_bound(names, prefix);
    if (first == names.end() || !first->starts_with(prefix)) {
        const std::string kinds =
            kind == backup::FileKind::kPack ? "packs" : std::string(backup::place_of(kind));
        return Error(Errc::kNotFound, "there is no file in " + what,
                     "`muster list " + kinds + "` prints their ids");
    }
    if (const auto next = first + 1; next != names.end() && next->starts_with(prefix)) {
        return Error(Errc::kConflict, "there is more than one file in " + what,
                     "give more digits of it");
    }
    return backup::ObjectId::parse(*first);
}

}  // namespace muster::cli
