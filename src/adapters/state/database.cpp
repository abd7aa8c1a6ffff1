#include "adapters/state/database.h"

#include <sqlite3.h>

namespace muster::adapters {
namespace {

constexpr int kBusyTimeoutMs = 2'000;  // A person may look into the file with the sqlite3 program.

Errc code_of(int status) {
    switch (status & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return Errc::kCorrupt;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_CANTOPEN:
            return Errc::kDenied;
        case SQLITE_IOERR:
            // What was written may or may not be on the disk (a failed fsync is never repeated).
            return status == SQLITE_IOERR_FSYNC || status == SQLITE_IOERR_DIR_FSYNC
                       ? Errc::kOutcomeUnknown
                       : Errc::kUnavailable;
        default:
            return Errc::kUnavailable;
    }
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

bool is_locked(int status) {
    return (status & 0xff) == SQLITE_BUSY || (status & 0xff) == SQLITE_LOCKED;
}

std::string hint_for(Errc code, int status, const std::string& path) {
    if (is_locked(status)) {
        return "see which: `fuser -v " + path + "`, and end it";
    }
    switch (code) {
        case Errc::kCorrupt:
            return mending_hint(path);
        case Errc::kDenied:
            return "let the user that muster runs as write " + path + " and its directory";
        case Errc::kOutcomeUnknown:
            return "check the disk, then restart muster: it re-reads what was really written";
        default:
            return "see what the system says of the disk: `dmesg | tail`, `df " + folder_of(path) +
                   "`";
    }
}

Error error_of(sqlite3* database, int status) {
    const char* name = sqlite3_db_filename(database, "main");
    const std::string path = name == nullptr ? "the store" : name;
    const auto look = "`df " + folder_of(path) + "`";
    if ((status & 0xff) == SQLITE_FULL) {
        return Error{Errc::kUnavailable, "store " + path + ": the disk is full",
                     "make room: " + look + "; muster goes on by itself"};
    }
    if (status == SQLITE_IOERR_WRITE) {
        // A quota and a limit of the process come as this, like a defect of the disk.
        return Error{Errc::kUnavailable, "store " + path + ": the disk refused a write",
                     "see whether it, a quota or a limit on file sizes is full: " + look +
                         ", or what the system says: `dmesg | tail`; muster goes on by itself"};
    }
    const Errc code = code_of(status);
    const char* words =
        is_locked(status) ? "it is locked by another program" : sqlite3_errmsg(database);
    return Error{code, "store " + path + ": " + words, hint_for(code, status, path)};
}

}  // namespace

std::string mending_hint(const std::string& path) {
    // Not `.recover`: there are packaged versions of sqlite3 whose `.recover` gives nothing at all.
    return "stop muster, copy " + path +
           "* to a safe place, then take out what can be read: " + "`sqlite3 " + path +
           " .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 " + path +
           ".recovered`; the page \"Mend the store\" says the rest";
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Statement& Statement::reset() {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    bound_ = 0;
    return *this;
}

Statement& Statement::bind(std::int64_t number) {
    sqlite3_bind_int64(statement_.get(), ++bound_, number);
    return *this;
}

Statement& Statement::bind(std::string_view bytes) {
    // A null pointer would bind NULL, not an empty value.
    sqlite3_bind_blob64(statement_.get(), ++bound_, bytes.empty() ? "" : bytes.data(), bytes.size(),
                        SQLITE_TRANSIENT);
    return *this;
}

Result<bool> Statement::step() {
    const int status = sqlite3_step(statement_.get());
    if (status == SQLITE_ROW) {
        return true;
    }
    if (status == SQLITE_DONE) {
        return false;
    }
    auto* database = sqlite3_db_handle(statement_.get());
    return error_of(database, sqlite3_extended_errcode(database));
}

Result<> Statement::run() {
    const auto stepped = step();
    reset();
    if (!stepped) {
        return stepped.error();
    }
    return {};
}

std::int64_t Statement::number(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    const auto size = sqlite3_column_bytes(statement_.get(), column);
    return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

void Database::Close::operator()(sqlite3* database) const {
    sqlite3_close_v2(database);
}

Result<Database> Database::open(const std::string& path) {
    sqlite3* opened = nullptr;
    // One thread uses a connection at a time, so SQLite need not lock it.
    const int status =
        sqlite3_open_v2(path.c_str(), &opened,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(opened);
    if (status != SQLITE_OK) {
        const Errc code = code_of(status);
        return Error{code, "can't open the store " + path + ": " + sqlite3_errstr(status),
                     hint_for(code, status, path)};
    }
    sqlite3_extended_result_codes(opened, 1);
    sqlite3_busy_timeout(opened, kBusyTimeoutMs);
    return database;
}

Result<> Database::execute(const std::string& sql) {
    const int status = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) {
        return error_of(database_.get(), sqlite3_extended_errcode(database_.get()));
    }
    return {};
}

Result<Statement> Database::prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    const int status =
        sqlite3_prepare_v3(database_.get(), sql.c_str(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (status != SQLITE_OK) {
        return error_of(database_.get(), sqlite3_extended_errcode(database_.get()));
    }
    return Statement(statement);
}

Result<std::string> Database::ask(const std::string& sql) {
    TRY(auto statement, prepare(sql));
    TRY(const bool has_row, statement.step());
    return has_row ? statement.bytes(0) : std::string();
}

}  // namespace muster::adapters
