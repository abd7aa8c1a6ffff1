#include "cli/repository/backup_output.h"

#include <array>
#include <utility>

#include "cli/repository/care_output.h"
#include "cli/terminal_text.h"

namespace muster::cli {

namespace {

constexpr std::array<const char*, 3> kStates{"new", "modified", "unchanged"};

std::string counted(const char* name, const backup::EntryCounts& counts) {
    std::string text = std::string(name) + ": ";
    constexpr std::array<const char*, 3> kWords{" new, ", " changed, ", " unmodified"};
    for (std::size_t i = 0; i < kWords.size(); ++i) {
        const std::string number = std::to_string(counts.by_state[i]);
        text += std::string(number.size() < 6 ? 6 - number.size() : 0, ' ') + number + kWords[i];
    }
    return text + "\n";
}

}  // namespace

BackupOutput::BackupOutput(Session& session, bool is_dry_run)
    : session_(session), is_dry_run_(is_dry_run), progress_(session) {
}

void BackupOutput::show(Progress::Scan scan) {
    progress_.start([this] { return figures(); },
                    [this](const ProgressFigures& figures) { return encode(figures); });
    progress_.find_total(std::move(scan));
}

void BackupOutput::on_entry(const std::string& path, const backup::Node& node,
                            backup::EntryState state) {
    files_ += node.is_directory() ? 0 : 1;
    if (session_.options().verbosity <= (is_dry_run_ ? 0 : 1)) {
        return;
    }
    const char* word = kStates[static_cast<std::size_t>(state)];
    progress_.print([&] {
        auto& out = session_.streams().out;
        if (session_.streams().is_json) {
            out << R"({"message_type":"verbose_status","action":")" << word << R"(","item":)"
                << quoted(path) << R"(,"data_size":)" << node.size << "}\n";
        } else {
            out << word << "  " << shown(path, session_.streams()) << "\n";
        }
    });
}

void BackupOutput::on_big_begin(const std::string& path) {
    if (progress_.is_shown()) {
        const std::scoped_lock lock(mutex_);
        current_.insert(path);
    }
}

void BackupOutput::on_big_end(const std::string& path) {
    if (progress_.is_shown()) {
        const std::scoped_lock lock(mutex_);
        current_.erase(path);
    }
}

ProgressFigures BackupOutput::figures() const {
    ProgressFigures figures;
    figures.done = {files_, bytes_};
    figures.problems = problems_;
    return figures;
}

std::string BackupOutput::encode(const ProgressFigures& figures) {
    std::string line = status_start(figures);
    if (figures.total) {
        line += R"(,"total_files":)" + std::to_string(figures.total->files);
    }
    line += R"(,"files_done":)" + std::to_string(figures.done.files);
    if (figures.total) {
        line += R"(,"total_bytes":)" + std::to_string(figures.total->bytes);
    }
    line += R"(,"bytes_done":)" + std::to_string(figures.done.bytes) + R"(,"error_count":)" +
            std::to_string(figures.problems);
    std::string files;
    const std::scoped_lock lock(mutex_);
    for (const auto& path : current_) {
        files += (files.empty() ? "" : ",") + quoted(path);
    }
    return line + (files.empty() ? "}" : R"(,"current_files":[)" + files + "]}");
}

void BackupOutput::on_problem(const std::string& path, const Error& error) {
    ++problems_;
    progress_.print([&] {
        auto& err = session_.streams().err;
        if (session_.streams().is_json) {
            err << R"({"message_type":"error","error":{"message":)" << quoted(error.message())
                << R"(},"during":"archival","item":)" << quoted(path) << "}\n";
        } else {
            err << problem_line(path, error);
        }
    });
}

void BackupOutput::summarize(const backup::ArchiveCounts& counts,
                             const backup::WriterTotals& totals, const std::string& snapshot) {
    progress_.stop();
    auto& out = session_.streams().out;
    const auto plain = totals.plain_bytes[0] + totals.plain_bytes[1];
    const auto stored = totals.stored_bytes[0] + totals.stored_bytes[1];
    const Duration took = progress_.elapsed();
    if (session_.streams().is_json) {
        const auto& files = counts.files.by_state;
        const auto& folders = counts.folders.by_state;
        out << R"({"message_type":"summary","files_new":)" << files[0] << R"(,"files_changed":)"
            << files[1] << R"(,"files_unmodified":)" << files[2] << R"(,"dirs_new":)" << folders[0]
            << R"(,"dirs_changed":)" << folders[1] << R"(,"dirs_unmodified":)" << folders[2]
            << R"(,"data_blobs":)" << totals.blobs[0] << R"(,"tree_blobs":)" << totals.blobs[1]
            << R"(,"data_added":)" << plain << R"(,"data_added_packed":)" << stored
            << R"(,"total_files_processed":)" << counts.entries << R"(,"total_bytes_processed":)"
            << counts.bytes << R"(,"total_duration":)" << to_seconds(took) << R"(,"errors":)"
            << problems_;
        if (is_dry_run_) {
            out << R"(,"dry_run":true)";
        }
        if (!snapshot.empty()) {
            out << R"(,"snapshot_id":")" << snapshot << '"';
        }
        out << "}\n";
        return;
    }
    if (!session_.options().is_quiet) {
        tell(counts, totals, snapshot, took);
    }
    if (problems_ > 0) {
        session_.streams().err << "warning: " << problems_
                               << (problems_ == 1 ? " file or directory" : " files or directories")
                               << " could not be read, see above; the snapshot is without "
                               << (problems_ == 1 ? "it\n" : "them\n");
    }
}

void BackupOutput::tell(const backup::ArchiveCounts& counts, const backup::WriterTotals& totals,
                        const std::string& snapshot, Duration took) {
    auto& out = session_.streams().out;
    const auto plain = totals.plain_bytes[0] + totals.plain_bytes[1];
    const auto stored = totals.stored_bytes[0] + totals.stored_bytes[1];
    out << counted("Files", counts.files) << counted("Dirs ", counts.folders)
        << (is_dry_run_ ? "Would add" : "Added") << " to the repository: " << size_text(plain)
        << " (" << size_text(stored) << " stored)\n\nprocessed " << counts.entries << " files, "
        << size_text(counts.bytes) << " in " << human_duration(took) << "\n";
    if (!snapshot.empty()) {
        out << "snapshot " << snapshot.substr(0, 8) << " saved\n";
    } else {
        out << (is_dry_run_ ? "no snapshot was made: this was a dry run\n"
                            : "no snapshot was made\n");
    }
}

}  // namespace muster::cli
