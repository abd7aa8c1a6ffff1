#include "cli/repository/restore_output.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cli/repository/care_output.h"
#include "cli/repository/look_format.h"
#include "cli/terminal_text.h"

namespace muster::cli {

using backup::RestoreAction;

namespace {

constexpr std::array<const char*, 5> kActions{"restored", "updated", "unchanged", "skipped",
                                              "deleted"};
constexpr int kVerbose = 1;
constexpr int kVeryVerbose = 2;  // Also what was right already.

}  // namespace

RestoreOutput::RestoreOutput(Session& session, std::string snapshot, bool is_dry_run)
    : session_(session),
      snapshot_(std::move(snapshot)),
      is_dry_run_(is_dry_run),
      progress_(session) {
}

void RestoreOutput::watch(const backup::RestoreCounts& counts) {
    counts_ = &counts;
    progress_.start([this] { return figures(); },
                    [this](const ProgressFigures& figures) { return encode(figures); });
}

void RestoreOutput::on_entry(const std::string& path, const backup::Node& node,
                             RestoreAction action) {
    const bool is_kept = action == RestoreAction::kUnchanged || action == RestoreAction::kSkipped;
    const int verbosity = session_.options().verbosity + (is_dry_run_ ? 1 : 0);
    if (verbosity < (is_kept ? kVeryVerbose : kVerbose)) {
        return;
    }
    const char* const word = kActions[static_cast<std::size_t>(action)];
    progress_.print([&] {
        auto& out = session_.streams().out;
        if (session_.streams().is_json) {
            out << R"({"message_type":"verbose_status","action":")" << word << R"(","item":)"
                << quoted(path) << R"(,"size":)" << node.size << "}\n";
            return;
        }
        out << word << "  " << shown(path, session_.streams());
        if (node.is_file() && action != RestoreAction::kDeleted) {
            out << " with size " << size_text(node.size);
        }
        out << "\n";
    });
}

ProgressFigures RestoreOutput::figures() const {
    ProgressFigures figures;
    figures.done = {counts_->restored + counts_->skipped, counts_->bytes_done};
    figures.problems = counts_->problems;
    return figures;
}

std::string RestoreOutput::encode(const ProgressFigures& figures) const {
    const auto field = [](const char* name, std::uint64_t value) {
        return ",\"" + std::string(name) + "\":" + std::to_string(value);
    };
    std::string line = status_start(figures);
    if (figures.total) {
        line += field("total_files", figures.total->files);
    }
    line += field("files_restored", counts_->restored) + field("files_skipped", counts_->skipped) +
            field("files_deleted", counts_->deleted);
    if (figures.total) {
        line += field("total_bytes", figures.total->bytes);
    }
    const std::uint64_t skipped = counts_->bytes_skipped;
    return line +
           field("bytes_restored", figures.done.bytes - std::min(skipped, figures.done.bytes)) +
           field("bytes_skipped", skipped) + field("error_count", figures.problems) + "}";
}

void RestoreOutput::on_problem(const std::string& path, const Error& error) {
    progress_.print([&] {
        auto& err = session_.streams().err;
        if (session_.streams().is_json) {
            err << R"({"message_type":"error","error":{"message":)" << quoted(error.message())
                << R"(},"during":"restore","item":)" << quoted(path) << R"(,"snapshot":")"
                << snapshot_ << "\"}\n";
        } else {
            err << "error: " << printable(path) << " (snapshot " << snapshot_.substr(0, 8)
                << "): " << printable(error.message()) << "\n";
        }
    });
}

void RestoreOutput::print_summary(Duration took) {
    const auto& counts = *counts_;
    session_.streams().out << R"({"message_type":"summary","seconds_elapsed":)"
                           << static_cast<long>(to_seconds(took)) << R"(,"total_files":)"
                           << counts.entries << R"(,"files_restored":)" << counts.restored
                           << R"(,"files_skipped":)" << counts.skipped << R"(,"files_deleted":)"
                           << counts.deleted << R"(,"total_bytes":)" << counts.bytes
                           << R"(,"bytes_restored":)" << counts.bytes_restored
                           << R"(,"bytes_skipped":)" << counts.bytes_skipped;
}

void RestoreOutput::announce(const backup::Snapshot& snapshot) {
    if (!session_.streams().is_json && !session_.options().is_quiet) {
        session_.streams().out << "restoring "
                               << snapshot_line(snapshot, session_.host(), session_.streams())
                               << "\n";
    }
}

void RestoreOutput::summarize(const std::string& target, std::uint64_t reserved) {
    progress_.stop();
    auto& out = session_.streams().out;
    const Duration took = progress_.elapsed();
    if (session_.streams().is_json) {
        print_summary(took);
        out << R"(,"errors":)" << counts_->problems << R"(,"reserved_for_root":)" << reserved
            << (is_dry_run_ ? R"(,"dry_run":true})" : "}") << "\n";
        return;
    }
    if (reserved > 0) {
        session_.streams().err << "note: " << reserved
                               << " owners or attributes were not set: only root may\n";
    }
    if (session_.options().is_quiet) {
        return;
    }
    out << (is_dry_run_ ? "would restore " : "restored ") << counts_->restored
        << " files and directories, " << size_text(counts_->bytes_restored) << ", to " << target
        << " in " << human_duration(took) << "\n";
    if (counts_->skipped > 0) {
        out << counts_->skipped << " were right already or not to be overwritten, "
            << size_text(counts_->bytes_skipped) << "\n";
    }
    if (counts_->deleted > 0) {
        out << (is_dry_run_ ? "would delete " : "deleted ") << counts_->deleted
            << " that the snapshot does not have\n";
    }
}

void RestoreOutput::note_if_nothing() {
    if (counts_->restored + counts_->skipped + counts_->problems == 0 &&
        !session_.streams().is_json) {
        session_.streams().err << "note: nothing of this snapshot was chosen; `muster ls "
                               << snapshot_.substr(0, 8) << "` shows what it has\n";
    }
}

void RestoreOutput::say_verified() {
    if (!session_.options().is_quiet && !session_.streams().is_json) {
        session_.streams().out << "verified the content of " << counts_->verified << " files\n";
    }
}

}  // namespace muster::cli
