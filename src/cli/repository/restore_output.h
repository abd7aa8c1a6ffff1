#pragma once

#include <string>

#include "backup/restore/restorer.h"
#include "cli/repository/progress.h"
#include "cli/repository/session.h"

namespace muster::cli {

/// What a restore prints while it runs and at its end: for people, or restic's JSON lines.
class RestoreOutput final : public backup::RestoreObserver {
  public:
    RestoreOutput(Session& session, std::string snapshot, bool is_dry_run);

    void on_entry(const std::string& path, const backup::Node& node,
                  backup::RestoreAction action) override;
    void on_problem(const std::string& path, const Error& error) override;

    /// Says at the begin which snapshot it is.
    void announce(const backup::Snapshot& snapshot);
    /// From now on until `summarize`, it is shown how far the restore with these counts is.
    void watch(const backup::RestoreCounts& counts);
    [[nodiscard]] Progress& progress() { return progress_; }
    /// The end, with how many owners and attributes are reserved for root.
    void summarize(const std::string& target, std::uint64_t reserved);
    /// After a restore that went to its end.
    void note_if_nothing();
    void say_verified();

  private:
    [[nodiscard]] ProgressFigures figures() const;
    [[nodiscard]] std::string encode(const ProgressFigures& figures) const;
    void print_summary(Duration took);

    Session& session_;
    std::string snapshot_;
    bool is_dry_run_;
    const backup::RestoreCounts* counts_ = nullptr;
    Progress progress_;  // Last: its thread looks at all of the above.
};

}  // namespace muster::cli
