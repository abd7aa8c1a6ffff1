#include "backup/care/repair_index.h"
#include "backup/care/repair_packs.h"
#include "backup/care/repair_snapshots.h"
#include "cli/repository/care_commands.h"
#include "cli/repository/care_output.h"

namespace muster::cli {

using backup::Snapshot;

namespace {

/// What `mend(repository, lock)` gives while nobody else is at the repository.
template <class Mend>
auto mend_alone(Session& session, const Mend& mend)
    -> std::invoke_result_t<Mend, backup::Repository&, backup::RepositoryLock&> {
    TRY(auto* const repository, session.open());
    backup::RepositoryLock lock(*repository, session.changing_lock(backup::LockKind::kExclusive));
    TRY_OK(lock.begin());
    TRY_OK(lock.confirm());
    typename std::invoke_result_t<Mend, backup::Repository&, backup::RepositoryLock&>::value_type
        repair;
    TRY_OK(lock.keep_while([&]() -> Result<> {
        TRY(repair, mend(*repository, lock));
        return {};
    }));
    return repair;
}

Result<backup::IndexRepair> mend_index(Session& session, bool is_all_read) {
    return mend_alone(session, [&](backup::Repository& repository, backup::RepositoryLock& lock) {
        return backup::repair_index(repository, lock, is_all_read);
    });
}

Result<backup::PackRepair> mend_packs(Session& session, const std::vector<std::string>& names) {
    std::vector<backup::ObjectId> packs;
    for (const auto& name : names) {
        TRY(const auto id, backup::ObjectId::parse(name).with("\"" + name + "\""));
        packs.push_back(id);
    }
    return mend_alone(session, [&](backup::Repository& repository, backup::RepositoryLock& lock) {
        return backup::repair_packs(repository, lock, packs);
    });
}

class RepairOutput final : public backup::RepairObserver {
  public:
    RepairOutput(CareOutput& output, bool is_dry_run) : output_(output), is_dry_run_(is_dry_run) {}

    void on_change(const Snapshot& snapshot, const std::string& path,
                   const std::string& what) override {
        if (output_.is_json()) {
            output_.out() << R"({"message_type":"change","snapshot_id":")" << snapshot.id.hex()
                          << R"(","item":)" << quoted(path) << R"(,"what":)" << quoted(what)
                          << "}\n";
        }
        output_.say("snapshot " + snapshot.id.brief() + ": " + path + ": " + what);
    }
    void on_repaired(const Snapshot& snapshot,
                     const std::optional<backup::ObjectId>& made) override {
        if (output_.is_json()) {
            output_.out() << R"({"message_type":"repaired","snapshot_id":")" << snapshot.id.hex()
                          << R"(","new_snapshot_id":)"
                          << (made ? "\"" + made->hex() + "\"" : "null") << "}\n";
        }
        output_.say("snapshot " + snapshot.id.brief() +
                    (made ? " was made anew as " + made->brief() : " would be made anew"));
    }
    void on_hopeless(const Snapshot& snapshot, bool is_removed) override {
        if (output_.is_json()) {
            output_.out() << R"({"message_type":"hopeless","snapshot_id":")" << snapshot.id.hex()
                          << R"(","is_removed":)" << (is_removed ? "true" : "false") << "}\n";
        }
        output_.say("snapshot " + snapshot.id.brief() + " has no tree that can be read: " +
                    (is_removed    ? "it was removed"
                     : is_dry_run_ ? "--forget would remove it"
                                   : "remove it with --forget"));
    }

  private:
    CareOutput& output_;
    bool is_dry_run_;
};

Result<std::size_t> mend_snapshots(Session& session, const RepairOptions& options,
                                   CareOutput& output) {
    TRY(auto* const repository, session.open());
    backup::RepositoryLock lock(
        *repository, session.changing_lock(backup::LockKind::kExclusive, options.is_dry_run));
    TRY_OK(lock.begin());
    std::vector<Error> unreadable;
    TRY(const auto all, Session::load_snapshots(*repository, &unreadable));
    for (const auto& error : unreadable) {
        output.error(error);
    }
    TRY_OK(repository->load_index());
    TRY_OK(lock.confirm());
    TRY(const auto chosen, choose_snapshots(all, options.ids, options.filter));
    RepairOutput observer(output, options.is_dry_run);
    backup::SnapshotRepair repair(*repository, lock, {options.is_forgotten, options.is_dry_run},
                                  observer);
    std::size_t changed = 0;
    TRY_OK(lock.keep_while([&]() -> Result<> {
        TRY(changed, repair.run(chosen));
        return {};
    }));
    return changed;
}

}  // namespace

int run_repair_index(Session& session, const RepairOptions& options) {
    CareOutput output(session);
    const auto repair = mend_index(session, options.is_all_read);
    if (!repair) {
        return session.fail(repair.error());
    }
    for (const auto& pack : repair->unreadable) {
        output.error(Error(Errc::kCorrupt, "pack " + pack.hex() +
                                               " has no header that can be read: it is in no "
                                               "index, and the next prune would remove it"));
    }
    if (output.is_json()) {
        output.out() << R"({"message_type":"summary","packs_dropped":)" << id_list(repair->dropped)
                     << R"(,"packs_added":)" << id_list(repair->added) << R"(,"packs_unreadable":)"
                     << id_list(repair->unreadable) << R"(,"indexes_written":)"
                     << repair->written_indexes << R"(,"indexes_removed":)"
                     << repair->removed_indexes << "}\n";
    }
    output.say(counted(repair->dropped.size(), "pack") + " dropped that are not there, " +
               counted(repair->added.size(), "pack") + " added, " +
               counted(repair->written_indexes, "index file") + " written");
    return repair->unreadable.empty() ? int{kExitDone} : int{kExitFailed};
}

int run_repair_packs(Session& session, const RepairOptions& options) {
    CareOutput output(session);
    const auto repair = mend_packs(session, options.ids);
    if (!repair) {
        return session.fail(repair.error());
    }
    for (const auto& pack : repair->not_damaged) {
        output.say("nothing is wrong with pack " + pack.hex() + ": it stays");
    }
    for (const auto& blob : repair->lost) {
        output.error(Error(Errc::kCorrupt, std::string(to_string(blob.type)) + " blob " +
                                               blob.id.hex() + " is lost"));
    }
    if (output.is_json()) {
        output.out() << R"({"message_type":"summary","blobs_saved":)" << repair->saved
                     << R"(,"blobs_lost":)" << repair->lost.size() << "}\n";
    }
    output.say(counted(repair->saved, "blob") + " saved, " + std::to_string(repair->lost.size()) +
               " lost");
    if (!repair->lost.empty()) {
        output.say(
            "next: muster backup --force where the files still exist, then muster repair "
            "snapshots");
    }
    return kExitDone;
}

int run_repair_snapshots(Session& session, const RepairOptions& options) {
    CareOutput output(session);
    const auto changed = mend_snapshots(session, options, output);
    if (!changed) {
        return session.fail(changed.error());
    }
    if (output.is_json()) {
        output.out() << R"({"message_type":"summary","snapshots_changed":)" << *changed << "}\n";
    }
    output.say(*changed == 0 ? "nothing is wrong with the snapshots"
                             : (options.is_dry_run ? "would change " : "changed ") +
                                   counted(*changed, "snapshot"));
    return kExitDone;
}

}  // namespace muster::cli
