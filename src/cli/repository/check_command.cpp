#include "backup/care/check.h"

#include "cli/repository/care_commands.h"
#include "cli/repository/care_output.h"

namespace muster::cli {

namespace {

class CheckOutput final : public backup::CheckObserver {
  public:
    explicit CheckOutput(CareOutput& output) : output_(output) {}

    void on_step(const std::string& what) override { output_.say(what); }
    void on_error(const Error& error) override { output_.error(error); }
    void on_note(const std::string& note) override { output_.note(note); }
    void on_lost(const backup::Snapshot& snapshot, const std::string& path) override {
        output_.error(Error(Errc::kCorrupt, "snapshot " + snapshot.id.brief() + ": " + path +
                                                " can't be restored whole"));
    }
    void on_progress(std::uint64_t done, std::uint64_t all) override {
        output_.progress("packs read:", done, all);
    }

  private:
    CareOutput& output_;
};

Result<backup::CheckSettings> settings_of(const CheckOptions& options) {
    backup::CheckSettings settings;
    settings.is_unused_checked = options.is_unused_checked;
    if (!options.data_subset.empty()) {
        TRY(settings.data, backup::parse_data_subset(options.data_subset));
    } else if (options.is_data_read) {
        settings.data.kind = backup::DataSubset::Kind::kAll;
    }
    return settings;
}

Result<backup::CheckReport> check(Session& session, const CheckOptions& options,
                                  CareOutput& output) {
    TRY(const auto settings, settings_of(options));
    TRY(auto* const repository, session.open());
    backup::RepositoryLock lock(*repository, session.lock_settings(backup::LockKind::kExclusive));
    if (!session.options().is_lockless) {
        output.say("lock the repository exclusively");
    }
    TRY_OK(lock.begin());
    TRY_OK(lock.confirm());
    CheckOutput observer(output);
    // What is checked is the store: a good copy in the local cache would hide damage.
    backup::Repository uncached({session.host(), repository->store(), nullptr},
                                repository->master_key(), repository->key_name());
    auto& checked = options.is_cache_used ? *repository : uncached;
    backup::CheckReport report;
    TRY_OK(lock.keep_while([&]() -> Result<> {
        TRY(report, backup::Check(checked, settings, observer).run());
        return {};
    }));
    return report;
}

/// What to do next, one line for each step.
void advise(const backup::CheckReport& report, CareOutput& output) {
    if (report.lost_paths > backup::Check::kMostNamed) {
        output.say("… and " + std::to_string(report.lost_paths - backup::Check::kMostNamed) +
                   " more that can't be restored whole");
    }
    output.say("\n" + counted(report.errors, "error") + " in the repository. What to do:");
    output.say("  copy what can still be read of the repository to another place first");
    if (report.is_index_bad) {
        output.say("  muster repair index: makes the index say what is really there");
    }
    std::string packs;
    for (const auto& id : report.damaged_packs) {
        packs += " " + id.hex();
    }
    if (!packs.empty()) {
        output.say("  muster repair packs" + packs + ": saves the good blobs of these packs");
    }
    if (report.has_damage) {
        output.say("  muster backup --force: stores lost blobs again where the files still exist");
        output.say("  muster repair snapshots: then makes snapshots without what stays lost (" +
                   counted(report.lost_paths, "path") + ")");
    }
    for (const auto& id : report.bad_snapshots) {
        output.say("  snapshot " + id.brief() + " can't be read: muster forget " + id.hex());
    }
    output.say("  then muster check --read-data once more, and have the disk or store looked at");
}

}  // namespace

int run_check(Session& session, const CheckOptions& options) {
    CareOutput output(session);
    const auto report = check(session, options, output);
    if (!report) {
        return session.fail(report.error());
    }
    if (output.is_json()) {
        output.out() << R"({"message_type":"summary","num_errors":)" << report->errors
                     << R"(,"broken_packs":)" << id_list(report->broken_packs)
                     << R"(,"suggest_repair_index":)" << (report->is_index_bad ? "true" : "false")
                     << R"(,"suggest_prune":)" << (report->is_prune_useful ? "true" : "false")
                     << "}\n";
    } else if (report->errors > 0) {
        advise(*report, output);
    } else {
        output.say("no errors were found");
    }
    return report->errors > 0 ? int{kExitFailed} : int{kExitDone};
}

}  // namespace muster::cli
