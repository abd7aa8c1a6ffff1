#include "adapters/mount/snapshot_mount.h"

#include <mutex>

#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"
#include "cli/terminal_text.h"

namespace muster::cli {

namespace {

/// Tells what goes wrong while a mount is served, from any of its threads.
class MountProblems {
  public:
    explicit MountProblems(Session& session) : session_(session) {}

    void tell(const std::string& where, const std::string& what) {
        const std::scoped_lock lock(mutex_);
        session_.streams().err << "error: " << printable(where) << ": " << printable(what) << "\n";
        session_.streams().err.flush();
    }

  private:
    Session& session_;
    std::mutex mutex_;
};

backup::ViewSettings view_settings(const MountOptions& options) {
    backup::ViewSettings settings;
    settings.filter = options.which.filter();
    if (!options.path_templates.empty()) {
        settings.templates.paths = options.path_templates;
    }
    if (!options.time_template.empty()) {
        settings.templates.time = options.time_template;
    }
    return settings;
}

Result<int> mount(Session& session, const MountOptions& options, backup::Repository& repository) {
    MountProblems problems(session);
    backup::SnapshotView view(repository, view_settings(options),
                              {[&]() -> Result<std::vector<backup::Snapshot>> {
                                   std::vector<Error> unreadable;
                                   auto snapshots =
                                       Session::load_snapshots(repository, &unreadable);
                                   for (const auto& error : unreadable) {
                                       problems.tell("snapshots", error.message());
                                   }
                                   return snapshots;
                               },
                               [&](const std::string& path, const Error& error) {
                                   problems.tell(path, error.message());
                               }});
    TRY_OK(view.load());
    const adapters::MountSettings settings{options.folder, options.is_for_others,
                                           options.are_permissions_ignored, options.is_owner_root};
    TRY_OK(serve_mount(view, session.host(), settings, [&] {
        if (!session.options().is_quiet) {
            session.streams().out << "now serving the repository at " << options.folder
                                  << "\nend it by Ctrl-C or `umount " << options.folder << "`\n";
            session.streams().out.flush();
        }
    }));
    return kExitDone;
}

}  // namespace

int run_mount(Session& session, const MountOptions& options) {
    return run_locked(session, Reads::kFiles, [&](backup::Repository& repository) {
        return mount(session, options, repository);
    });
}

}  // namespace muster::cli
