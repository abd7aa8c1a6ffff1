#include <array>

#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"

namespace muster::cli {

using backup::FileKind;

namespace {

struct ListedKind {
    std::string_view name;
    FileKind kind;
};
constexpr std::array<ListedKind, 5> kKinds{{{"packs", FileKind::kPack},
                                            {"index", FileKind::kIndex},
                                            {"snapshots", FileKind::kSnapshot},
                                            {"keys", FileKind::kKey},
                                            {"locks", FileKind::kLock}}};

/// Prints one object after the other, as lines or as one JSON array.
class ObjectLines {
  public:
    explicit ObjectLines(Streams& streams) : streams_(streams) {
        streams.out << (streams.is_json ? "[" : "");
    }
    void add(const std::string& line, const std::string& json) {
        if (!streams_.is_json) {
            streams_.out << line << "\n";
            return;
        }
        streams_.out << (is_first_ ? "" : ",") << json;
        is_first_ = false;
    }
    void end() { streams_.out << (streams_.is_json ? "]\n" : ""); }

  private:
    Streams& streams_;
    bool is_first_ = true;
};

Result<int> list_blobs(Session& session, const backup::Repository& repository) {
    ObjectLines lines(session.streams());
    repository.index().for_each([&](const backup::BlobPlace& place) {
        const std::string type(to_string(place.blob.type));
        const std::string id = place.blob.id.hex();
        lines.add(type + " " + id, JsonLine().text("type", type).text("id", id).str());
    });
    lines.end();
    return kExitDone;
}

Result<int> list_files(Session& session, FileKind kind, const backup::Repository& repository) {
    TRY(const auto names, stored_names(repository, kind));
    ObjectLines lines(session.streams());
    for (const auto& name : names) {
        lines.add(name, '"' + name + '"');
    }
    lines.end();
    return kExitDone;
}

/// Without a lock: locks are listed when somebody else holds them, and this one's own is of no
/// interest.
int list_locks(Session& session) {
    const auto repository = session.open();
    const auto status = repository ? list_files(session, FileKind::kLock, **repository)
                                   : Result<int>(repository.error());
    return status ? *status : session.fail(status.error());
}

}  // namespace

int run_list(Session& session, const std::string& kind) {
    if (kind == "locks") {
        return list_locks(session);
    }
    if (kind == "blobs") {
        return run_locked(session, Reads::kIndex, [&](const backup::Repository& repository) {
            return list_blobs(session, repository);
        });
    }
    return run_locked(session, Reads::kFiles,
                      [&](const backup::Repository& repository) -> Result<int> {
                          for (const auto& listed : kKinds) {
                              if (listed.name == kind) {
                                  return list_files(session, listed.kind, repository);
                              }
                          }
                          return Error(Errc::kInvalid, "there are no objects of the kind " + kind);
                      });
}

}  // namespace muster::cli
