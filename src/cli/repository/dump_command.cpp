#include <fstream>

#include "backup/restore/dumper.h"
#include "backup/restore/tree_path.h"
#include "cli/repository/restore_options.h"

namespace muster::cli {

using backup::Repository;

namespace {

/// To a file, or to the output.
class DumpOutput {
  public:
    DumpOutput(std::ostream& out, std::string target) : out_(out), target_(std::move(target)) {}

    Result<> open() {
        if (!target_.empty()) {
            file_.open(target_, std::ios::binary | std::ios::trunc);
        }
        return check();
    }
    Result<> write(backup::ByteView content) {
        const auto text = backup::text_of(content);
        stream().write(text.data(), static_cast<std::streamsize>(text.size()));
        return check();
    }
    Result<> close() {
        stream().flush();
        TRY_OK(check());
        if (!target_.empty()) {
            file_.close();
        }
        return check();
    }

  private:
    std::ostream& stream() { return target_.empty() ? out_ : file_; }
    Result<> check() {
        if (stream()) {
            return {};
        }
        return Error(Errc::kUnavailable,
                     target_.empty() ? "the output takes no more" : "can't write " + target_,
                     "see that there is room, and that it may be written");
    }

    std::ostream& out_;
    std::string target_;
    std::ofstream file_;
};

Result<> dump(Session& session, const Repository& repository, const DumpOptions& options) {
    std::string subfolder;
    TRY(const auto snapshot, choose_snapshot(session, repository, options.choice, subfolder));
    TRY(const auto tree, backup::find_tree(repository, snapshot.tree, subfolder));
    TRY(const auto node, backup::find_node(repository, tree, options.path));
    const bool is_folder = node.is_directory() && node.subtree;
    if (!is_folder && !node.is_file()) {
        return Error(Errc::kInvalid, options.path + " is a " + std::string(to_string(node.type)) +
                                         ", which has no content");
    }
    DumpOutput output(session.streams().out, options.target);
    TRY_OK(output.open());
    backup::Dumper dumper(repository,
                          [&output](backup::ByteView content) { return output.write(content); });
    auto dumped = is_folder ? dumper.write_tar(*node.subtree, node.name) : dumper.write_file(node);
    TRY_OK(std::move(dumped).with("snapshot " + snapshot.id.brief()));
    return output.close();
}

Result<> run(Session& session, const DumpOptions& options) {
    TRY(auto* const repository, session.open());
    backup::RepositoryLock lock(*repository, session.lock_settings(backup::LockKind::kShared));
    TRY_OK(lock.begin());
    TRY_OK(repository->load_index());
    return lock.keep_while([&] { return dump(session, *repository, options); });
}

}  // namespace

int run_dump(Session& session, const DumpOptions& options) {
    const auto done = run(session, options);
    return done ? int{kExitDone} : session.fail(done.error());
}

}  // namespace muster::cli
