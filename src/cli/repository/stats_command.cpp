#include "backup/care/stats.h"

#include <algorithm>
#include <array>

#include "cli/repository/care_commands.h"
#include "cli/repository/care_output.h"

namespace muster::cli {

using backup::Stats;
using backup::StatsMode;

namespace {

Result<StatsMode> mode_of(const std::string& word) {
    constexpr std::array<const char*, 4> kModes{"restore-size", "files-by-contents",
                                                "blobs-per-file", "raw-data"};
    const auto found = std::ranges::find(kModes, word);
    if (found == kModes.end()) {
        return Error(Errc::kInvalid, "there is no mode \"" + word + "\"",
                     "use restore-size, files-by-contents, blobs-per-file or raw-data");
    }
    return static_cast<StatsMode>(found - kModes.begin());
}

double share(std::uint64_t part, std::uint64_t whole) {
    constexpr double kWhole = 100;
    return whole == 0 ? 0 : kWhole * double(part) / double(whole);
}

double ratio(const Stats& stats) {
    return stats.compressed_bytes == 0
               ? 0
               : double(stats.compressed_plain) / double(stats.compressed_bytes);
}

void print_json(std::ostream& out, const Stats& stats, StatsMode mode, std::size_t snapshots) {
    out << R"({"total_size":)" << stats.bytes;
    if (mode == StatsMode::kRawData) {
        out << R"(,"total_uncompressed_size":)" << stats.plain_bytes;
        if (stats.compressed_bytes > 0) {
            out << R"(,"compression_ratio":)" << ratio(stats) << R"(,"compression_progress":)"
                << share(stats.compressed_plain, stats.plain_bytes)
                << R"(,"compression_space_saving":)" << 100 - share(stats.bytes, stats.plain_bytes);
        }
    } else {
        out << R"(,"total_file_count":)" << stats.files;
    }
    if (mode == StatsMode::kRawData || mode == StatsMode::kBlobsPerFile) {
        out << R"(,"total_blob_count":)" << stats.blobs;
    }
    out << R"(,"snapshots_count":)" << snapshots << "}\n";
}

/// "1.25 times smaller", or nothing to say.
std::string times_smaller(std::uint64_t before, std::uint64_t after) {
    constexpr int kHundredths = 100;
    const auto hundredths = after == 0 ? 0 : before * kHundredths / after;
    const auto rest = std::to_string(hundredths % kHundredths);
    return std::to_string(hundredths / kHundredths) + (rest.size() < 2 ? ".0" : ".") + rest +
           " times smaller";
}

void print(CareOutput& output, const Stats& stats, StatsMode mode, std::size_t snapshots) {
    output.say("snapshots: " + std::to_string(snapshots));
    if (mode != StatsMode::kRawData) {
        output.say("files:     " + std::to_string(stats.files));
    }
    if (mode == StatsMode::kRawData || mode == StatsMode::kBlobsPerFile) {
        output.say("blobs:     " + std::to_string(stats.blobs));
    }
    output.say("size:      " + size_text(stats.bytes));
}

/// What was saved, and by what. `restored`: what all of them would be on a disk.
void print_savings(CareOutput& output, const Stats& stats, std::uint64_t restored) {
    output.say("restored, all of them:   " + size_text(restored));
    output.say("each piece stored once:  " + size_text(stats.plain_bytes) + ", " +
               times_smaller(restored, stats.plain_bytes) + " by deduplication");
    output.say("and compressed:          " + size_text(stats.bytes) + ", " +
               times_smaller(stats.plain_bytes, stats.bytes) + " by compression, " +
               times_smaller(restored, stats.bytes) + " in all");
}

Result<> count(Session& session, const StatsOptions& options, CareOutput& output) {
    TRY(const auto mode, mode_of(options.mode));
    TRY(auto* const repository, session.open());
    backup::RepositoryLock lock(*repository, session.lock_settings(backup::LockKind::kShared));
    TRY_OK(lock.begin());
    TRY(const auto all, session.sound_snapshots(*repository));
    TRY_OK(repository->load_index());
    TRY(const auto chosen, choose_snapshots(all, options.ids, options.filter));
    Stats stats;
    Stats restored;
    const bool has_savings = mode == StatsMode::kRawData && !output.is_json();
    TRY_OK(lock.keep_while([&]() -> Result<> {
        TRY(stats, backup::count_stats(*repository, chosen, mode));
        if (has_savings) {
            TRY(restored, backup::count_stats(*repository, chosen, StatsMode::kRestoreSize));
        }
        return {};
    }));
    if (output.is_json()) {
        print_json(output.out(), stats, mode, chosen.size());
    } else {
        print(output, stats, mode, chosen.size());
    }
    if (has_savings) {
        print_savings(output, stats, restored.bytes);
    }
    return {};
}

}  // namespace

int run_stats(Session& session, const StatsOptions& options) {
    CareOutput output(session);
    const auto counted = count(session, options, output);
    if (!counted) {
        return session.fail(counted.error());
    }
    return session.has_left_out() ? kExitFailed : kExitDone;
}

}  // namespace muster::cli
