#include "adapters/state/store_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace muster::adapters {
namespace {

constexpr std::string_view kUsedMark = "used";
constexpr std::size_t kMaxLockFile = 64;

constexpr const char* kSchema = R"(
BEGIN IMMEDIATE;
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE kv(key BLOB PRIMARY KEY, value BLOB NOT NULL, created INTEGER NOT NULL,
                modified INTEGER NOT NULL, lease INTEGER NOT NULL);
CREATE INDEX kv_lease ON kv(lease) WHERE lease <> 0;
CREATE TABLE leases(id INTEGER PRIMARY KEY, ttl_ns INTEGER NOT NULL);
CREATE TABLE history(id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, kind INTEGER NOT NULL,
                     key BLOB NOT NULL, value BLOB NOT NULL, created INTEGER NOT NULL,
                     lease INTEGER NOT NULL);
CREATE INDEX history_revision ON history(revision);
INSERT INTO meta VALUES ('format', 1), ('revision', 0), ('compacted', 0), ('last_lease', 0);
PRAGMA application_id = 1836413812;
COMMIT;
)";
constexpr const char* kApplicationId = "1836413812";  // "must" as four bytes.

Error file_error(const std::string& what, int problem) {
    Errc code = Errc::kUnavailable;
    std::string hint;
    if (problem == ENOENT || problem == ENOTDIR) {
        code = Errc::kNotFound;
        hint = "create its directory first";
    } else if (problem == EACCES || problem == EPERM || problem == EROFS || problem == EISDIR) {
        code = Errc::kDenied;
        hint = "let the user that muster runs as write there, or name another directory";
    }
    return Error{code, what + ": " + strerror(problem), hint};
}

std::string read_lock_file(int descriptor) {
    std::array<char, kMaxLockFile> text{};
    const auto got = pread(descriptor, text.data(), text.size(), 0);
    return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

// "PID\n", or "PID\nused\n" once the store was whole.
Result<> write_lock_file(int descriptor, bool was_used) {
    std::string text = std::to_string(getpid()) + "\n";
    if (was_used) {
        text += std::string(kUsedMark) + "\n";
    }
    const auto size = static_cast<off_t>(text.size());
    // Written before it is cut, so that the mark is never missing in between.
    if (pwrite(descriptor, text.data(), text.size(), 0) != size ||
        ftruncate(descriptor, size) != 0 || fsync(descriptor) != 0) {
        return file_error("can't write the store's lock file", errno);
    }
    return {};
}

// SQLite would make it readable by all; and a new name is durable only once its directory is.
Result<> create_private(const std::string& path) {
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return file_error("can't open the store " + path, errno);
    }
    close(descriptor);
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
    return {};
}

Error corrupt(const std::string& path, const std::string& why) {
    return Error{Errc::kCorrupt, "the store " + path + " is damaged: " + why,
                 "stop muster, copy " + path + "* to a safe place, then try `sqlite3 " + path +
                     " .recover | sqlite3 " + path + ".recovered`, or bring a copy back"};
}

Result<> check_whole(Database& database, const std::string& path) {
    TRY(const auto verdict, database.ask("PRAGMA quick_check(1)"));
    if (verdict != "ok") {
        return corrupt(path, verdict);
    }
    return {};
}

Result<> check_format(Database& database, const std::string& path) {
    TRY(const auto application, database.ask("PRAGMA application_id"));
    if (application != kApplicationId) {
        return Error{Errc::kInvalid, path + " is a SQLite file, but not a store of muster",
                     "name another directory with --data"};
    }
    TRY(const auto format, database.ask("SELECT value FROM meta WHERE name = 'format'"));
    if (format.empty()) {
        return corrupt(path, "its format is missing");
    }
    if (std::atoi(format.c_str()) > kStoreFormat) {
        return Error{Errc::kInvalid,
                     "the store " + path + " has format " + format +
                         ", written by a newer muster; this one knows up to " +
                         std::to_string(kStoreFormat),
                     "install the newer muster again, or name another directory with --data"};
    }
    return {};
}

Result<> prepare_file(Database& database, const std::string& path, StoreLock& lock) {
    TRY_OK(check_whole(database, path));
    TRY(const auto tables, database.ask("SELECT count(*) FROM sqlite_schema"));
    if (tables == "0") {
        if (lock.was_used()) {
            return corrupt(path, "it is empty, but was in use before");
        }
        auto made = database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" +
                                     std::string(kSchema));
        if (!made) {
            return made;
        }
    }
    TRY_OK(check_format(database, path));
    TRY(const auto mode, database.ask("PRAGMA journal_mode = WAL"));
    if (mode != "wal") {
        return Error{Errc::kUnavailable,
                     "the store " + path + " can't use a write-ahead log on this file system",
                     "keep it on a local disk, not on a network share"};
    }
    TRY_OK(database.execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"));
    return lock.mark_used();
}

}  // namespace

Result<StoreLock> StoreLock::take(const std::string& path) {
    const std::string name = path + ".lock";
    const int descriptor = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return file_error("can't open the store's lock file " + name, errno);
    }
    StoreLock lock(descriptor, false);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return file_error("can't lock " + name, errno);
        }
        const auto text = read_lock_file(descriptor);
        return Error{Errc::kConflict,
                     "the store " + path + " is held by another muster, process " +
                         text.substr(0, text.find('\n')),
                     "stop that process, or name another directory with --data"};
    }
    lock.was_used_ = read_lock_file(descriptor).find(kUsedMark) != std::string::npos;
    TRY_OK(write_lock_file(descriptor, lock.was_used_));
    return lock;
}

StoreLock::StoreLock(StoreLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), was_used_(other.was_used_) {
}

StoreLock::~StoreLock() {
    if (descriptor_ >= 0) {
        close(descriptor_);
    }
}

Result<> StoreLock::mark_used() {
    if (was_used_) {
        return {};
    }
    was_used_ = true;
    return write_lock_file(descriptor_, true);
}

Result<Database> open_store_file(const std::string& path, StoreLock& lock) {
    TRY_OK(create_private(path));
    TRY(auto database, Database::open(path));
    auto prepared = prepare_file(database, path, lock);
    if (!prepared) {
        return std::move(prepared).error();
    }
    return database;
}

}  // namespace muster::adapters
