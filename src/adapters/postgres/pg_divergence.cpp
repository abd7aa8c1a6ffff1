// What the old primary had and the new one lacks. The new timeline's history tells where the two
// have parted; from there on the old primary's WAL is what was lost. It is read by pg_waldump,
// which changes nothing, and whole segments are kept: they can be read again by the same tool.

#include <algorithm>
#include <boost/json.hpp>

#include "adapters/postgres/parting.h"
#include "adapters/postgres/pg_server_control.h"
#include "postgres/control_data.h"
#include "postgres/lines.h"

namespace muster::adapters {

using postgres::Commits;
using postgres::Divergence;
using postgres::Lsn;
using postgres::Process;
using postgres::Server;
using postgres::ServerState;

namespace {

namespace json = boost::json;

// Right after a promotion the control file still names the timeline of the last checkpoint; the
// newest segment's name already tells the new one.
int timeline_of(const std::string& told, const postgres::ControlData& control) {
    constexpr std::string_view kKey = "newest=";
    for (const auto line : postgres::lines_of(told)) {
        if (line.starts_with(kKey)) {
            const auto newest = postgres::number_in<int>(line.substr(kKey.size(), 8), 16);
            return std::max(control.timeline, newest.value_or(0));
        }
    }
    return control.timeline;
}

Lsn last_byte(Lsn end) {
    return Lsn{end.value - 1};
}

// Each heartbeat and each canary is a transaction of its own that changes one row.
std::uint64_t own_marks(const std::vector<postgres::TableTouched>& tables) {
    std::uint64_t own = 0;
    for (const auto& table : tables) {
        const std::string name = "." + table.name;  // Of another database: "app.muster.heartbeat".
        if (name.ends_with(".muster.heartbeat") || name.ends_with(".muster.canary")) {
            own += table.changes;
        }
    }
    return own;
}

std::string file_part(Lsn lsn) {
    auto text = postgres::to_string(lsn);
    std::ranges::replace(text, '/', '_');
    return text;
}

}  // namespace

/// What the host tells of a server whose WAL grows no more.
struct PgServerControl::Remains {
    std::string told;
    ServerState state;
    postgres::ControlData control;
};

Task<PgServerControl::Remains> PgServerControl::look_at_remains(Server server, Instant deadline) {
    CO_TRY(auto told, co_await host_.run(server, host_scripts::inspect(), {}, deadline));
    CO_TRY(auto state, read_host_state(told.output));
    CO_TRY(auto control, postgres::parse_control_data(told.output));
    if (state.process != Process::kStopped && control.says_primary()) {
        co_return Error{Errc::kDenied, "site " + server.site.str() + " still runs as a primary",
                        "fence it first: what it has beyond the new primary still grows"};
    }
    co_return Remains{std::move(told.output), std::move(state), std::move(control)};
}

Task<Commits> PgServerControl::commits_after(Server server, Lsn from, Instant deadline) {
    CO_TRY(const auto old, co_await look_at_remains(server, deadline));
    const Host::Input input{
        {std::to_string(timeline_of(old.told, old.control)), postgres::to_string(from)}, {}};
    CO_TRY(const auto read, co_await host_.run(server, host_scripts::commits(), input, deadline));
    CO_TRY(const auto commits, postgres::parse_commits(read.output));
    co_return commits;
}

Task<PgServerControl::Parting> PgServerControl::find_parting(Server old_primary, Server new_primary,
                                                             Instant deadline) {
    CO_TRY(const auto old, co_await look_at_remains(old_primary, deadline));
    const auto& [told, state, control] = old;
    CO_TRY(const auto fresh, co_await ask_server(new_primary, deadline));
    if (fresh.role != postgres::Role::kPrimary) {
        co_return Error{Errc::kDenied, "site " + new_primary.site.str() + " is not the primary"};
    }
    if (fresh.system_identifier != control.system_identifier) {
        co_return Error{Errc::kConflict, "the servers of " + old_primary.site.str() + " and " +
                                             new_primary.site.str() + " are of different clusters"};
    }
    Parting parting;
    parting.timeline = timeline_of(told, control);
    parting.can_rewind = control.can_rewind;
    parting.segment_bytes = control.segment_bytes;
    parting.from = parting.to = state.position;
    // A copy that was never started has its source's control file.
    const bool is_copy = told.find("\ncopy=yes\n") != std::string::npos;
    const bool was_primary = !is_copy && (control.says_primary() || control.is_clean_primary());
    if (parting.timeline == fresh.timeline && !was_primary) {
        co_return parting;  // It followed the new primary: nothing of its own.
    }
    CO_TRY(const auto fork,
           co_await find_fork(old_primary, new_primary,
                              {parting.timeline, fresh.timeline, control.segment_bytes}, deadline));
    parting.from = parting.to = fork;
    // pg_rewind takes one number for one history, and would leave it as it is.
    parting.can_rewind = parting.can_rewind && parting.timeline != fresh.timeline;
    const Host::Input input{{std::to_string(parting.timeline), postgres::to_string(fork)}, {}};
    CO_TRY(const auto dumped,
           co_await host_.run(old_primary, host_scripts::wal_stats(), input, deadline));
    CO_TRY(const auto summary, postgres::parse_wal_stats(dumped.output, dumped.error));
    if (summary.is_missing && control.checkpoint > fork) {
        co_return Error{Errc::kCorrupt,
                        "site " + old_primary.site.str() + " no longer has its WAL from " +
                            postgres::to_string(fork) + " on: what was lost can't be counted",
                        "look for it in the WAL archive, or copy the whole data directory"};
    }
    if (summary.records > 0) {
        parting.records = summary.records;
        parting.commits = summary.commits;
        parting.to = std::max(summary.end.value_or(state.position), fork);
    }
    co_return parting;
}

Task<std::string> PgServerControl::manifest_of(Server old_primary, Parting parting,
                                               Instant deadline) {
    const auto first =
        postgres::wal_file_name(parting.timeline, parting.from, parting.segment_bytes);
    const auto last =
        postgres::wal_file_name(parting.timeline, last_byte(parting.to), parting.segment_bytes);
    CO_TRY(const auto sums,
           co_await host_.run(old_primary, host_scripts::sums(), {{first, last}, {}}, deadline));
    json::array files;
    for (const auto line : postgres::lines_of(sums.output)) {
        const auto space = line.find(' ');
        const auto rest = postgres::trimmed(line.substr(space + 1));
        const auto gap = rest.find(' ');
        const auto size = postgres::number_in<std::uint64_t>(rest.substr(gap + 1));
        files.push_back(json::object{{"name", rest.substr(0, gap)},
                                     {"sha256", line.substr(0, space)},
                                     {"size_bytes", size.value_or(0)}});
    }
    json::array tables;
    for (const auto& table : parting.tables) {
        tables.push_back(json::object{{"table", table.name}, {"changes", table.changes}});
    }
    const json::object manifest{{"site", old_primary.site.str()},
                                {"timeline", parting.timeline},
                                {"from", postgres::to_string(parting.from)},
                                {"to", postgres::to_string(parting.to)},
                                {"bytes", parting.to.value - parting.from.value},
                                {"transactions", parting.commits},
                                {"tables", std::move(tables)},
                                {"kept_at", format_wall(clock_.wall())},
                                {"files", std::move(files)}};
    co_return json::serialize(manifest) + "\n";
}

Task<Divergence> PgServerControl::keep_divergence(Server old_primary, Server new_primary,
                                                  std::string keep_in, Instant deadline) {
    CO_TRY(auto parting, co_await find_parting(old_primary, new_primary, deadline));
    Divergence divergence;
    divergence.from = parting.from;
    divergence.to = parting.to;
    if (parting.records == 0) {
        co_return divergence;
    }
    divergence.bytes = parting.to.value - parting.from.value;
    divergence.transactions = parting.commits;
    CO_TRY(parting.tables, co_await tables_in(old_primary, new_primary, parting, deadline));
    divergence.tables = parting.tables;
    divergence.own = std::min(divergence.transactions, own_marks(parting.tables));
    const Host::Input known{{parting.note()}, {}};
    const auto kept = co_await host_.run(old_primary, host_scripts::verify_kept(), known, deadline);
    if (kept) {
        divergence.artefact = postgres::trimmed(kept->output);
        co_return divergence;
    }
    if (keep_in.empty() || keep_in.front() != '/' || keep_in.find('\n') != std::string::npos) {
        co_return Error{Errc::kInvalid, "\"" + keep_in + "\" is no place to keep WAL in",
                        "name an absolute directory on the host of site " + old_primary.site.str()};
    }
    divergence.artefact = keep_in + "/" + old_primary.site.str() + "-" +
                          timeline_name(parting.timeline) + "-" + file_part(parting.from) + "-" +
                          file_part(parting.to);
    CO_TRY(auto manifest, co_await manifest_of(old_primary, parting, deadline));
    const Host::Input input{{divergence.artefact, parting.note() + " " + divergence.artefact},
                            std::move(manifest)};
    CO_TRY_OK(co_await host_.run(old_primary, host_scripts::keep(), input, deadline));
    log_.warn("postgres.divergence_kept", {{"site", old_primary.site},
                                           {"from", postgres::to_string(parting.from)},
                                           {"bytes", divergence.bytes},
                                           {"transactions", divergence.transactions},
                                           {"artefact", divergence.artefact}});
    co_return divergence;
}

}  // namespace muster::adapters
