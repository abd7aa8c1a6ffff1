#include "backup/look/tree_reader.h"
#include "backup/restore/tree_path.h"
#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"

namespace muster::cli {

using backup::FileKind;
using backup::Repository;

namespace {

/// What `cat` prints: text for people gets a line's end, bytes stay as they are.
struct Printed {
    std::string text;
    bool is_raw = false;
};

Result<Printed> cat_unpacked(const Repository& repository, FileKind kind, const std::string& name) {
    TRY(const auto id, find_stored(repository, kind, name));
    TRY(const auto json, repository.load_unpacked(kind, id));
    return Printed{indent_json(json.text())};
}

Result<backup::Snapshot> find_sound(Session& session, const Repository& repository,
                                    const backup::SnapshotName& name) {
    TRY(const auto all, session.sound_snapshots(repository));
    TRY(const auto* const found, backup::find_snapshot(all, name, {}));
    return *found;
}

Result<Printed> cat_snapshot(Session& session, const Repository& repository,
                             const std::string& text) {
    TRY(const auto name, backup::parse_snapshot_name(text));
    TRY(const auto found, find_sound(session, repository, name));
    return cat_unpacked(repository, FileKind::kSnapshot, found.id.hex());
}

Result<Printed> cat_file(const Repository& repository, FileKind kind, const std::string& name) {
    TRY(const auto id, find_stored(repository, kind, name));
    TRY(const auto content, repository.store().load({kind, id.hex()}));
    return kind == FileKind::kKey ? Printed{indent_json(content.text())}
                                  : Printed{std::string(content.text()), true};
}

Result<Printed> cat_blob(const Repository& repository, const std::string& name) {
    TRY(const auto id, backup::ObjectId::parse(name).with("\"" + name + "\""));
    auto content = repository.load_blob(backup::BlobType::kData, id);
    if (!content && content.error().code() == Errc::kNotFound) {
        content = repository.load_blob(backup::BlobType::kTree, id);
    }
    return content ? Result<Printed>(Printed{std::string(content->text()), true})
                   : Result<Printed>(content.error());
}

/// A tree by its own id, or by the snapshot (and the folder of it) that has it.
Result<Printed> cat_tree(Session& session, const Repository& repository, const std::string& name) {
    auto id = backup::ObjectId::parse(name);
    if (!id || !repository.index().has(backup::BlobType::kTree, *id)) {
        TRY(const auto wanted, backup::parse_snapshot_name(name));
        TRY(const auto snapshot, find_sound(session, repository, wanted));
        id = backup::find_tree(repository, snapshot.tree, wanted.subfolder);
    }
    if (!id) {
        return id.error();
    }
    TRY(const auto content, repository.load_blob(backup::BlobType::kTree, *id));
    return Printed{std::string(content.text()), true};
}

Result<Printed> cat(Session& session, const Repository& repository, const CatOptions& options) {
    const std::string& kind = options.kind;
    if (kind == "config") {
        if (!options.name.empty()) {
            return Error(Errc::kInvalid,
                         "a repository has one config: \"" + options.name + "\" names no other",
                         "type `muster cat config` alone");
        }
        return Printed{indent_json(backup::encode_config(repository.config()))};
    }
    if (options.name.empty()) {
        return Error(Errc::kInvalid, "which " + kind + "?", "name its id");
    }
    if (kind == "snapshot") {
        return cat_snapshot(session, repository, options.name);
    }
    if (kind == "blob") {
        return cat_blob(repository, options.name);
    }
    if (kind == "tree") {
        return cat_tree(session, repository, options.name);
    }
    if (kind == "key" || kind == "pack") {
        return cat_file(repository, kind == "key" ? FileKind::kKey : FileKind::kPack, options.name);
    }
    return cat_unpacked(repository, kind == "index" ? FileKind::kIndex : FileKind::kLock,
                        options.name);
}

}  // namespace

int run_cat(Session& session, const CatOptions& options) {
    const bool has_blobs = options.kind == "tree" || options.kind == "blob";
    return run_locked(session, has_blobs ? Reads::kIndex : Reads::kFiles,
                      [&](const Repository& repository) -> Result<int> {
                          TRY(const auto printed, cat(session, repository, options));
                          session.streams().out << printed.text << (printed.is_raw ? "" : "\n");
                          return kExitDone;
                      });
}

}  // namespace muster::cli
