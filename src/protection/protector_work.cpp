// What the protector does once it is due: backup, trial, forget, check, prune.

#include <algorithm>

#include "protection/protector.h"

namespace muster::protection {
namespace {

constexpr int kIncomplete = 3;  ///< As restic: a snapshot was made, but not everything was read.
constexpr Duration kQuick = std::chrono::minutes(1);
constexpr Duration kCleaning = std::chrono::hours(1);
constexpr Duration kUpkeep = std::chrono::hours(24);
constexpr ByteCount kSpare{64LL << 20U};

workflow::Command program(std::vector<std::string> argv) {
    workflow::Command command;
    command.argv = std::move(argv);
    return command;
}

std::string brief(const std::string& snapshot) {
    return snapshot.substr(0, 8);
}

std::string folder_for(const Job& job, const std::string& fallback) {
    const auto& parent = job.backup.restore_to.empty() ? fallback : job.backup.restore_to;
    return parent + "/muster-trial-" + job.id.service.str() + "-" + job.id.component.str() + "-" +
           job.id.repository;
}

Fields facts_of(const Taken& taken) {
    return {{"snapshot", taken.snapshot},
            {"site", taken.site.str()},
            {"files", std::to_string(taken.extent.files)},
            {"size_bytes", std::to_string(taken.extent.bytes.bytes)},
            {"added_bytes", std::to_string(taken.added.bytes)},
            {"took_ms", std::to_string(static_cast<std::int64_t>(to_ms(taken.took)))}};
}

}  // namespace

Task<> Protector::work(Chosen chosen) {
    const auto id = chosen.job.id;
    const auto repository = chosen.job.repository.name;
    const bool is_upkeep = chosen.work == Work::kCheck || chosen.work == Work::kPrune;
    auto& activity = live_[id].activity;
    if (!is_upkeep) {
        activity = chosen.work == Work::kBackup ? "backup" : "restore";
    }
    node_.changed();
    const auto done = is_upkeep                      ? co_await keep_up(chosen.job, chosen.work)
                      : chosen.work == Work::kBackup ? co_await back_up(chosen.job)
                                                     : co_await try_restore(chosen.job);
    activity.clear();
    busy_.erase(repository);
    node_.changed();
    woken_.notify();
    co_return done;
}

/// Runs a program to its end; what is no success is an error that says why.
Task<workflow::CommandResult> Protector::must(workflow::Command command, std::string what,
                                              Duration patience) {
    auto result = co_await deps_.commands.run(std::move(command), deps_.clock.now() + patience);
    if (result && result->exit_code != 0) {
        co_return Error{Errc::kUnavailable, what + " failed: " + complaint_of(*result)};
    }
    co_return std::move(result).with(what);
}

void Protector::fail(const JobId& job, const std::string& stage, Trouble& trouble,
                     const Error& error, Duration period) {
    ++trouble.failures;
    trouble.error = error.message();
    trouble.retry_at = deps_.clock.wall() + std::chrono::duration_cast<WallTime::duration>(
                                                pause_after(trouble.failures, period));
    ++live_[job].record.failures;
    tell("backup.failed", "error", job,
         error.message() + "; tried again at " + format_wall(trouble.retry_at),
         {{"stage", stage}, {"failures", std::to_string(trouble.failures)}});
}

Task<> Protector::back_up(Job job) {
    auto& live = live_[job.id];  // Entries of the map stay where they are, and are never removed.
    live.is_wanted = false;
    const bool is_full = is_full_due(job, live.record, zone_of(job), deps_.clock.wall());
    tell("backup.started", "info", job.id, "reads at " + job.site.str(),
         {{"site", job.site.str()}, {"full", is_full ? "true" : "false"}});
    auto taken = co_await take(job, is_full);
    if (!taken && taken.error().code() == Errc::kCancelled) {
        co_return taken.error();
    }
    if (!taken) {
        live.is_trial_wanted = false;
        fail(job.id, "backup", live.record.backup, taken.error(), job.backup.schedule.period());
        co_return co_await save(job.id);
    }
    if (is_full) {
        live.record.full = taken->at;
    }
    settle(job, *taken);
    CO_TRY_OK(co_await save(job.id));
    co_return co_await forget(job);
}

Task<Taken> Protector::take(Job job, bool is_full) {
    const auto began = deps_.clock.now();
    Taken taken;
    taken.at = deps_.clock.wall();
    taken.site = job.site;
    taken.epoch = job.epoch;
    CO_TRY(const auto secrets, Tools::secrets_of(job.repository, deps_.secrets));
    CO_TRY(const auto result, co_await deps_.commands.run(tools_.backup(job, secrets, is_full),
                                                          began + job.backup.timeout));
    if (result.exit_code == kIncomplete) {
        co_return Error{
            Errc::kUnavailable,
            "the backup is incomplete, so that it does not count: " + complaint_of(result)};
    }
    if (result.exit_code != 0) {
        co_return Error{Errc::kUnavailable, "the backup failed: " + complaint_of(result)};
    }
    CO_TRY(auto summary, read_summary(result.output));
    if (summary.snapshot.empty()) {
        co_return Error{Errc::kCorrupt, "the backup ended without a snapshot"};
    }
    taken.snapshot = std::move(summary.snapshot);
    taken.extent = summary.extent;
    taken.added = summary.added;
    taken.took = deps_.clock.now() - began;
    live_[job.id].taken[taken.snapshot] = began;
    co_return taken;
}

void Protector::settle(const Job& job, const Taken& taken) {
    auto& live = live_[job.id];
    auto& record = live.record;
    if (is_long_gap(job.backup, record.covered, taken.at)) {
        record.is_forget_held = true;
    }
    record.covered = taken.at;
    record.backup = {};
    if (const auto why = doubt(record.extents, taken.extent)) {
        record.doubtful = taken;
        record.doubt = *why;
        tell("backup.suspicious", "error", job.id,
             "snapshot " + brief(taken.snapshot) + " does not count: " + *why +
                 "; if that is right: muster backups accept " + job.id.service.str() + "/" +
                 job.id.component.str(),
             facts_of(taken));
        return;
    }
    record.doubtful.reset();
    record.doubt.clear();
    record.good = taken;
    record.extents.push_back(taken.extent);
    if (record.extents.size() > JobRecord::kExtents) {
        record.extents.erase(record.extents.begin());
    }
    std::erase_if(live.taken, [&record](const auto& entry) {
        const bool is_verified = record.verified && record.verified->snapshot == entry.first;
        return !is_verified && entry.first != record.good->snapshot;
    });
    tell("backup.finished", "info", job.id,
         "snapshot " + brief(taken.snapshot) + ": " + std::to_string(taken.extent.files) +
             " files, " + human_size(taken.extent.bytes) + ", " + human_size(taken.added) +
             " added in " + human_duration(taken.took),
         facts_of(taken));
}

Task<> Protector::forget(Job job) {
    auto& live = live_[job.id];
    if (!job.backup.keep || !may_forget(live.record)) {
        co_return Result<>{};
    }
    live.activity = "forget";
    CO_TRY(const auto secrets, Tools::secrets_of(job.repository, deps_.secrets));
    const auto done =
        co_await must(tools_.forget(job, secrets), "forgetting old snapshots", kUpkeep);
    if (!done && done.error().code() == Errc::kCancelled) {
        co_return done.error();
    }
    live.record.forget.failures = done ? 0 : live.record.forget.failures;
    if (!done) {
        // Tried again after the next backup.
        fail(job.id, "forget", live.record.forget, done.error(), job.backup.schedule.period());
    }
    co_return co_await save(job.id);
}

Task<> Protector::try_restore(Job job) {
    auto& live = live_[job.id];
    live.is_trial_wanted = false;
    const auto taken = *live.record.good;
    const auto began = deps_.clock.wall();
    const auto folder = folder_for(job, deps_.folder);
    auto done = co_await restore(job, taken, folder);
    if (!done && done.error().code() == Errc::kCancelled) {
        co_return done.error();
    }
    const auto removed =
        co_await must(program({"rm", "-rf", "--", folder}), "cleaning up", kCleaning);
    if (done && !removed) {
        done = removed.error();
    }
    if (!done) {
        const auto period = job.backup.verify ? job.backup.verify->period() : kUpkeep;
        fail(job.id, "verify", live.record.trial,
             Error{Errc::kUnavailable,
                   "snapshot " + brief(taken.snapshot) + ": " + done.error().message()},
             period);
        co_return co_await save(job.id);
    }
    live.record.verified = taken;
    live.record.tried = began;
    live.record.trial = {};
    tell("backup.verified", "info", job.id,
         "snapshot " + brief(taken.snapshot) + " was restored, every byte of it, in " +
             human_duration(deps_.clock.wall() - began),
         facts_of(taken));
    const bool was_held = live.record.is_forget_held;
    live.record.is_forget_held = false;
    CO_TRY_OK(co_await save(job.id));
    if (was_held) {
        CO_TRY_OK(co_await forget(job));
    }
    co_return Result<>{};
}

Task<> Protector::check_space(std::string folder, ByteCount wanted) {
    CO_TRY(const auto said,
           co_await must(program({"df", "-P", "-k", "--", folder}), "asking for space", kQuick));
    CO_TRY(const auto free, read_free(said.output));
    const ByteCount least{wanted.bytes + wanted.bytes / 20 + kSpare.bytes};
    if (free < least) {
        co_return Error{Errc::kUnavailable, "a trial needs " + human_size(least) + " in " + folder +
                                                ", " + human_size(free) + " are free"};
    }
    co_return Result<>{};
}

Task<> Protector::restore(Job job, Taken taken, std::string folder) {
    // What a trial left that was cut short.
    CO_TRY_OK(co_await must(program({"rm", "-rf", "--", folder}), "cleaning up", kCleaning));
    CO_TRY_OK(
        co_await must(program({"mkdir", "-m", "700", "--", folder}), "making a folder", kQuick));
    CO_TRY_OK(co_await check_space(folder, taken.extent.bytes));
    CO_TRY(const auto secrets, Tools::secrets_of(job.repository, deps_.secrets));
    CO_TRY(const auto result, co_await must(tools_.restore(job, secrets, taken.snapshot, folder),
                                            "restoring it", job.backup.timeout));
    const auto restored = read_restored(result.output);
    if (restored && *restored == 0 && taken.extent.files > 0) {
        co_return Error{Errc::kCorrupt, "nothing was restored"};
    }
    if (!job.backup.check_command.empty()) {
        CO_TRY_OK(co_await must(Tools::check(job, folder), "the check of the restored copy",
                                job.backup.timeout));
    }
    co_return Result<>{};
}

Task<> Protector::keep_up(Job job, Work kind) {
    const auto name = job.repository.name;
    const std::string word = kind == Work::kCheck ? "check" : "prune";
    const auto began = deps_.clock.wall();
    const auto secrets = Tools::secrets_of(job.repository, deps_.secrets);
    Result<> done;
    if (!secrets) {
        done = secrets.error();
    } else if (const auto ran = co_await must(tools_.upkeep(job.repository, *secrets, word),
                                              word + " of " + name, kUpkeep);
               !ran) {
        done = ran.error();
    }
    if (!done && done.error().code() == Errc::kCancelled) {
        co_return done;
    }
    auto& record = upkept_[name].record;
    auto& trouble = kind == Work::kCheck ? record.check : record.prune;
    if (done) {
        trouble = {};
        (kind == Work::kCheck ? record.checked : record.pruned) = began;
    } else {
        ++trouble.failures;
        trouble.error = done.error().message();
        trouble.retry_at = deps_.clock.wall() + std::chrono::duration_cast<WallTime::duration>(
                                                    pause_after(trouble.failures, kUpkeep));
    }
    node_.tell({done ? (kind == Work::kCheck ? "repository.checked" : "repository.pruned")
                     : "repository." + word + "_failed",
                done ? "info" : "error",
                name,
                done ? word + " ended well, in " + human_duration(deps_.clock.wall() - began)
                     : done.error().message(),
                {}});
    co_return co_await save_upkeep(name);
}

}  // namespace muster::protection
