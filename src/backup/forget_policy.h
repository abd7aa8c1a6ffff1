#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backup/snapshot_filter.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::backup {

/// A span of the calendar, "1y5m7d2h" (m: months). restic's manual, "Removing snapshots".
struct CalendarSpan {
    int years = 0;
    int months = 0;
    int days = 0;
    int hours = 0;
    auto operator<=>(const CalendarSpan&) const = default;
    [[nodiscard]] bool is_zero() const { return *this == CalendarSpan{}; }
    [[nodiscard]] std::string str() const;
};

/// Each unit at most once; up to 10,000 years, 100,000 months, 1,000,000 days and hours. kInvalid
/// otherwise.
Result<CalendarSpan> parse_span(std::string_view text);

/// What a rule keeps one snapshot of.
enum class Period : std::uint8_t { kLast, kHour, kDay, kWeek, kMonth, kYear };
constexpr std::size_t kPeriods = 6;

/// What to keep. A snapshot is kept as soon as one rule keeps it.
struct ForgetPolicy {
    static constexpr int kUnlimited = -1;

    /// --keep-last, --keep-hourly … by Period: the newest of each of the last so many periods.
    std::array<int, kPeriods> counts{};
    /// --keep-within (under kLast: all), --keep-within-hourly …: the newest of each period within
    /// that span before the latest snapshot.
    std::array<CalendarSpan, kPeriods> within{};
    std::vector<TagList> tags;  ///< --keep-tag: all that have all tags of one list.

    [[nodiscard]] bool is_empty() const;
    /// Whether who can add snapshots can make good ones go: there are counts, but no rule that
    /// keeps by age or tag.
    [[nodiscard]] bool counts_only() const;
};

/// Reads a number from 0 on, or "unlimited" (also "-1"). kInvalid otherwise.
Result<int> parse_keep_count(std::string_view text);

/// A snapshot that must not be counted, since counting it would let who made it remove good ones.
struct Implausible {
    enum class Why : std::uint8_t {
        kFuture,  ///< Its time is yet to come.
        kFlood,   ///< On its day there are far more snapshots than on the others.
    };
    const Snapshot* snapshot = nullptr;
    Why why = Why::kFuture;
    auto operator<=>(const Implausible&) const = default;
};

/// What is held to be plausible within one group.
struct Plausibility {
    WallTime now;                                    ///< By a clock that is trusted.
    Duration clock_error = std::chrono::minutes(5);  ///< So far may clocks be apart.
    /// So many times the usual (the median of days with snapshots) on one day is a flood, if it is
    /// also more than `flood_least` and three days have snapshots. 0: nothing is.
    unsigned flood_factor = 10;
    unsigned flood_least = 48;
};

/// The snapshots of one group that are not plausible, in the group's order. All of a flooded day
/// are named: which of them are good can't be told from here.
std::vector<Implausible> find_implausible(const Chosen& group, const Plausibility& plausible);

/// Why a snapshot is kept.
struct Kept {
    const Snapshot* snapshot = nullptr;
    std::vector<std::string> matches;      ///< restic's words, "daily snapshot".
    std::array<int, kPeriods> counters{};  ///< What is left of the counts after it.
};

struct ForgetPlan {
    std::vector<Kept> keep;              ///< The newest first.
    Chosen remove;                       ///< The newest first.
    std::vector<Implausible> set_aside;  ///< Neither counted nor removed: a person looks at them.
};

/// What to keep and to remove of one group, given in any order. Periods are those of the
/// time zone of each snapshot, as in restic. What is not plausible is set aside first. kInvalid for
/// a policy without rules, kDenied when nothing of the group would remain; both may be allowed.
Result<ForgetPlan> plan_forget(const Chosen& group, const ForgetPolicy& policy,
                               const Plausibility& plausible, bool may_remove_all = false);

}  // namespace muster::backup
