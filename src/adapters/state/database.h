#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace muster::adapters {

/// One prepared statement of SQLite, reused: bind, step, reset.
class Statement {
  public:
    Statement() = default;

    /// Starts anew with no values bound.
    Statement& reset();
    /// Binds the next parameter; a text is kept as bytes, in a copy.
    Statement& bind(std::int64_t number);
    Statement& bind(std::string_view bytes);
    /// True when there is a row, false at the end.
    Result<bool> step();
    /// Steps to the end of a statement that has no rows; then it is reset.
    Result<> run();
    [[nodiscard]] std::int64_t number(int column) const;
    [[nodiscard]] std::string bytes(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int bound_ = 0;
};

/// What to do about a damaged store: how to take out what can be read,
/// docs/howto/mend-the-store.md.
std::string mending_hint(const std::string& path);

/// One connection to a SQLite file. Its errors: kCorrupt (damaged, or no database), kDenied (may
/// not be written), kOutcomeUnknown (the disk failed to sync), kUnavailable (disk full, locked, and
/// the rest): each names the file.
class Database {
  public:
    /// Opens or creates it.
    static Result<Database> open(const std::string& path);

    Result<> execute(const std::string& sql);
    Result<Statement> prepare(const std::string& sql);
    /// The first column of the first row as text; empty when there is none.
    Result<std::string> ask(const std::string& sql);

  private:
    struct Close {
        void operator()(sqlite3* database) const;
    };
    explicit Database(sqlite3* database) : database_(database) {}
    std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace muster::adapters
