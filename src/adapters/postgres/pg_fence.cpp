#include "adapters/postgres/pg_server_control.h"

namespace muster::adapters {

using postgres::Process;
using postgres::Server;
using postgres::ServerState;
using postgres::StopMode;

namespace {

// A stop in good time is nicer to clients than SIGKILL, and cleans up shared memory.
constexpr int kImmediateTicks = 20;  // of 5 ms
constexpr Duration kSecondLook = std::chrono::milliseconds(150);

// The script has seen that nothing ran, after it had left standby.signal. What runs now was started
// since, by a supervisor, and found the signal: a standby.
Result<ServerState> judge_return(const Server& server, ServerState state, const std::string& told) {
    if (told.find("\nsignal=yes\n") == std::string::npos) {
        return Error{Errc::kOutcomeUnknown,
                     "site " + server.site.str() +
                         " was stopped and runs again, without "
                         "standby.signal",
                     "tell its supervisor (systemd, Patroni, cron) to leave it stopped"};
    }
    state.is_back_as_standby = true;
    return state;
}

}  // namespace

Task<ServerState> PgServerControl::fence_by_command(Server server, Epoch epoch, Instant deadline) {
    workflow::Command command;
    command.argv = server.fence_command;
    command.environment = {{"MUSTER_SITE", server.site.str()},
                           {"MUSTER_EPOCH", std::to_string(epoch.value)}};
    auto result = co_await commands_.run(std::move(command), deadline);
    if (!result) {
        co_return std::move(result).error().with("fence command of site " + server.site.str());
    }
    if (result->exit_code != 0) {
        co_return Error{Errc::kOutcomeUnknown,
                        "the fence command of site " + server.site.str() + " ended with " +
                            std::to_string(result->exit_code),
                        "it must exit with 0 only when the server can take no more writes"};
    }
    ServerState state;
    state.process = Process::kStopped;
    state.detail = "confirmed by the fence command";
    co_return state;
}

// The host's word is the proof. This catches a plan whose data directory and conninfo belong to
// different servers.
Task<> PgServerControl::confirm_not_writable(Server server, Instant deadline) {
    const auto state = co_await ask_server(server, std::min(deadline, clock_.now() + kSecondLook));
    if (state && state->is_writable) {
        co_return Error{Errc::kOutcomeUnknown,
                        "site " + server.site.str() + ": nothing runs on " + server.data +
                            ", yet conninfo reaches a server that takes writes",
                        "conninfo and data must name the same server"};
    }
    co_return Result<>{};
}

Task<ServerState> PgServerControl::fence(Server server, Epoch epoch, StopMode mode,
                                         Instant deadline) {
    Result<ServerState> state = ServerState{};
    if (!server.fence_command.empty()) {
        state = co_await fence_by_command(server, epoch, deadline);
    } else {
        const bool is_fast = mode == StopMode::kFast;
        const auto patience = (deadline - clock_.now()) / 2;
        const auto ticks = is_fast ? patience / std::chrono::milliseconds(8) : kImmediateTicks;
        const Host::Input input{{std::to_string(epoch.value), is_fast ? "fast" : "immediate",
                                 std::to_string(std::max<long>(1, ticks))},
                                {}};
        CO_TRY(const auto told, co_await host_.run(server, host_scripts::fence(), input, deadline));
        state = read_host_state(told.output);
        if (state && state->process != Process::kStopped) {
            state = judge_return(server, std::move(*state), told.output);
        }
    }
    if (!state) {
        co_return std::move(state).error();
    }
    CO_TRY_OK(co_await confirm_not_writable(server, deadline));
    log_.info("postgres.fenced", {{"site", server.site},
                                  {"epoch", epoch},
                                  {"position", postgres::to_string(state->position)}});
    co_return std::move(*state);
}

Task<ServerState> PgServerControl::demote(Server server, Epoch epoch, Instant deadline) {
    if (server.data.empty()) {
        co_return Error{Errc::kInvalid, "site " + server.site.str() + " has no data directory",
                        "set data, so that the server can be stopped"};
    }
    {
        // Now rather than while nobody can write. A server that does not answer stops all the same.
        auto connection = co_await open(server, deadline);
        if (connection) {
            static_cast<void>(co_await connection->query("CHECKPOINT", {}, deadline));
        }
    }
    const Host::Input input{{std::to_string(epoch.value), "fast", "0"}, {}};
    CO_TRY(const auto told, co_await host_.run(server, host_scripts::fence(), input, deadline));
    CO_TRY(auto state, read_host_state(told.output));
    CO_TRY(const auto control, postgres::parse_control_data(told.output));
    if (state.process != Process::kStopped ||
        (!control.is_clean_primary() && control.state != "shut down in recovery")) {
        co_return Error{
            Errc::kOutcomeUnknown,
            "site " + server.site.str() + " did not shut down in good order: " + control.state,
            "move by failover instead, which counts what may be lost"};
    }
    CO_TRY_OK(co_await confirm_not_writable(server, deadline));
    log_.info("postgres.demoted", {{"site", server.site},
                                   {"epoch", epoch},
                                   {"position", postgres::to_string(state.position)}});
    co_return state;
}

}  // namespace muster::adapters
