// Where the histories of two servers have parted. A timeline's number does not say enough: a server
// that somebody promoted behind our back has given its own history a number that its successor uses
// as well.

#include <algorithm>
#include <array>
#include <cstdio>

#include "adapters/postgres/parting.h"
#include "adapters/postgres/pg_server_control.h"
#include "postgres/timeline_history.h"

namespace muster::adapters {

using postgres::Lsn;
using postgres::Server;

std::string timeline_name(int timeline) {
    std::array<char, 16> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%08X", static_cast<unsigned>(timeline));
    return {text.data(), static_cast<std::size_t>(length)};
}

Task<std::string> PgServerControl::history_of(Server primary, int timeline, Instant deadline) {
    const auto name = timeline_name(timeline);
    CO_TRY(auto connection, co_await open(primary, deadline));
    const auto row = co_await connection.query("SELECT pg_read_file($1) AS history",
                                               {"pg_wal/" + name + ".history"}, deadline);
    if (row) {
        co_return row->value("history");
    }
    if (row.error().code() != Errc::kDenied || primary.data.empty()) {
        co_return Error{row.error()}.with("timeline history at site " + primary.site.str());
    }
    CO_TRY(auto told, co_await host_.run(primary, host_scripts::history(), {{name}, {}}, deadline));
    co_return std::move(told.output);
}

// The old server's own way to its timeline: the parent that it left, and where.
Task<std::optional<postgres::TimelineSwitch>> PgServerControl::own_switch(Server old_primary,
                                                                          int timeline,
                                                                          Instant deadline) {
    if (timeline < 2) {
        co_return std::optional<postgres::TimelineSwitch>();
    }
    CO_TRY(const auto told, co_await host_.run(old_primary, host_scripts::history(),
                                               {{timeline_name(timeline)}, {}}, deadline));
    CO_TRY(const auto history, postgres::parse_timeline_history(told.output));
    co_return history.empty() ? std::nullopt : std::optional(history.back());
}

Task<Lsn> PgServerControl::find_fork(Server old_primary, Server new_primary, Timelines timelines,
                                     Instant deadline) {
    const auto name =
        "timeline " + std::to_string(timelines.old) + " of site " + old_primary.site.str();
    std::vector<postgres::TimelineSwitch> history;
    if (timelines.fresh > 1) {
        CO_TRY(const auto text, co_await history_of(new_primary, timelines.fresh, deadline));
        CO_TRY(history, postgres::parse_timeline_history(text));
    }
    CO_TRY(const auto own, co_await own_switch(old_primary, timelines.old, deadline));
    if (own && own->timeline == timelines.fresh) {
        co_return own->end;  // It branched off the timeline that the primary is still on.
    }
    const auto theirs = own ? postgres::fork_of(history, own->timeline) : std::nullopt;
    if (own && theirs && own->end != *theirs) {
        // Two histories of one number. The first segment of the old one's own begins with a copy of
        // what its parent had there; what parted before that is not in files of this timeline.
        const auto from = std::min(own->end, *theirs);
        if (postgres::wal_file_name(1, from, timelines.segment_bytes) ==
            postgres::wal_file_name(1, own->end, timelines.segment_bytes)) {
            co_return from;
        }
    } else if (timelines.old != timelines.fresh) {
        if (const auto fork = postgres::fork_of(history, timelines.old)) {
            co_return *fork;
        }
    } else if (own && theirs) {
        // Both were promoted at one position; the first record after it bears its time.
        const Host::Input input{{std::to_string(timelines.old), postgres::to_string(own->end)}, {}};
        const auto mine =
            co_await host_.run(old_primary, host_scripts::first_record(), input, deadline);
        const auto other =
            co_await host_.run(new_primary, host_scripts::first_record(), input, deadline);
        if (mine && other && !mine->output.empty() && !other->output.empty() &&
            mine->output != other->output) {
            co_return own->end;
        }
    }
    co_return Error{Errc::kConflict,
                    name + " is not what site " + new_primary.site.str() +
                        " means by it: where the two have parted can't be told",
                    "find out which of the two has the data that counts; keep a copy of " +
                        old_primary.data + " before it is made a standby by hand"};
}

}  // namespace muster::adapters
