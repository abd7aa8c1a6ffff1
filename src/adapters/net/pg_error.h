#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::adapters {

/// What a statement's SQLSTATE lets a caller do (PostgreSQL manual, appendix A).
Errc code_for_sqlstate(std::string_view sqlstate);

/// The error of a statement that the server refused: "[25006] cannot execute …".
Error statement_error(const PGresult* result);

/// The error of a connection attempt that failed. The server's SQLSTATE is read from libpq's text,
/// because libpq has no other way to it: the connection's verbosity must be PQERRORS_VERBOSE.
Error connect_error(PGconn* connection);

/// The error of a connection that broke; `is_sent` when a statement was under way.
Error broken_error(PGconn* connection, bool is_sent);

/// kInvalid when libpq cannot read this conninfo. Never repeats a password.
Result<> check_conninfo(const std::string& conninfo);

}  // namespace muster::adapters
