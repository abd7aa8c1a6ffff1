#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/format/go_json.h"
#include "backup/path_filter.h"
#include "base/result.h"

namespace muster::backup {

/// A time as a person types it. Without a zone it is meant in that of the machine, which the caller
/// knows (it may change with the date).
struct TypedTime {
    std::int64_t clock_seconds = 0;  ///< What date and clock show, as seconds since 1970.
    std::optional<int> utc_offset_seconds;
    auto operator<=>(const TypedTime&) const = default;
};

/// Reads "2026-11-21" or "21.11.2026", also with " 15:04" or " 15:04:05", then also with " +0100"
/// or " UTC" (restic's forms for find and for backup --time); and RFC 3339. kInvalid otherwise.
Result<TypedTime> parse_typed_time(std::string_view text);

/// What `find` looks for.
struct FindQuery {
    std::vector<std::string> patterns;  ///< One at least; what any of them matches is found.
    bool ignores_case = false;
    std::optional<GoTime> oldest;  ///< No file that was changed before.
    std::optional<GoTime> newest;  ///< No file that was changed after.
};

/// A FindQuery, compiled. May be used by many threads at once.
class FindPattern {
  public:
    /// kInvalid for no pattern, a bad one, one with "!", and for oldest after newest.
    static Result<FindPattern> make(const FindQuery& query);
    /// Whether a node is found. Its path is absolute and clean.
    [[nodiscard]] bool matches(std::string_view path, const GoTime& mtime) const;
    /// Whether looking into a directory is worthwhile.
    [[nodiscard]] bool may_match_below(std::string_view path) const;

  private:
    PathFilter filter_;
    std::optional<GoTime> oldest_;
    std::optional<GoTime> newest_;
};

}  // namespace muster::backup
