#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace muster::protection {

/// Seconds since 1970 as the clocks on the wall of some place show them.
struct LocalTime {
    std::int64_t seconds = 0;
    auto operator<=>(const LocalTime&) const = default;
};

/// How far a place's clocks are ahead of UTC, and when that changes: a value, so that schedules are
/// pure. The default is UTC.
class TimeZone {
  public:
    /// Reads a file of the system's time zone database: RFC 8536, "The Time Zone Information
    /// Format (TZif)", version 2 or later. kCorrupt when it is none.
    static Result<TimeZone> parse(std::string_view bytes);

    /// Seconds ahead of UTC.
    [[nodiscard]] std::int64_t offset_at(std::int64_t utc_seconds) const;
    [[nodiscard]] LocalTime to_local(WallTime time) const;
    /// When the clocks first show that time. A time that they leave out (they are put forward) is
    /// as long after the change as it would have been: 02:30 becomes 03:30.
    [[nodiscard]] WallTime to_utc(LocalTime local) const;

  private:
    struct Change {
        std::int64_t at = 0;  ///< UTC seconds.
        std::int64_t offset = 0;
    };
    /// "M3.5.0/2" of a POSIX TZ string: the fifth (last) Sunday of March, 02:00.
    struct Rule {
        int month = 1;
        int week = 1;
        int weekday = 0;
        std::int64_t time = 7200;
    };
    struct Yearly {
        std::int64_t standard = 0;
        std::int64_t summer = 0;
        Rule begin;
        Rule end;
    };
    Result<> read_footer(std::string_view text);
    [[nodiscard]] std::int64_t offset_by_rule(std::int64_t utc_seconds) const;
    [[nodiscard]] static std::int64_t moment_of(const Rule& rule, int year);
    static bool read_rule(std::string_view& text, Rule& rule);

    std::int64_t first_ = 0;  ///< Before any change.
    std::vector<Change> changes_;
    std::optional<Yearly> yearly_;  ///< After the last one.
};

}  // namespace muster::protection
