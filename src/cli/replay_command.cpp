#include "cli/replay_command.h"

#include <boost/json.hpp>

#include "adapters/os/system.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "daemon/observations.h"
#include "daemon/wiring.h"

namespace muster::cli {

namespace {

namespace json = boost::json;
using agent::Replay;
using agent::Turn;

/// A time of day, or an age.
Result<WallTime> time_of(const std::string& text, WallTime now, WallTime fallback) {
    if (text.empty()) {
        return fallback;
    }
    if (const auto ago = parse_duration(text)) {
        return now - std::chrono::duration_cast<std::chrono::microseconds>(*ago);
    }
    auto time = parse_wall(text);
    if (!time) {
        return Error{Errc::kInvalid, "\"" + text + "\" is no time",
                     "write it as 2026-11-21T05:08:28Z, or how long ago it was, such as 2h"};
    }
    return time;
}

json::object encode(const Turn& turn) {
    return {{"at", format_wall(turn.at)},       {"service", turn.outcome.service.str()},
            {"kind", turn.outcome.kind},        {"target", turn.outcome.target},
            {"stopped_by", turn.outcome.stops}, {"summary", turn.outcome.summary}};
}

json::array encode(const std::vector<Turn>& turns) {
    json::array all;
    for (const auto& turn : turns) {
        all.push_back(encode(turn));
    }
    return all;
}

std::string to_json(const Replay& replay) {
    json::array differences;
    for (const auto& one : replay.differences) {
        differences.push_back(json::object{{"service", one.service.str()},
                                           {"recorded", encode(one.recorded)},
                                           {"replayed", encode(one.replayed)},
                                           {"is_later", one.is_later},
                                           {"shift_s", to_seconds(one.shift)},
                                           {"text", one.text}});
    }
    json::array notes;
    for (const auto& note : replay.notes) {
        notes.push_back(json::value(note));
    }
    return json::serialize(json::object{{"from", format_wall(replay.from)},
                                        {"to", format_wall(replay.to)},
                                        {"samples", replay.samples},
                                        {"decisions", replay.decisions},
                                        {"recorded", encode(replay.recorded)},
                                        {"replayed", encode(replay.replayed)},
                                        {"differences", std::move(differences)},
                                        {"notes", std::move(notes)}});
}

/// What moves a service, or asks for it; the rest is counted.
std::string table_of(const std::string& title, const std::vector<Turn>& turns) {
    Table table({"AT", "SERVICE", "DECISION", "WHY"});
    std::size_t shown = 0;
    for (const auto& turn : turns) {
        const auto& outcome = turn.outcome;
        if (outcome.kind == "nothing" || outcome.kind == "watch") {
            continue;
        }
        ++shown;
        table.add({{format_wall(turn.at)},
                   {outcome.service.str()},
                   {outcome.kind + (outcome.target.empty() ? "" : " to " + outcome.target)},
                   {outcome.summary}});
    }
    const auto calm = std::to_string(turns.size() - shown) + " turns of nothing or watch";
    return title + ":\n" + (shown == 0 ? "" : table.render(false)) + "  " + calm + "\n";
}

std::string render(const Replay& replay, const std::string& title) {
    std::string text = format_wall(replay.from) + " to " + format_wall(replay.to) + ": " +
                       std::to_string(replay.samples) + " samples, " +
                       std::to_string(replay.decisions) + " decisions\n\n" +
                       table_of("as recorded", replay.recorded) + "\n" +
                       table_of(title, replay.replayed) + "\n";
    if (replay.differences.empty()) {
        text += "no decision would have been another one\n";
    }
    for (const auto& one : replay.differences) {
        text += one.text + "\n";
    }
    for (const auto& note : replay.notes) {
        text += "note: " + note + "\n";
    }
    return text;
}

Result<Replay> make(const ReplayOptions& options) {
    const adapters::SystemClock clock;
    agent::ReplayOf wanted;
    TRY(wanted.from, time_of(options.from, clock.wall(), WallTime::min()));
    TRY(wanted.to, time_of(options.to, clock.wall(), WallTime::max()));
    for (const auto& threshold : options.thresholds) {
        TRY_OK(wanted.thresholds.set(threshold));
    }
    return daemon::replay_directory(options.data, std::move(wanted), daemon::plan_vocabulary());
}

}  // namespace

int run_replay(const ReplayOptions& options, Streams streams) {
    const auto replay = make(options);
    if (!replay) {
        print_error(streams, replay.error());
        return replay.error().code() == Errc::kInvalid ? kExitUsage : kExitFailed;
    }
    std::string title = "replayed under the same thresholds";
    if (!options.thresholds.empty()) {
        title = "with";
        for (const auto& threshold : options.thresholds) {
            title += " " + threshold;
        }
    }
    streams.out << (streams.is_json ? to_json(*replay) + "\n" : render(*replay, title));
    return kExitDone;
}

}  // namespace muster::cli
