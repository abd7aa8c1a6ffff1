#include "adapters/probe/host_voice.h"

#include <charconv>

#include "adapters/probe/host_word.h"
#include "base/event.h"
#include "base/task_group.h"

namespace muster::adapters {

namespace {

using Process = PostmasterState::Process;

constexpr Duration kFresh = std::chrono::seconds(1);
constexpr Duration kPatience = std::chrono::seconds(2);
constexpr std::size_t kMaxOutput = 200;

// The same questions as read_postmaster() puts, in one round trip. "Stopped" is said only by root
// or the directory's owner, from whom no process is hidden.
constexpr const char* kScript = R"sh(
data=$1
[ -f "$data/PG_VERSION" ] || { echo unknown; exit 0; }
[ "$(id -u)" = 0 ] || [ -O "$data" ] || { echo unknown; exit 0; }
word=stopped
main=0
port=0
if [ -f "$data/postmaster.pid" ]; then
    { read -r main; read -r _; read -r _; read -r port; } <"$data/postmaster.pid"
fi
for p in /proc/[0-9]*; do
    [ "$p/cwd" -ef "$data" ] || continue
    { read -r line <"$p/stat"; } 2>/dev/null || continue
    case $line in *"(postgres"* | *"(postmaster"*) ;; *) continue ;; esac
    rest=${line##*) }
    case $rest in
        [ZX]*) continue ;;
        [Tt]*) its=frozen ;;
        *) its=running ;;
    esac
    if [ "${p#/proc/}" = "$main" ]; then
        word=$its
        break
    fi
    [ "$word" = running ] || word=$its
done
echo "$word ${port:-0}"
)sh";

Process process_of(std::string_view word) {
    for (const auto process : {Process::kRunning, Process::kFrozen, Process::kStopped}) {
        if (word == to_string(process)) {
            return process;
        }
    }
    return Process::kUnknown;
}

// "frozen 5432": of another port's server it says nothing.
Process read_word(std::string_view output, int port) {
    const auto blank = output.find(' ');
    if (blank == std::string_view::npos) {
        return Process::kUnknown;
    }
    const auto text = output.substr(blank + 1);
    int its_port = 0;
    std::from_chars(text.data(), text.data() + text.size(), its_port);
    const bool is_other = its_port != 0 && port != 0 && its_port != port;
    return is_other ? Process::kUnknown : process_of(output.substr(0, blank));
}

}  // namespace

struct HostVoice::State {
    State(Server the_server, const Executor& executor, Clock& the_clock,
          workflow::CommandRunner& the_commands)
        : server(std::move(the_server)),
          clock(the_clock),
          commands(the_commands),
          answered(executor),
          questions(executor) {}

    Server server;
    Clock& clock;
    workflow::CommandRunner& commands;
    Event answered;
    TaskGroup questions;
    bool is_asking = false;
    std::optional<Process> word;
    Instant asked{};
};

HostVoice::HostVoice(Server server, Executor executor, Clock& clock,
                     workflow::CommandRunner& commands)
    : state_(std::make_shared<State>(std::move(server), executor, clock, commands)) {
}

bool HostVoice::is_there() const {
    return !state_->server.data.empty();
}

bool HostVoice::is_far() const {
    return !state_->server.ssh.empty();
}

void HostVoice::ask() {
    if (!is_there() || state_->is_asking) {
        return;
    }
    if (!is_far()) {
        state_->asked = state_->clock.now();
        state_->word = ask_host(state_->server.conninfo, state_->server.data);
        return;
    }
    state_->is_asking = true;
    state_->questions.spawn(ask_far(state_));
}

Task<> HostVoice::ask_far(std::shared_ptr<State> state) {
    const auto asked = state->clock.now();
    workflow::Command command;
    command.argv = {"sh", "-c", kScript, "muster-word", state->server.data};
    command.ssh = state->server.ssh;
    command.run_as = state->server.run_as;
    command.max_output = kMaxOutput;
    const auto done = co_await state->commands.run(std::move(command), asked + kPatience);
    state->is_asking = false;
    state->asked = asked;
    state->word = done && done->exit_code == 0
                      ? read_word(done->output, port_of(state->server.conninfo))
                      : Process::kUnknown;
    state->answered.notify();
    co_return Result<>{};
}

Task<std::optional<Process>> HostVoice::told(Instant deadline) {
    const auto state = state_;
    const auto ring = [](std::shared_ptr<State> its, Instant when) -> Task<> {
        CO_TRY_OK(co_await its->clock.sleep_until(when));
        its->answered.notify();
        co_return Result<>{};
    };
    TaskGroup alarm(state->questions.executor());
    alarm.spawn(ring(state, deadline));
    Result<> waited;
    while (state->is_asking && state->clock.now() < deadline && waited) {
        waited = co_await state->answered.wait();
    }
    CO_TRY_OK(co_await alarm.stop());
    CO_TRY_OK(std::move(waited));
    co_return state->is_asking ? std::optional<Process>() : state->word;
}

std::optional<Process> HostVoice::word() const {
    const bool is_fresh = state_->word && state_->clock.now() - state_->asked <= kFresh;
    return is_fresh ? state_->word : std::nullopt;
}

}  // namespace muster::adapters
