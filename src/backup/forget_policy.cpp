#include "backup/forget_policy.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

// The rules are those of restic's ApplyPolicy of 0.17 and later: from the newest snapshot on, a
// count keeps a snapshot whose period is not that of the one it kept before, and the oldest
// snapshot of all while something of the count is left. Two things differ. A time zone is the fixed
// offset that stands in the snapshot, also when the machine's own zone has that offset and summer
// time. And a snapshot whose time is yet to come takes no part, while restic lets it use up the
// counts.

namespace muster::backup {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::int64_t kDaySeconds = 86'400;

/// What the calendar and the clock of a time zone show.
struct LocalTime {
    sys_days day;
    std::int64_t second_of_day = 0;
};

LocalTime local_of(const GoTime& time) {
    const std::chrono::seconds seconds(time.seconds + time.utc_offset_seconds);
    const auto day = std::chrono::floor<days>(seconds);
    return {sys_days(day), (seconds - day).count()};
}

/// Equal for two snapshots of one period.
std::int64_t period_of(const GoTime& time, Period period, std::size_t number) {
    const auto local = local_of(time);
    const std::chrono::year_month_day date(local.day);
    const std::int64_t year = static_cast<int>(date.year());
    switch (period) {
        case Period::kLast:
            return static_cast<std::int64_t>(number);
        case Period::kHour:
            return local.day.time_since_epoch().count() * 24 + local.second_of_day / 3600;
        case Period::kDay:
            return local.day.time_since_epoch().count();
        case Period::kWeek:
            // Weeks begin on Monday (ISO 8601); day 0, 1 January 1970, was a Thursday.
            return std::chrono::floor<std::chrono::weeks>(local.day + days(3))
                .time_since_epoch()
                .count();
        case Period::kMonth:
            return year * 12 + static_cast<unsigned>(date.month());
        case Period::kYear:
            return year;
    }
    return 0;
}

using Moment = std::pair<std::int64_t, std::uint32_t>;  // seconds and nanoseconds, to compare

Moment moment_of(const GoTime& time) {
    return {time.seconds, time.nanoseconds};
}

/// `time` less the span. As Go's AddDate: a day that the month does not have runs over into the
/// next, 31 March less a month is 3 March.
Moment before(const GoTime& time, const CalendarSpan& span) {
    using namespace std::chrono;
    const auto local = local_of(time);
    const year_month_day date(local.day);
    const auto month =
        year_month(date.year(), date.month()) - months(span.months + 12 * span.years);
    const auto first = sys_days(month / 1);
    const auto day = first + (days(static_cast<unsigned>(date.day())) - days(1)) - days(span.days);
    const auto seconds = day.time_since_epoch().count() * kDaySeconds + local.second_of_day -
                         std::int64_t{3600} * span.hours - time.utc_offset_seconds;
    return {seconds, time.nanoseconds};
}

/// The state of one rule while the snapshots go by.
struct Rule {
    Period period = Period::kLast;
    std::string reason;
    int left = 0;                 ///< ForgetPolicy::kUnlimited: it does not end.
    std::optional<Moment> after;  ///< Only what is newer.
    std::optional<std::int64_t> last_kept;

    /// Why it keeps the snapshot; empty when it does not.
    std::string take(const Snapshot& snapshot, std::size_t number, bool is_oldest) {
        if (left == 0 || (after && moment_of(snapshot.time) <= *after)) {
            return {};
        }
        const auto value = period_of(snapshot.time, period, number);
        const bool is_new = value != last_kept;
        if (!is_new && !is_oldest) {
            return {};
        }
        last_kept = value;
        left -= left > 0 ? 1 : 0;
        return is_new ? reason : "oldest " + reason;
    }
};

constexpr std::array<std::string_view, kPeriods> kAdjectives{"last",   "hourly",  "daily",
                                                             "weekly", "monthly", "yearly"};

/// All rules of a policy in restic's order.
class Rules {
  public:
    Rules(const ForgetPolicy& policy, const GoTime& latest) : tags_(policy.tags) {
        for (std::size_t i = 0; i < kPeriods; ++i) {
            const std::string adjective(kAdjectives.at(i));
            const auto period = static_cast<Period>(i);
            counting_.at(i) = {period, adjective + " snapshot", policy.counts.at(i), {}, {}};
            const auto& span = policy.within.at(i);
            if (!span.is_zero()) {
                const auto name = period == Period::kLast ? "within " : adjective + " within ";
                within_.push_back({period,
                                   name + span.str(),
                                   ForgetPolicy::kUnlimited,
                                   before(latest, span),
                                   {}});
            }
        }
    }

    Kept judge(const Snapshot& snapshot, std::size_t number, bool is_oldest) {
        Kept kept{&snapshot, {}, {}};
        const auto note = [&kept](std::string reason) {
            if (!reason.empty()) {
                kept.matches.push_back(std::move(reason));
            }
        };
        for (const auto& list : tags_) {
            note(has_tags(snapshot, list) ? tag_reason(list) : "");
        }
        // restic names the plain --keep-within before the counts, and the others after them.
        for (auto& rule : within_) {
            note(rule.period == Period::kLast ? rule.take(snapshot, number, is_oldest) : "");
        }
        for (std::size_t i = 0; i < kPeriods; ++i) {
            note(counting_.at(i).take(snapshot, number, is_oldest));
            kept.counters.at(i) = counting_.at(i).left;
        }
        for (auto& rule : within_) {
            note(rule.period == Period::kLast ? "" : rule.take(snapshot, number, is_oldest));
        }
        return kept;
    }

  private:
    static std::string tag_reason(const TagList& list) {
        std::string tags;
        for (const auto& tag : list) {
            tags.append(tags.empty() ? "" : ", ").append(tag);
        }
        return "has tags [" + tags + "]";
    }

    const std::vector<TagList>& tags_;
    std::array<Rule, kPeriods> counting_;
    std::vector<Rule> within_;
};

}  // namespace

std::string CalendarSpan::str() const {
    std::string text;
    for (const auto& [count, unit] :
         {std::pair(years, 'y'), {months, 'm'}, {days, 'd'}, {hours, 'h'}}) {
        if (count != 0) {
            text += std::to_string(count) + unit;
        }
    }
    return text;
}

Result<CalendarSpan> parse_span(std::string_view text) {
    constexpr std::array kMost{10'000, 100'000, 1'000'000, 1'000'000};
    constexpr std::string_view kUnits = "ymdh";
    constexpr std::array kFields{&CalendarSpan::years, &CalendarSpan::months, &CalendarSpan::days,
                                 &CalendarSpan::hours};
    CalendarSpan span;
    std::array<bool, 4> is_given{};
    auto rest = text;
    bool is_good = !rest.empty();
    while (is_good && !rest.empty()) {
        int count = 0;
        const auto number = rest.substr(0, rest.find_first_not_of("0123456789"));
        const auto digits = number.size();
        const auto read = std::from_chars(number.data(), number.data() + number.size(), count);
        const auto unit = digits == rest.size() ? kUnits.npos : kUnits.find(rest[digits]);
        is_good = read.ec == std::errc{} && unit != kUnits.npos && count <= kMost.at(unit) &&
                  !is_given.at(unit);
        if (is_good) {
            is_given.at(unit) = true;
            span.*kFields.at(unit) = count;
            rest.remove_prefix(digits + 1);
        }
    }
    if (!is_good) {
        return Error(Errc::kInvalid, "\"" + std::string(text) + "\" is not a span of the calendar",
                     "write years, months, days and hours such as 1y5m7d2h, or some of them");
    }
    return span;
}

bool ForgetPolicy::is_empty() const {
    return tags.empty() && std::ranges::all_of(counts, [](int count) { return count == 0; }) &&
           std::ranges::all_of(within, &CalendarSpan::is_zero);
}

bool ForgetPolicy::counts_only() const {
    return !is_empty() && tags.empty() && std::ranges::all_of(within, &CalendarSpan::is_zero) &&
           std::ranges::none_of(counts, [](int count) { return count == kUnlimited; });
}

Result<int> parse_keep_count(std::string_view text) {
    if (text == "unlimited" || text == "-1") {
        return ForgetPolicy::kUnlimited;
    }
    int count = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || count < 0) {
        return Error(Errc::kInvalid, "\"" + std::string(text) + "\" is not a number of snapshots",
                     "write a whole number, or unlimited");
    }
    return count;
}

namespace {

std::int64_t day_of(const Snapshot& snapshot) {
    return std::chrono::floor<days>(snapshot.wall()).time_since_epoch().count();
}

/// From how many snapshots on a day is flooded; none when that can't be told.
std::optional<std::size_t> flood_limit(const std::map<std::int64_t, std::size_t>& by_day,
                                       const Plausibility& plausible) {
    if (by_day.size() < 3 || plausible.flood_factor == 0) {
        return std::nullopt;
    }
    std::vector<std::size_t> counts;
    counts.reserve(by_day.size());
    for (const auto& [day, count] : by_day) {
        counts.push_back(count);
    }
    const auto middle = counts.begin() + static_cast<std::ptrdiff_t>((counts.size() - 1) / 2);
    std::ranges::nth_element(counts, middle);
    return std::max<std::size_t>(*middle * plausible.flood_factor, plausible.flood_least);
}

}  // namespace

std::vector<Implausible> find_implausible(const Chosen& group, const Plausibility& plausible) {
    const auto end =
        plausible.now + std::chrono::duration_cast<WallTime::duration>(plausible.clock_error);
    std::map<std::int64_t, std::size_t> by_day;
    for (const auto* const snapshot : group) {
        if (snapshot->wall() <= end) {
            ++by_day[day_of(*snapshot)];
        }
    }
    const auto limit = flood_limit(by_day, plausible);
    std::vector<Implausible> found;
    for (const auto* const snapshot : group) {
        if (snapshot->wall() > end) {
            found.push_back({snapshot, Implausible::Why::kFuture});
        } else if (limit && by_day[day_of(*snapshot)] > *limit) {
            found.push_back({snapshot, Implausible::Why::kFlood});
        }
    }
    return found;
}

namespace {

ForgetPlan apply_rules(const Chosen& counted, const ForgetPolicy& policy) {
    ForgetPlan plan;
    if (counted.empty()) {
        return plan;
    }
    Rules rules(policy, counted.front()->time);
    for (std::size_t i = 0; i < counted.size(); ++i) {
        auto kept = rules.judge(*counted[i], i, i + 1 == counted.size());
        if (kept.matches.empty()) {
            plan.remove.push_back(counted[i]);
        } else {
            plan.keep.push_back(std::move(kept));
        }
    }
    return plan;
}

}  // namespace

Result<ForgetPlan> plan_forget(const Chosen& group, const ForgetPolicy& policy,
                               const Plausibility& plausible, bool may_remove_all) {
    if (policy.is_empty() && !may_remove_all) {
        return Error(Errc::kInvalid, "no rule says which snapshots to keep",
                     "give one such as --keep-within 30d or --keep-daily 14, or "
                     "--unsafe-allow-remove-all to remove all that --host, --tag or --path name");
    }
    Chosen sorted = group;
    std::ranges::sort(sorted, [](const Snapshot* left, const Snapshot* right) {
        return left->is_newer_than(*right);
    });
    auto set_aside = find_implausible(sorted, plausible);
    Chosen counted;
    auto next = set_aside.begin();
    for (const auto* const snapshot : sorted) {
        if (next != set_aside.end() && next->snapshot == snapshot) {
            ++next;
        } else {
            counted.push_back(snapshot);
        }
    }
    auto plan = apply_rules(counted, policy);
    plan.set_aside = std::move(set_aside);
    if (plan.keep.empty() && !plan.remove.empty() && !may_remove_all) {
        return Error(Errc::kDenied,
                     "the rules keep no snapshot of this group, which has " +
                         std::to_string(plan.remove.size()),
                     "add a rule that keeps some, or --unsafe-allow-remove-all");
    }
    return plan;
}

}  // namespace muster::backup
