#include "backup/find_pattern.h"
#include "backup/look/tree_search.h"
#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"
#include "cli/terminal_text.h"

namespace muster::cli {

using backup::BlobType;
using backup::Node;
using backup::Snapshot;

namespace {

/// The JSON of a match: a node as restic shows it here, with its path.
std::string json_of(const backup::Host& host, const std::string& path, const Node& node) {
    JsonLine line;
    const auto number = [&](const char* name, std::uint64_t value) {
        if (value != 0) {
            line.number(name, value);
        }
    };
    const auto text = [&](const char* name, const std::string& value) {
        if (!value.empty()) {
            line.text(name, value);
        }
    };
    line.text("path", path)
        .text("permissions", mode_text(node.mode))
        .text("type", to_string(node.type));
    number("mode", node.mode);
    line.text("mtime", local_rfc3339(host, node.mtime))
        .text("atime", local_rfc3339(host, node.atime))
        .text("ctime", local_rfc3339(host, node.ctime))
        .number("uid", node.uid)
        .number("gid", node.gid);
    text("user", node.user);
    text("group", node.group);
    number("inode", node.inode);
    number("device_id", node.device_id);
    number("size", node.size);
    number("links", node.links);
    text("linktarget", node.link_target);
    return line.str();
}

/// An object that was found, and where it is used.
struct FoundObject {
    BlobType type;
    backup::ObjectId id;
    const std::string& path;
    const backup::ObjectId* tree;  // nullptr: of the snapshot itself.
};

/// Prints what is found, snapshot by snapshot.
class FindOutput {
  public:
    FindOutput(Session& session, bool is_long) : session_(session), is_long_(is_long) {}

    /// Once, when all that was asked is known to make sense.
    void start() {
        if (session_.streams().is_json) {
            session_.streams().out << "[";
        }
    }

    void begin(const Snapshot& snapshot) {
        snapshot_ = &snapshot;
        hits_ = 0;
    }
    void match(const std::string& path, const Node& node) {
        auto& out = session_.streams().out;
        const bool is_json = session_.streams().is_json;
        if (hits_++ == 0) {
            begin_list(out, is_json);
        } else if (is_json) {
            out << ",";
        }
        ++total_;
        if (is_json) {
            out << json_of(session_.host(), path, node);
            return;
        }
        const std::string name = shown(path, session_.streams());
        out << (is_long_ ? long_line(session_.host(), node, name, false) : name) << "\n";
    }
    void object(const FoundObject& found) {
        auto& out = session_.streams().out;
        const bool is_tree = found.type == BlobType::kTree;
        const std::string type = is_tree ? "tree" : "blob";
        if (session_.streams().is_json) {
            JsonLine line;
            line.text("object_type", type).text("id", found.id.hex()).text("path", found.path);
            if (found.tree != nullptr) {
                line.text("parent_tree", found.tree->hex());
            }
            std::string time;
            backup::append_time(time, snapshot_->time);
            out << (total_++ == 0 ? "" : ",")
                << line.text("snapshot", snapshot_->id.hex()).text("time", time).str();
            return;
        }
        ++total_;
        out << "Found " << type << " " << found.id.hex() << "\n ... "
            << (is_tree ? "path " : "in file ") << shown(found.path, session_.streams()) << "\n";
        if (!is_tree) {
            out << "     (tree " << found.tree->hex() << ")\n";
        }
        out << " ... in snapshot " << snapshot_->id.brief() << " ("
            << local_time(session_.host(), snapshot_->time.seconds) << ")\n";
    }
    void problem(const std::string& path, const Error& error) {
        is_partial_ = true;
        session_.streams().err << "error: snapshot " << snapshot_->id.brief() << ": "
                               << printable(path) << ": " << printable(error.message()) << "\n";
    }
    void end() {
        if (session_.streams().is_json && hits_ > 0) {
            session_.streams().out << R"(],"hits":)" << hits_ << R"(,"snapshot":")"
                                   << snapshot_->id.hex() << R"("})";
        }
    }
    /// As in restic it is no failure that there is nothing; but a person is told.
    int finish(std::size_t snapshots) {
        if (session_.streams().is_json) {
            session_.streams().out << "]\n";
        } else if (total_ == 0 && !session_.options().is_quiet) {
            session_.streams().err << "nothing was found in " << snapshots
                                   << (snapshots == 1 ? " snapshot\n" : " snapshots\n");
        }
        return is_partial_ || session_.has_left_out() ? kExitFailed : kExitDone;
    }

  private:
    void begin_list(std::ostream& out, bool is_json) {
        if (is_json) {
            out << (total_ == 0 ? "" : ",") << R"({"matches":[)";
            return;
        }
        out << (total_ == 0 ? "" : "\n") << "Found matching entries in snapshot "
            << snapshot_->id.brief() << " from "
            << local_time(session_.host(), snapshot_->time.seconds) << "\n";
    }

    Session& session_;
    bool is_long_;
    const Snapshot* snapshot_ = nullptr;
    std::size_t hits_ = 0;   // In this snapshot.
    std::size_t total_ = 0;  // In all.
    bool is_partial_ = false;
};

Result<std::optional<backup::GoTime>> time_of(const backup::Host& host, const std::string& text) {
    if (text.empty()) {
        return std::optional<backup::GoTime>();
    }
    TRY(const auto typed, backup::parse_typed_time(text));
    // Near enough to the moment to know the zone's offset there.
    const auto near = typed.clock_seconds - host.utc_offset(typed.clock_seconds);
    const int offset = typed.utc_offset_seconds.value_or(host.utc_offset(near));
    return std::optional(backup::GoTime{typed.clock_seconds - offset, 0, offset});
}

Result<backup::TreeSearch::Hooks> hooks_for_patterns(Session& session, const FindOptions& options,
                                                     FindOutput& output) {
    backup::FindQuery query;
    query.patterns = options.patterns;
    query.ignores_case = options.ignores_case;
    TRY(query.oldest, time_of(session.host(), options.oldest));
    TRY(query.newest, time_of(session.host(), options.newest));
    TRY(auto made, backup::FindPattern::make(query));
    // Hooks are copied, a pattern is not.
    const auto pattern = std::make_shared<const backup::FindPattern>(std::move(made));
    return backup::TreeSearch::Hooks{
        [&output, pattern](const backup::WalkEntry& entry) {
            const auto& mtime = entry.node.mtime;
            const bool is_hit = pattern->matches(entry.path, {mtime.seconds, mtime.nanoseconds, 0});
            if (is_hit) {
                output.match(entry.path, entry.node);
            }
            return is_hit;
        },
        [pattern](const backup::WalkEntry& entry) { return pattern->may_match_below(entry.path); },
        [&output](const std::string& path, const Error& error) { output.problem(path, error); }};
}

/// What `--blob`, `--tree` and `--pack` look for.
struct ObjectQuery {
    backup::IdPrefixes blobs;
    backup::IdPrefixes trees;
};

Result<> add_packs(const backup::Repository& repository, const FindOptions& options,
                   ObjectQuery& query) {
    backup::IdPrefixes packs;
    for (const auto& pattern : options.patterns) {
        TRY_OK(packs.add(pattern));
    }
    repository.index().for_each([&](const backup::BlobPlace& place) {
        if (packs.matches(place.pack)) {
            (place.blob.type == BlobType::kTree ? query.trees : query.blobs).add(place.blob.id);
        }
    });
    return query.blobs.is_empty() && query.trees.is_empty()
               ? Result<>(Error(Errc::kNotFound,
                                "the index knows no pack that begins with " +
                                    options.patterns.front() +
                                    (options.patterns.size() > 1 ? ", or as the others" : ""),
                                "`muster list packs` prints their ids"))
               : Result<>();
}

Result<ObjectQuery> object_query(const backup::Repository& repository, const FindOptions& options) {
    ObjectQuery query;
    if (options.is_pack) {
        TRY_OK(add_packs(repository, options, query));
        return query;
    }
    for (const auto& pattern : options.patterns) {
        if (options.is_blob) {
            TRY_OK(query.blobs.add(pattern));
        }
        if (options.is_tree) {
            TRY_OK(query.trees.add(pattern));
        }
    }
    return query;
}

backup::TreeSearch::Hooks hooks_for_objects(const ObjectQuery& query, FindOutput& output) {
    return {[&](const backup::WalkEntry& entry) {
                bool is_hit = false;
                if (entry.node.subtree && query.trees.matches(*entry.node.subtree)) {
                    output.object({BlobType::kTree, *entry.node.subtree, entry.path, &entry.tree});
                    is_hit = true;
                }
                for (const auto& id : entry.node.content) {
                    if (query.blobs.matches(id)) {
                        output.object({BlobType::kData, id, entry.path, &entry.tree});
                        is_hit = true;
                    }
                }
                return is_hit;
            },
            [](const backup::WalkEntry&) { return true; },
            [&](const std::string& path, const Error& error) { output.problem(path, error); }};
}

Result<int> find(Session& session, const FindOptions& options,
                 const backup::Repository& repository) {
    const bool is_objects = options.is_blob || options.is_tree || options.is_pack;
    ObjectQuery query;
    if (is_objects) {
        TRY(query, object_query(repository, options));
    }
    TRY(const auto all, session.sound_snapshots(repository));
    TRY(const auto chosen, name_snapshots(all, options.snapshots, options.which.filter()));
    FindOutput output(session, options.is_long);
    backup::TreeSearch::Hooks hooks;
    if (is_objects) {
        hooks = hooks_for_objects(query, output);
    } else {
        TRY(hooks, hooks_for_patterns(session, options, output));
    }
    output.start();
    backup::TreeSearch search(std::move(hooks));
    backup::TreeReader reader(repository);
    TRY_OK(reader.run([&]() -> Result<> {
        for (const auto* snapshot : chosen) {
            output.begin(*snapshot);
            if (query.trees.matches(snapshot->tree)) {
                output.object({BlobType::kTree, snapshot->tree, "/", nullptr});
            }
            TRY_OK(walk_tree(reader, session.host(), snapshot->tree, search));
            output.end();
        }
        return {};
    }));
    return output.finish(chosen.size());
}

}  // namespace

int run_find(Session& session, const FindOptions& options) {
    return run_locked(session, Reads::kIndex, [&](const backup::Repository& repository) {
        return find(session, options, repository);
    });
}

}  // namespace muster::cli
