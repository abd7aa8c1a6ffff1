#include "backup/care/copy.h"

#include <cstdlib>

#include "cli/repository/care_commands.h"
#include "cli/repository/care_output.h"

namespace muster::cli {

using backup::Snapshot;

namespace {

std::string or_environment(const std::string& given, const std::string& name) {
    for (const char* const prefix : {"MUSTER_FROM_", "RESTIC_FROM_"}) {
        const char* value = std::getenv((prefix + name).c_str());  // NOLINT
        if (given.empty() && value != nullptr && *value != '\0') {
            return value;
        }
    }
    return given;
}

Result<RepositoryPlace> source_place(const CopyOptions& options) {
    RepositoryPlace place;
    place.location = or_environment(options.source.location, "REPOSITORY");
    place.password_command = options.source.password_command;
    place.password_file = options.source.password_file;
    if (place.password_command.empty() && place.password_file.empty()) {
        place.password_command = or_environment("", "PASSWORD_COMMAND");
        place.password_file = or_environment("", "PASSWORD_FILE");
    }
    place.key_hint = or_environment(options.source.key_hint, "KEY_HINT");
    if (place.location.empty()) {
        return Error(Errc::kInvalid, "no repository to copy from was named",
                     "use --from-repo LOCATION or MUSTER_FROM_REPOSITORY");
    }
    if (place.password_command.empty() && place.password_file.empty()) {
        return Error(Errc::kInvalid, "no password of the repository to copy from was given",
                     "use --from-password-file or --from-password-command");
    }
    return place;
}

/// What can't be opened is the other repository: other options say which.
Result<backup::Repository*> open_source(Session& session, const RepositoryPlace& place) {
    auto opened = session.open_at(place);
    if (opened) {
        return opened;
    }
    switch (Session::status_of(opened.error())) {
        case kExitNoRepository:
            return std::move(opened).error().hinting("check --from-repo");
        case kExitWrongPassword:
            return std::move(opened).error().hinting(
                "check --from-password-file, --from-password-command or the environment");
        default:
            return opened;
    }
}

class CopyOutput final : public backup::CopyObserver {
  public:
    explicit CopyOutput(CareOutput& output) : output_(output) {}

    void on_skipped(const Snapshot& snapshot, const backup::ObjectId& there) override {
        ++skipped_;
        output_.murmur("snapshot " + snapshot.id.brief() + " is there already, as " +
                       there.brief());
    }
    void on_copied(const Snapshot& snapshot, const backup::ObjectId& there) override {
        ++copied_;
        if (output_.is_json()) {
            output_.out() << R"({"message_type":"copied","source_id":")" << snapshot.id.hex()
                          << R"(","snapshot_id":")" << there.hex() << "\"}\n";
        }
        output_.say("snapshot " + snapshot.id.brief() + " copied, it is " + there.brief() +
                    " there");
    }
    void on_error(const Snapshot& snapshot, const Error& error) override {
        output_.error(Error(error).with("snapshot " + snapshot.id.brief() +
                                        " is damaged and was not copied"));
    }
    void on_progress(std::uint64_t done, std::uint64_t all) override {
        output_.progress("packs copied:", done, all);
    }
    void summarize(const backup::WriterTotals& totals) {
        const auto stored = totals.stored_bytes[0] + totals.stored_bytes[1];
        if (output_.is_json()) {
            output_.out() << R"({"message_type":"summary","snapshots_copied":)" << copied_
                          << R"(,"snapshots_skipped":)" << skipped_ << R"(,"blobs_copied":)"
                          << totals.blobs[0] + totals.blobs[1] << R"(,"bytes_copied":)" << stored
                          << "}\n";
        }
        output_.say(counted(copied_, "snapshot") + " copied, " + std::to_string(skipped_) +
                    " were there already; " + size_text(stored) + " written");
    }

  private:
    CareOutput& output_;
    std::size_t copied_ = 0;
    std::size_t skipped_ = 0;
};

Result<std::size_t> copy(Session& session, const CopyOptions& options, CareOutput& output) {
    TRY(const auto place, source_place(options));
    TRY(auto* const source, open_source(session, place));
    TRY(auto* const target, session.open());
    if (source->config().id == target->config().id) {
        return Error(Errc::kInvalid, "--from-repo and --repo are the same repository",
                     "--from-repo is read, --repo is written to");
    }
    constexpr auto kShared = backup::LockKind::kShared;
    backup::RepositoryLock source_lock(*source, session.lock_settings(kShared));
    backup::RepositoryLock target_lock(*target, session.changing_lock(kShared));
    TRY_OK(source_lock.begin());
    TRY_OK(target_lock.begin());
    TRY(const auto all, session.sound_snapshots(*source));
    TRY(const auto there, session.sound_snapshots(*target));
    TRY_OK(source->load_index());
    TRY_OK(target->load_index());
    TRY_OK(source_lock.confirm());
    TRY_OK(target_lock.confirm());
    TRY(const auto chosen, choose_snapshots(all, options.ids, options.filter));
    backup::WriterSettings writing;
    writing.pack_size = static_cast<std::size_t>(session.options().pack_size) << 20U;
    writing.compression = compression_of(session.options());
    CopyOutput observer(output);
    backup::SnapshotCopy copying(*source, *target, target_lock, writing, observer);
    std::size_t damaged = 0;
    TRY_OK(source_lock.keep_while([&] {
        return target_lock.keep_while([&]() -> Result<> {
            TRY(damaged, copying.run(chosen, there));
            return {};
        });
    }));
    observer.summarize(copying.totals());
    return damaged;
}

}  // namespace

int run_copy(Session& session, const CopyOptions& options) {
    CareOutput output(session);
    const auto damaged = copy(session, options, output);
    if (!damaged) {
        return session.fail(damaged.error());
    }
    return *damaged > 0 || session.has_left_out() ? int{kExitPartial} : int{kExitDone};
}

}  // namespace muster::cli
