#include <algorithm>

#include "backup/look/tree_reader.h"
#include "backup/path_filter.h"
#include "backup/restore/tree_path.h"
#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"
#include "cli/terminal_text.h"

namespace muster::cli {

using backup::Node;

namespace {

/// Whether `path` is `folder` or lies below it; both are absolute and clean.
bool is_within(std::string_view path, std::string_view folder) {
    return folder == "/" || (path.starts_with(folder) &&
                             (path.size() == folder.size() || path[folder.size()] == '/'));
}

class Lister final : public backup::WalkVisitor {
  public:
    Lister(Session& session, const LsOptions& options) : session_(session), options_(options) {
        for (const auto& folder : options.folders) {
            folders_.push_back(backup::clean_path(folder));
        }
    }

    Result<backup::WalkStep> enter(const backup::WalkEntry& entry) override {
        if (std::ranges::any_of(
                folders_, [&](const auto& folder) { return is_within(entry.path, folder); })) {
            print(entry);
            if (options_.is_recursive) {
                return backup::WalkStep::kInto;
            }
        } else if (folders_.empty()) {
            print(entry);
        }
        const bool may_hold =
            folders_.empty() || std::ranges::any_of(folders_, [&](const auto& folder) {
                return is_within(folder, entry.path);
            });
        return may_hold ? backup::WalkStep::kInto : backup::WalkStep::kOver;
    }

    Result<> on_unreadable(const std::string& path, const Error& error) override {
        is_partial_ = true;
        session_.streams().err << problem_line(path, error);
        return {};
    }

    [[nodiscard]] bool is_partial() const { return is_partial_; }

  private:
    void print(const backup::WalkEntry& entry) {
        auto& out = session_.streams().out;
        if (session_.streams().is_json) {
            out << json_of(entry) << "\n";
            return;
        }
        const std::string path = shown(entry.path, session_.streams());
        if (!options_.is_long) {
            out << path << "\n";
            return;
        }
        out << long_line(session_.host(), entry.node, path, options_.is_human_readable);
        if (!entry.node.link_target.empty()) {
            out << " -> " << shown(entry.node.link_target, session_.streams());
        }
        out << "\n";
    }

    [[nodiscard]] std::string json_of(const backup::WalkEntry& entry) const {
        const Node& node = entry.node;
        JsonLine line;
        line.text("name", node.name)
            .text("type", to_string(node.type))
            .text("path", entry.path)
            .number("uid", node.uid)
            .number("gid", node.gid);
        if (node.is_file()) {
            line.number("size", node.size);
        }
        if (node.mode != 0) {
            line.number("mode", node.mode);
        }
        line.text("permissions", mode_text(node.mode))
            .text("mtime", local_rfc3339(session_.host(), node.mtime))
            .text("atime", local_rfc3339(session_.host(), node.atime))
            .text("ctime", local_rfc3339(session_.host(), node.ctime));
        if (node.inode != 0) {
            line.number("inode", node.inode);
        }
        return line.text("message_type", "node").text("struct_type", "node").str();
    }

    Session& session_;
    const LsOptions& options_;
    std::vector<std::string> folders_;
    bool is_partial_ = false;
};

void print_head(Session& session, const LsOptions& options, const backup::Snapshot& snapshot) {
    auto& streams = session.streams();
    if (streams.is_json) {
        streams.out << snapshot_json_head(snapshot)
                    << R"(,"message_type":"snapshot","struct_type":"snapshot"})"
                    << "\n";
    } else if (!session.options().is_quiet) {
        streams.out << snapshot_line(snapshot, session.host(), streams) << " filtered by "
                    << shown(spaced(options.folders), streams) << ":\n";
    }
}

Result<int> list(Session& session, const LsOptions& options, const backup::Repository& repository) {
    for (const auto& folder : options.folders) {
        if (!folder.starts_with('/')) {
            return Error(Errc::kInvalid, "not an absolute path: " + folder,
                         "name folders as the snapshot has them: /srv/data");
        }
    }
    TRY(const auto name, backup::parse_snapshot_name(options.snapshot));
    TRY(const auto all, session.sound_snapshots(repository));
    TRY(const auto* const snapshot, backup::find_snapshot(all, name, options.which.filter()));
    TRY(const auto root, backup::find_tree(repository, snapshot->tree, name.subfolder));
    for (const auto& folder : options.folders) {
        TRY_OK(backup::find_node(repository, root, folder));
    }
    print_head(session, options, *snapshot);
    backup::TreeReader reader(repository);
    Lister lister(session, options);
    TRY_OK(reader.run([&] { return walk_tree(reader, session.host(), root, lister); }));
    return lister.is_partial() ? int{kExitFailed} : int{kExitDone};
}

}  // namespace

int run_ls(Session& session, const LsOptions& options) {
    return run_locked(session, Reads::kIndex, [&](const backup::Repository& repository) {
        return list(session, options, repository);
    });
}

}  // namespace muster::cli
