#include "adapters/postgres/host.h"

#include "base/fields.h"
#include "postgres/control_data.h"
#include "postgres/lines.h"
#include "postgres/wal_dump.h"

namespace muster::adapters {
namespace {

using workflow::CommandResult;

constexpr std::size_t kMaxOutput = 1U << 20U;

std::string host_name(const postgres::Server& server) {
    return server.ssh.empty() ? "this host" : server.ssh;
}

std::string last_words(const CommandResult& result) {
    const auto text = postgres::trimmed(result.error.empty() ? result.output : result.error);
    constexpr std::size_t kMost = 400;
    return std::string(text.size() > kMost ? text.substr(text.size() - kMost) : text);
}

Error exit_error(const postgres::Server& server, const std::string& script,
                 const CommandResult& result) {
    const auto words = last_words(result);
    const auto site = "site " + server.site.str() + ": ";
    switch (result.exit_code) {
        case host_scripts::kStaleEpoch:
            return Error{Errc::kConflict, site + words, "a newer move has passed: read its state"};
        case host_scripts::kNoData:
            return Error{Errc::kNotFound, site + words, "check data in the plan"};
        case host_scripts::kWrongUser:
            return Error{Errc::kDenied, site + words, "set run_as, or ssh as the server's user"};
        case host_scripts::kRefused:
            return Error{Errc::kDenied, site + words};
        case host_scripts::kUnreadable:
            return Error{Errc::kCorrupt, site + words};
        case host_scripts::kNoTool:
            return Error{Errc::kUnavailable, site + words,
                         "install the server tools there, or set bin to their directory"};
        case host_scripts::kBusy:
            return Error{Errc::kUnavailable, site + words, "wait until it has ended"};
        default:
            return Error{
                Errc::kOutcomeUnknown,
                site + script + " ended with " + std::to_string(result.exit_code) + ": " + words};
    }
}

// A program that could not even be started has done nothing.
Error not_run(const postgres::Server& server, Error error) {
    switch (error.code()) {
        case Errc::kOutcomeUnknown:
        case Errc::kCancelled:
            return std::move(error).with("site " + server.site.str());
        default:
            return Error{Errc::kUnavailable,
                         host_name(server) + " can't be asked: " + error.message(),
                         error.hint().empty() ? "check ssh and run_as of site " + server.site.str()
                                              : error.hint()};
    }
}

}  // namespace

Task<CommandResult> Host::run(postgres::Server server, host_scripts::Script script, Input input,
                              Instant deadline) {
    if (server.data.empty()) {
        co_return Error{Errc::kInvalid, "site " + server.site.str() + " has no data directory",
                        "set data, so that the server's host can be worked on"};
    }
    workflow::Command command;
    command.argv = {"sh", "-c", script.text, script.name, server.data, server.bin};
    command.argv.insert(command.argv.end(), input.arguments.begin(), input.arguments.end());
    command.ssh = server.ssh;
    command.run_as = server.run_as;
    command.input = std::move(input.text);
    command.max_output = kMaxOutput;
    command.is_daemon = script.name == host_scripts::start().name;
    auto result = co_await commands_.run(std::move(command), deadline);
    if (!result) {
        co_return not_run(server, std::move(result).error());
    }
    if (result->exit_code != 0) {
        co_return exit_error(server, script.name, *result);
    }
    co_return std::move(*result);
}

Result<postgres::ServerState> read_host_state(const std::string& output) {
    Fields told;
    for (const auto line : postgres::lines_of(output)) {
        const auto equals = line.find('=');
        if (equals != std::string_view::npos && line.find(':') > equals) {
            told.emplace(line.substr(0, equals), line.substr(equals + 1));
        }
    }
    postgres::ServerState state;
    const auto& process = told["process"];
    state.process = process == "running"   ? postgres::Process::kRunning
                    : process == "frozen"  ? postgres::Process::kFrozen
                    : process == "stopped" ? postgres::Process::kStopped
                                           : postgres::Process::kUnknown;
    if (state.process == postgres::Process::kUnknown) {
        return Error{Errc::kCorrupt, "the host did not tell whether the server runs"};
    }
    state.detail = "process " + process + (told.contains("pid") ? " (" + told["pid"] + ")" : "") +
                   ", epoch " + told["epoch"] +
                   (told.contains("signal") ? ", standby.signal is there" : "") +
                   (told.contains("unsynced") ? ", which is not on disk yet" : "");
    const auto control = postgres::parse_control_data(output);
    if (!control) {
        state.detail += ", no control data: " + control.error().message();
        return state;
    }
    state.detail += ", " + control->state;
    state.timeline = control->timeline;
    state.system_identifier = control->system_identifier;
    state.position = std::max(control->checkpoint, control->min_recovery_end);
    if (const auto end = postgres::wal_end(told["end"])) {
        state.position = std::max(state.position, *end);
    }
    if (control->state == "in archive recovery" || control->state == "shut down in recovery") {
        state.role = postgres::Role::kStandby;
    } else if (!told.contains("signal") && control->says_primary()) {
        state.role = postgres::Role::kPrimary;
    }
    state.received = state.position;
    return state;
}

}  // namespace muster::adapters
