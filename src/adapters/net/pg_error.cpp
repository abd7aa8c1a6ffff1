#include "adapters/net/pg_error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "adapters/net/failure.h"

namespace muster::adapters {

namespace {

std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const bool is_space = std::isspace(static_cast<unsigned char>(c)) != 0;
        if (is_space && (line.empty() || line.back() == ' ')) {
            continue;
        }
        line += is_space ? ' ' : c;
    }
    while (!line.empty() && line.back() == ' ') {
        line.pop_back();
    }
    return line;
}

bool is_sqlstate(std::string_view text) {
    return std::ranges::all_of(
        text, [](unsigned char c) { return std::isdigit(c) != 0 || (c >= 'A' && c <= 'Z'); });
}

struct Fatal {
    std::string sqlstate;
    std::string message;
};

// Verbose text reads "FATAL:  28P01: password authentication failed …\nLOCATION:  …"; with several
// hosts the last one counts.
Fatal fatal_of(std::string_view text) {
    constexpr std::size_t kLength = 5;
    Fatal found;
    for (std::size_t at = text.find(":  "); at != std::string_view::npos;
         at = text.find(":  ", at + 1)) {
        const auto rest = text.substr(at + 3);
        if (rest.size() > kLength + 2 && rest.substr(kLength, 2) == ": " &&
            is_sqlstate(rest.substr(0, kLength))) {
            const auto line = rest.substr(kLength + 2);
            found = {std::string(rest.substr(0, kLength)),
                     one_line(line.substr(0, line.find('\n')))};
        }
    }
    return found;
}

// libpq only has texts for what the system said; they are English unless the program sets a locale.
std::string_view phrase_in(std::string_view text) {
    struct Known {
        std::string_view said;
        std::string_view phrase;
    };
    static constexpr std::array kKnown = {
        Known{"Connection refused", kRefused},
        Known{"No such file or directory", kRefused},
        Known{"Connection reset", kReset},
        Known{"server closed the connection", kReset},
        Known{"Broken pipe", kReset},
        Known{"terminating connection", kReset},
        Known{"could not translate host name", kNameNotFound},
    };
    for (const auto& known : kKnown) {
        if (text.contains(known.said)) {
            return known.phrase;
        }
    }
    return kUnreachable;
}

}  // namespace

Errc code_for_sqlstate(std::string_view sqlstate) {
    const auto family = sqlstate.substr(0, 2);
    if (family == "28" || sqlstate == "42501") {
        return Errc::kDenied;
    }
    if (sqlstate.starts_with("57P0") || family == "08") {
        return Errc::kOutcomeUnknown;  // The session ended under a statement.
    }
    if (sqlstate == "57014") {
        return Errc::kTimedOut;  // Cancelled by statement_timeout: rolled back.
    }
    if (family == "40" || family == "53" || family == "55") {
        return Errc::kUnavailable;  // Rolled back; the same statement may succeed later.
    }
    return Errc::kInvalid;
}

Error statement_error(const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == nullptr) {
        const std::string text = one_line(PQresultErrorMessage(result));
        return Error{Errc::kOutcomeUnknown, std::string(phrase_in(text)) + ": " + text};
    }
    std::string message = "[" + std::string(state) + "] ";
    message += one_line(primary == nullptr ? "no message" : primary);
    return Error{code_for_sqlstate(state), std::move(message)};
}

Error connect_error(PGconn* connection) {
    const std::string_view text = PQerrorMessage(connection);
    const auto fatal = fatal_of(text);
    if (fatal.sqlstate.empty()) {
        if (PQconnectionNeedsPassword(connection) != 0) {
            return Error{Errc::kDenied, "the server asks for a password and none was given",
                         "put the password into the service's passfile, or name one with "
                         "passfile=… in the conninfo"};
        }
        return Error{Errc::kUnavailable, std::string(phrase_in(text)) + ": " + one_line(text)};
    }
    const std::string message = "[" + fatal.sqlstate + "] " + fatal.message;
    const auto code = code_for_sqlstate(fatal.sqlstate);
    if (code == Errc::kDenied) {
        return Error{code, message, "check user and password in the conninfo, and pg_hba.conf"};
    }
    // Nothing was sent yet, so nothing can have happened.
    return Error{code == Errc::kInvalid ? Errc::kInvalid : Errc::kUnavailable, message};
}

Error broken_error(PGconn* connection, bool is_sent) {
    const std::string text = one_line(PQerrorMessage(connection));
    const auto phrase = text.empty() ? kReset : phrase_in(text);
    return Error{is_sent ? Errc::kOutcomeUnknown : Errc::kUnavailable,
                 std::string(phrase) + (text.empty() ? "" : ": " + text)};
}

Result<> check_conninfo(const std::string& conninfo) {
    char* problem = nullptr;
    if (auto* options = PQconninfoParse(conninfo.c_str(), &problem); options != nullptr) {
        PQconninfoFree(options);
        return {};
    }
    // The text may quote a part of the conninfo, and that part may be the password.
    const bool may_tell = !conninfo.contains("password") && !conninfo.contains("://");
    std::string message = "the conninfo cannot be read";
    if (problem != nullptr && may_tell) {
        message += ": " + one_line(problem);
    }
    PQfreemem(problem);
    return Error{Errc::kInvalid, std::move(message),
                 "write key=value pairs such as host=10.0.1.5 dbname=orders, or a postgresql:// "
                 "address"};
}

}  // namespace muster::adapters
