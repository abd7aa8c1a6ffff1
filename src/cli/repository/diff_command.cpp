#include <iomanip>
#include <sstream>

#include "backup/look/tree_diff.h"
#include "backup/restore/tree_path.h"
#include "cli/repository/care_output.h"
#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"
#include "cli/terminal_text.h"

namespace muster::cli {

namespace {

/// A side of the comparison: a snapshot, and the folder of it that is compared.
struct DiffSide {
    std::string name;  // As it was typed.
    const backup::Snapshot* snapshot = nullptr;
    backup::ObjectId tree;
};

Result<DiffSide> find_side(const backup::Repository& repository, backup::Snapshots all,
                           const std::string& text) {
    TRY(const auto name, backup::parse_snapshot_name(text));
    DiffSide side;
    side.name = text;
    TRY(side.snapshot, backup::find_snapshot(all, name, {}));
    TRY(side.tree, backup::find_tree(repository, side.snapshot->tree, name.subfolder));
    return side;
}

std::string json_of(const backup::DiffCounts& counts) {
    return JsonLine()
        .number("files", counts.files)
        .number("dirs", counts.folders)
        .number("others", counts.others)
        .number("data_blobs", counts.data_blobs)
        .number("tree_blobs", counts.tree_blobs)
        .number("bytes", counts.bytes)
        .str();
}

std::string counted(const char* what, std::uint64_t added, std::uint64_t removed) {
    std::ostringstream text;
    text << std::left << std::setw(12) << what << std::right << std::setw(5) << added << " new, "
         << std::setw(5) << removed << " removed";
    return text.str();
}

/// Prints what a comparison finds.
class DiffOutput {
  public:
    explicit DiffOutput(Session& session) : session_(session) {}

    void head(const DiffSide& before, const DiffSide& after) {
        if (!session_.streams().is_json && !session_.options().is_quiet) {
            session_.streams().out << "comparing snapshot " << before.snapshot->id.brief() << " to "
                                   << after.snapshot->id.brief() << ":\n\n";
        }
    }
    void change(const std::string& path, const std::string& letters) {
        auto& streams = session_.streams();
        if (streams.is_json) {
            streams.out << JsonLine()
                               .text("message_type", "change")
                               .text("path", path)
                               .text("modifier", letters)
                               .str()
                        << "\n";
            return;
        }
        streams.out << std::left << std::setw(5) << letters << shown(path, streams) << "\n";
    }
    void problem(const std::string& path, const Error& error) {
        is_partial_ = true;
        session_.streams().err << problem_line(path, error);
    }
    void totals(const DiffSide& before, const DiffSide& after, const backup::DiffTotals& totals) {
        auto& out = session_.streams().out;
        if (session_.streams().is_json) {
            out << JsonLine()
                       .text("message_type", "statistics")
                       .text("source_snapshot", before.name)
                       .text("target_snapshot", after.name)
                       .number("changed_files", totals.changed_files)
                       .raw("added", json_of(totals.added))
                       .raw("removed", json_of(totals.removed))
                       .str()
                << "\n";
            return;
        }
        const auto& added = totals.added;
        const auto& removed = totals.removed;
        out << "\n"
            << counted("Files:", added.files, removed.files) << ", " << std::right << std::setw(5)
            << totals.changed_files << " changed\n"
            << counted("Dirs:", added.folders, removed.folders) << "\n"
            << counted("Others:", added.others, removed.others) << "\n"
            << counted("Data Blobs:", added.data_blobs, removed.data_blobs) << "\n"
            << counted("Tree Blobs:", added.tree_blobs, removed.tree_blobs) << "\n"
            << "  Added:   " << size_text(added.bytes) << "\n"
            << "  Removed: " << size_text(removed.bytes) << "\n";
    }
    [[nodiscard]] int status() const { return is_partial_ ? kExitFailed : kExitDone; }

  private:
    Session& session_;
    bool is_partial_ = false;
};

Result<int> compare(Session& session, const DiffOptions& options,
                    const backup::Repository& repository) {
    TRY(const auto all, session.sound_snapshots(repository));
    TRY(const auto before, find_side(repository, all, options.before));
    TRY(const auto after, find_side(repository, all, options.after));
    DiffOutput output(session);
    output.head(before, after);
    backup::TreeReader reader(repository);
    backup::TreeDiff diff(
        repository, reader,
        {[&](const auto& path, const auto& letters) { output.change(path, letters); },
         [&](const auto& path, const Error& error) { output.problem(path, error); }});
    TRY_OK(reader.run([&]() -> Result<> {
        TRY(const auto totals, diff.run(before.tree, after.tree, options.is_metadata_told));
        output.totals(before, after, totals);
        return {};
    }));
    return output.status();
}

}  // namespace

int run_diff(Session& session, const DiffOptions& options) {
    return run_locked(session, Reads::kIndex, [&](const backup::Repository& repository) {
        return compare(session, options, repository);
    });
}

}  // namespace muster::cli
