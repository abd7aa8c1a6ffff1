#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "backup/archive/archiver.h"
#include "cli/repository/progress.h"
#include "cli/repository/session.h"

namespace muster::cli {

/// What a backup prints while it runs and at its end: for people, or restic's JSON lines.
class BackupOutput final : public backup::ArchiveObserver {
  public:
    BackupOutput(Session& session, bool is_dry_run);

    void on_entry(const std::string& path, const backup::Node& node,
                  backup::EntryState state) override;
    void on_problem(const std::string& path, const Error& error) override;
    void on_bytes(std::uint64_t bytes) override { bytes_ += bytes; }
    void on_big_begin(const std::string& path) override;
    void on_big_end(const std::string& path) override;

    /// From now on until `hide` or `summarize`, it is shown how far the backup is. `scan` finds out
    /// how much there is; an empty one: nobody knows.
    void show(Progress::Scan scan);
    void hide() { progress_.stop(); }
    /// The end: counts, and which snapshot was made (empty: none).
    void summarize(const backup::ArchiveCounts& counts, const backup::WriterTotals& totals,
                   const std::string& snapshot);

  private:
    void tell(const backup::ArchiveCounts& counts, const backup::WriterTotals& totals,
              const std::string& snapshot, Duration took);
    [[nodiscard]] ProgressFigures figures() const;
    std::string encode(const ProgressFigures& figures);

    Session& session_;
    bool is_dry_run_;
    std::atomic<std::uint64_t> files_{0};
    std::atomic<std::uint64_t> bytes_{0};
    std::atomic<std::uint64_t> problems_{0};
    std::mutex mutex_;
    std::set<std::string> current_;  // Big files that are read.
    Progress progress_;              // Last: its thread looks at all of the above.
};

}  // namespace muster::cli
