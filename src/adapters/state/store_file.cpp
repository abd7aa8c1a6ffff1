#include "adapters/state/store_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

namespace muster::adapters {
namespace {

constexpr std::string_view kUsedMark = "used";
constexpr std::size_t kMaxLockFile = 64;
/// About what lies in the log between two checkpoints (1,000 pages of 4,096 bytes).
constexpr off_t kLogSize = off_t{4} << 20U;
constexpr std::size_t kZeroes = std::size_t{1} << 16U;

// A put writes one page of each of these tables and no other.
constexpr const char* kTables = R"(
CREATE TABLE kv(key BLOB PRIMARY KEY, value BLOB NOT NULL, created INTEGER NOT NULL,
                modified INTEGER NOT NULL, lease INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX kv_lease ON kv(lease) WHERE lease <> 0;
CREATE TABLE history(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key BLOB NOT NULL,
                     value BLOB NOT NULL, created INTEGER NOT NULL, lease INTEGER NOT NULL);
)";
constexpr const char* kOtherTables = R"(
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE leases(id INTEGER PRIMARY KEY, ttl_ns INTEGER NOT NULL);
INSERT INTO meta VALUES ('format', 2), ('revision', 0), ('compacted', 0), ('last_lease', 0);
PRAGMA application_id = 1836413812;
)";
constexpr const char* kSetAside1 = R"(
DROP INDEX kv_lease;
ALTER TABLE kv RENAME TO kv_1;
ALTER TABLE history RENAME TO history_1;
)";
constexpr const char* kTakeOver1 = R"(
INSERT INTO kv SELECT key, value, created, modified, lease FROM kv_1 ORDER BY key;
INSERT INTO history SELECT
    (revision << 20) + id - (SELECT min(id) FROM history_1 AS h WHERE h.revision = n.revision),
    kind, key, value, created, lease FROM history_1 AS n ORDER BY id;
DROP TABLE kv_1;
DROP TABLE history_1;
UPDATE meta SET value = 2 WHERE name = 'format';
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
    } else if (problem == ENOSPC || problem == EDQUOT || problem == EFBIG) {
        hint = "make room on that disk: see `df`";
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

std::string in_one(std::initializer_list<const char*> parts) {
    std::string all = "BEGIN IMMEDIATE;";
    for (const auto* part : parts) {
        all += part;
    }
    return all + "COMMIT;";
}

// Zeroes from `from` on; false when there is no room.
bool write_zeroes(int descriptor, off_t from) {
    const std::string zeroes(kZeroes, '\0');
    while (from < kLogSize) {
        const auto rest = static_cast<std::size_t>(kLogSize - from);
        const auto put = pwrite(descriptor, zeroes.data(), std::min(rest, zeroes.size()), from);
        if (put <= 0) {
            return false;
        }
        from += put;
    }
    return fsync(descriptor) == 0;
}

// A sync of a file that grows takes the file system's journal as well: about as long again as the
// data. So the log gets its size at once. What follows its last whole frame is ignored by SQLite.
void lay_out_log(const std::string& path) {
    const int descriptor = open((path + "-wal").c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return;
    }
    struct stat info{};
    if (fstat(descriptor, &info) == 0 && info.st_size < kLogSize &&
        !write_zeroes(descriptor, info.st_size) && ftruncate(descriptor, info.st_size) != 0) {
        // No room to be quick; what is there serves as well.
    }
    close(descriptor);
}

Error corrupt(const std::string& path, const std::string& why) {
    return Error{Errc::kCorrupt, "the store " + path + " is damaged: " + why, mending_hint(path)};
}

Result<> check_whole(Database& database, const std::string& path) {
    TRY(auto verdict, database.ask("PRAGMA quick_check(1)"));
    if (verdict != "ok") {
        std::ranges::replace(verdict, '\n', ' ');
        return corrupt(path, verdict);
    }
    return {};
}

Result<int> read_format(Database& database, const std::string& path) {
    TRY(const auto application, database.ask("PRAGMA application_id"));
    if (application != kApplicationId) {
        return Error{Errc::kInvalid, path + " is a SQLite file, but not a store of muster",
                     "name another directory with --data"};
    }
    TRY(const auto format, database.ask("SELECT value FROM meta WHERE name = 'format'"));
    if (format.empty()) {
        return corrupt(path, "its format is missing");
    }
    const int number = std::atoi(format.c_str());
    if (number < 1) {
        return corrupt(path, "its format is " + format);
    }
    if (number > kStoreFormat) {
        return Error{Errc::kInvalid,
                     "the store " + path + " has format " + format +
                         ", written by a newer muster; this one knows up to " +
                         std::to_string(kStoreFormat),
                     "install the newer muster again, or name another directory with --data"};
    }
    return number;
}

Result<> prepare_file(Database& database, const std::string& path, StoreLock& lock) {
    TRY_OK(check_whole(database, path));
    TRY(const auto tables, database.ask("SELECT count(*) FROM sqlite_schema"));
    if (tables == "0") {
        if (lock.was_used()) {
            return corrupt(path, "it is empty, but was in use before");
        }
        auto made = database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" +
                                     in_one({kTables, kOtherTables}));
        if (!made) {
            return made;
        }
    }
    TRY(const int format, read_format(database, path));
    TRY(const auto mode, database.ask("PRAGMA journal_mode = WAL"));
    if (mode != "wal") {
        return Error{Errc::kUnavailable,
                     "the store " + path + " can't use a write-ahead log on this file system",
                     "keep it on a local disk, not on a network share"};
    }
    TRY_OK(database.execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"));
    if (format == 1) {
        TRY_OK(database.execute(in_one({kSetAside1, kTables, kTakeOver1})));
    }
    lay_out_log(path);
    return lock.mark_used();
}

/// Children that a killed muster was about to start hold its lock until they run another program:
/// whoever begins right after it waits for them. errno, or 0.
int lock_soon(int descriptor) {
    constexpr int kTries = 100;
    constexpr auto kPause = std::chrono::milliseconds(20);
    for (int i = 1; flock(descriptor, LOCK_EX | LOCK_NB) != 0; ++i) {
        if (errno != EWOULDBLOCK || i == kTries) {
            return errno;
        }
        std::this_thread::sleep_for(kPause);
    }
    return 0;
}

}  // namespace

Result<StoreLock> StoreLock::take(const std::string& path) {
    const std::string name = path + ".lock";
    const int descriptor = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return file_error("can't open the store's lock file " + name, errno);
    }
    StoreLock lock(descriptor, false);
    if (const int number = lock_soon(descriptor); number != 0) {
        if (number != EWOULDBLOCK) {
            return file_error("can't lock " + name, number);
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
