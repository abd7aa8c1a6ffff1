#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "base/time.h"

namespace muster::adapters {

/// Rows of a query as texts; NULL is std::nullopt.
struct PgResult {
    std::vector<std::string> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;
    std::string command;  ///< Command tag, "INSERT 0 1".

    /// The first row's field by column name; empty text for NULL or when there is no row.
    [[nodiscard]] std::string value(std::string_view column) const;
};

/// One libpq connection driven by Asio without blocking; never shared by two tasks at a time.
/// Errors: kUnavailable (refused, reset, unreachable: nothing happened), kTimedOut (no answer while
/// connecting), kOutcomeUnknown (no answer, or the connection broke, after a statement was sent),
/// kDenied (authentication or permission), kInvalid (SQL). The message carries SQLSTATE in
/// brackets, e.g. "[25006] cannot execute INSERT in a read-only transaction"; a conninfo's password
/// never. A query that ends without an answer (deadline, cancelled, broken) closes the connection.
/// libpq resolves host names synchronously: give addresses where that could take long.
class PgConnection {
  public:
    PgConnection(Executor executor, Clock& clock);
    PgConnection(PgConnection&&) noexcept;
    PgConnection& operator=(PgConnection&&) noexcept;
    ~PgConnection();

    Task<> connect(std::string conninfo, Instant deadline);
    /// Runs one statement with parameters ($1 …), or several without.
    Task<PgResult> query(std::string sql, std::vector<std::string> parameters, Instant deadline);
    [[nodiscard]] bool is_open() const;
    /// Returns when the server has closed the connection or it broke (kUnavailable), or kCancelled.
    /// Only while no query runs.
    Task<> closed();
    /// Calls `handler` once, from the executor, when the server closes the connection or it breaks
    /// while no query runs. The next query, close() or the end of this object forgets it.
    void on_closed(std::function<void()> handler);
    void close();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters
