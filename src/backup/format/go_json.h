#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::backup {

// What restic writes, it writes with Go's encoding/json, strconv and time. Hashes depend on these
// bytes, so these functions write the very same ones.

/// Appends a JSON string with its quotes as Go's encoding/json does: `<`, `>`, `&`, U+2028, U+2029
/// and control characters but \n \r \t as \u00xx, each byte that is not valid UTF-8 as U+FFFD. (Go
/// 1.22 and later write \b and \f by these short forms; restic's trees were not made with them.)
void append_json_string(std::string& out, std::string_view text);

/// Appends the name of a node as a JSON string with its quotes: strconv.Quote without its own
/// quotes, and then as `append_json_string`. Any bytes come back from `unquote_name`.
void append_quoted_name(std::string& out, std::string_view name);

/// The name that strconv.Quote's inside stands for; `text` is what the JSON string holds. kCorrupt
/// when it is no such text.
Result<std::string> unquote_name(std::string_view text);

/// A point in time as Go's time.Time keeps it.
struct GoTime {
    std::int64_t seconds = 0;       ///< Since 1970 in UTC.
    std::uint32_t nanoseconds = 0;  ///< 0 to 999,999,999.
    int utc_offset_seconds = 0;     ///< East is positive.
    auto operator<=>(const GoTime&) const = default;
};

/// Appends RFC 3339 with the fraction's trailing zeros cut ("2026-11-21T06:08:28.5+01:00", "Z" for
/// offset 0), without quotes. A local year beyond 0 to 9999 becomes the nearest of these, the rest
/// of the date stays, as in restic.
void append_time(std::string& out, std::int64_t seconds, std::uint32_t nanoseconds,
                 int utc_offset_seconds);
inline void append_time(std::string& out, const GoTime& time) {
    append_time(out, time.seconds, time.nanoseconds, time.utc_offset_seconds);
}

/// Reads RFC 3339; digits after the ninth of the fraction are dropped. kCorrupt otherwise.
Result<GoTime> parse_time(std::string_view text);

}  // namespace muster::backup
