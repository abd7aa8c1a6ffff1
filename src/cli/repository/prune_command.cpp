#include "backup/care/prune.h"

#include <algorithm>

#include "backup/care/data_subset.h"

#include "cli/repository/care_commands.h"
#include "cli/repository/care_output.h"

namespace muster::cli {

namespace {

using backup::PruneCounts;

std::string amount(const PruneCounts::Amount& amount) {
    return std::to_string(amount.blobs) + " blobs / " + size_text(amount.bytes);
}

PruneCounts::Amount sum(const PruneCounts::Amount& left, const PruneCounts::Amount& right) {
    return {left.blobs + right.blobs, left.bytes + right.bytes};
}

std::string json_counts(const PruneCounts& counts) {
    const auto field = [](const char* name, std::uint64_t value) {
        return "\"" + std::string(name) + "\":" + std::to_string(value);
    };
    const auto amounts = [&](auto member) {
        return field("used", counts.used.*member) + "," +
               field("duplicate", counts.duplicate.*member) + "," +
               field("unused", counts.unused.*member) + "," +
               field("remove", counts.removed.*member) + "," +
               field("repack", counts.repacked.*member) + "," +
               field("repackrm", counts.repack_removed.*member);
    };
    return R"({"message_type":"summary","blobs":{)" + amounts(&PruneCounts::Amount::blobs) +
           R"(},"size":{)" + amounts(&PruneCounts::Amount::bytes) + "," +
           field("unref", counts.foreign_bytes) + R"(},"packs":{)" +
           field("used", counts.used_packs) + "," + field("unused", counts.unused_packs) + "," +
           field("partlyUsed", counts.partly_used_packs) + "," +
           field("unref", counts.foreign_packs) + "," + field("keep", counts.kept_packs) + "," +
           field("repack", counts.repacked_packs) + "," + field("remove", counts.removed_packs) +
           "," + field("locked", counts.locked_packs) + "}}";
}

class PruneOutput final : public backup::PruneObserver {
  public:
    PruneOutput(CareOutput& output, bool is_dry_run) : output_(output), is_dry_run_(is_dry_run) {}

    void on_step(const std::string& what) override { output_.say(what); }
    void on_error(const Error& error) override { output_.error(error); }
    void on_progress(const std::string& what, std::uint64_t done, std::uint64_t all) override {
        output_.progress(what, done, all);
    }
    void on_plan(const backup::PrunePlan& plan) override {
        const auto& counts = plan.counts;
        if (output_.is_json()) {
            output_.out() << json_counts(counts) << "\n";
            return;
        }
        output_.murmur("used:      " + amount(counts.used));
        output_.murmur("duplicate: " + amount(counts.duplicate));
        output_.murmur("unused:    " + amount(counts.unused));
        const auto gone = sum(counts.removed, counts.repack_removed);
        const auto all = sum(sum(counts.used, counts.duplicate), counts.unused);
        output_.say(std::string(is_dry_run_ ? "\nwould" : "\nwill") + " write anew " +
                    counted(counts.repacked_packs, "pack") + ", " + amount(counts.repacked) +
                    ", to remove " + amount(counts.repack_removed) + " of it");
        output_.say(std::string(is_dry_run_ ? "would" : "will") + " remove " +
                    counted(counts.removed_packs, "pack") + ", " + amount(counts.removed) +
                    ", and " + counted(plan.foreign.size(), "pack") + " in no index" +
                    (plan.foreign.empty() ? "" : ", " + size_text(counts.foreign_bytes)));
        if (counts.foreign_packs > plan.foreign.size()) {
            output_.say(counted(counts.foreign_packs, "pack") +
                        " in no index stay this time: a lock was left behind, its owner may "
                        "still be writing");
        }
        if (counts.locked_packs > 0) {
            output_.say(counted(counts.locked_packs, "pack") +
                        " with unused data stay for now: they, or the index of them, are locked");
        }
        const auto left = all.bytes - gone.bytes;
        const auto unused = left - counts.used.bytes;
        output_.say("remaining: " + std::to_string(all.blobs - gone.blobs) + " blobs / " +
                    size_text(left) + ", of it unused " + size_text(unused) + "\n");
    }

  private:
    CareOutput& output_;
    bool is_dry_run_;
};

Result<backup::PruneSettings> settings_of(Session& session, const PruneOptions& options) {
    backup::PruneSettings settings;
    TRY(settings.max_unused, backup::parse_unused_limit(options.max_unused));
    if (!options.max_repack.empty()) {
        TRY(settings.max_repack, backup::parse_suffixed_size(options.max_repack));
    }
    settings.pack_size = static_cast<std::size_t>(session.options().pack_size) << 20U;
    settings.compression = compression_of(session.options());
    settings.is_small_repacked = options.is_small_repacked;
    settings.is_cacheable_only = options.is_cacheable_only;
    settings.is_uncompressed_repacked = options.is_uncompressed_repacked;
    settings.is_dry_run = options.is_dry_run;
    if (settings.is_uncompressed_repacked && settings.compression == backup::Compression::kOff) {
        return Error(Errc::kInvalid, "--repack-uncompressed needs compression",
                     "leave --compression off away");
    }
    return settings;
}

}  // namespace

backup::Compression compression_of(const RepositoryOptions& options) {
    return options.compression == "max"   ? backup::Compression::kMax
           : options.compression == "off" ? backup::Compression::kOff
                                          : backup::Compression::kAuto;
}

Result<> check_prune(Session& session, const PruneOptions& options) {
    TRY_OK(settings_of(session, options));
    return {};
}

Result<bool> is_anybody_paused(const backup::Repository& repository) {
    TRY(const auto locks, backup::read_locks(repository));
    const auto me = repository.host().identity().hostname;
    return std::ranges::any_of(locks, [&](const backup::LockFile& lock) {
        const bool is_surely_gone =
            lock.holder.hostname == me && !repository.host().is_alive(lock.holder.pid);
        return !is_surely_gone && backup::is_stale(lock, repository.host());
    });
}

Result<std::size_t> prune_under_lock(Session& session, const PruneOptions& options,
                                     LockedRepository locked,
                                     std::vector<backup::ObjectId> forgotten) {
    TRY(auto settings, settings_of(session, options));
    if (!options.recover_id.empty() && options.recover_id != locked.repository.config().id) {
        return Error(Errc::kInvalid,
                     "--unsafe-recover-no-free-space wants the repository's whole id",
                     "`muster cat config` prints it");
    }
    settings.is_space_recovered = !options.recover_id.empty();
    settings.ignored = std::move(forgotten);
    settings.are_foreign_kept = locked.is_anybody_paused;
    CareOutput output(session);
    PruneOutput observer(output, options.is_dry_run);
    TRY(const auto problems,
        backup::Prune(locked.repository, locked.lock, settings, observer).run());
    output.say(options.is_dry_run ? "nothing was changed: this was a dry run" : "done");
    return problems;
}

int run_prune(Session& session, const PruneOptions& options) {
    const auto repository = session.open();
    if (!repository) {
        return session.fail(repository.error());
    }
    backup::RepositoryLock lock(
        **repository, session.changing_lock(backup::LockKind::kExclusive, options.is_dry_run));
    std::size_t problems = 0;
    const auto outcome = [&]() -> Result<> {
        TRY(const bool is_paused, is_anybody_paused(**repository));
        TRY_OK(lock.begin());
        return lock.keep_while([&]() -> Result<> {
            TRY(problems, prune_under_lock(session, options, {**repository, lock, is_paused}, {}));
            return {};
        });
    }();
    if (!outcome) {
        return session.fail(outcome.error());
    }
    return problems > 0 ? int{kExitPartial} : int{kExitDone};
}

}  // namespace muster::cli
