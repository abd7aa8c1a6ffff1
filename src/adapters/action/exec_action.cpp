#include "adapters/action/exec_action.h"

#include "adapters/action/journal_text.h"
#include "base/units.h"

namespace muster::adapters {

using plan::Type;
using workflow::Call;
using workflow::Observation;

namespace {

constexpr int kTryLater = 75;  // EX_TEMPFAIL of sysexits.h

Result<workflow::Command> read(const Call& call, std::string_view key) {
    workflow::Command command;
    command.argv = call.with.texts(key);
    command.ssh = call.with.text("ssh");
    command.run_as = call.with.text("run_as");
    command.working_directory = call.with.text("directory");
    command.input = key == "argv" ? call.with.text("input") : "";
    command.is_daemon = key == "argv" && call.with.flag("daemon", false);
    if (const auto size = call.with.text("max_output"); !size.empty()) {
        TRY(const auto bytes, parse_size(size));
        command.max_output = static_cast<std::size_t>(bytes.bytes);
    }
    if (const auto* environment = call.with.find("environment")) {
        for (const auto& entry : environment->entries) {
            command.environment[entry.key] = entry.value.scalar;
        }
    }
    command.environment["MUSTER_RUN"] = call.run.str();
    command.environment["MUSTER_STEP"] = call.step.str();
    command.environment["MUSTER_ATTEMPT"] = std::to_string(call.attempt);
    command.environment["MUSTER_EPOCH"] = std::to_string(call.epoch.value);
    command.environment["MUSTER_SERVICE"] = call.service.str();
    return command;
}

Fields outputs_of(const workflow::CommandResult& result) {
    return {{"stdout", journal_text(result.output)},
            {"exit_code", std::to_string(result.exit_code)}};
}

Error failure(const Call& call, std::string_view key, const workflow::CommandResult& result) {
    // When it can be told whether the effect is there, the engine may look and try again.
    const bool can_repeat =
        !call.with.texts("observe").empty() || call.with.flag("repeatable", false);
    Errc code = can_repeat ? Errc::kOutcomeUnknown : Errc::kInvalid;
    if (result.exit_code == kTryLater) {
        code = Errc::kUnavailable;
    }
    const auto argv = call.with.texts(key);
    const auto words = last_line(result.error.empty() ? result.output : result.error);
    return Error{code,
                 (argv.empty() ? std::string(key) : argv.front()) + " ended with exit code " +
                     std::to_string(result.exit_code) + (words.empty() ? "" : ": " + words),
                 "run it by hand to see why, then resume the run"};
}

}  // namespace

Type ExecAction::parameters() {
    auto program = [](const std::string& doc) {
        auto type = Type::list(Type::text("one word"), doc);
        type.min = 1;
        return type;
    };
    return Type::object(
        {{"argv", program("the program and its arguments; no shell reads them"), true, ""},
         {"environment", Type::map(Type::text("its value"), "variables added to PATH, HOME, LANG"),
          false, ""},
         {"directory", Type::text("its working directory"), false, "/"},
         {"input", Type::text("its standard input"), false, ""},
         {"ssh", Type::text("user@host: run there, by the system's ssh"), false, ""},
         {"run_as", Type::text("the user to become, when muster runs as root"), false, ""},
         {"max_output", Type::size("how much of its output is kept"), false, "64KiB"},
         {"daemon", Type::boolean("it leaves a server behind: wait for its own end only"), false,
          "false"},
         {"repeatable", Type::boolean("running it twice is as good as once"), false, "false"},
         {"observe", program("a program that ends with 0 when it is already done"), false, ""},
         {"undo", program("a program that puts it back, for rollback"), false, ""}},
        "runs a program, here or over ssh");
}

workflow::Traits ExecAction::traits() const {
    return {.timeout = std::chrono::minutes(1), .can_undo = true};
}

Task<Observation> ExecAction::observe(Call call, Instant deadline) {
    if (call.with.texts("observe").empty()) {
        const bool may_repeat = call.with.flag("repeatable", false);
        co_return Observation{
            may_repeat ? Observation::State::kNotDone : Observation::State::kUnknown, {}};
    }
    CO_TRY(auto command, read(call, "observe"));
    CO_TRY(const auto result, co_await commands_.run(std::move(command), deadline));
    if (result.exit_code != 0) {
        co_return Observation{Observation::State::kNotDone, {}};
    }
    co_return Observation{Observation::State::kDone, outputs_of(result)};
}

Task<Fields> ExecAction::apply(Call call, Instant deadline) {
    CO_TRY(auto command, read(call, "argv"));
    CO_TRY(const auto result, co_await commands_.run(std::move(command), deadline));
    if (result.exit_code != 0) {
        co_return failure(call, "argv", result);
    }
    co_return outputs_of(result);
}

Task<> ExecAction::undo(Call call, Instant deadline) {
    if (call.with.texts("undo").empty()) {
        co_return Result<>{};  // Nothing to put back was declared.
    }
    CO_TRY(auto command, read(call, "undo"));
    if (const auto said = call.outputs.find("stdout"); said != call.outputs.end()) {
        command.environment["MUSTER_STDOUT"] = said->second;
    }
    CO_TRY(const auto result, co_await commands_.run(std::move(command), deadline));
    if (result.exit_code != 0) {
        co_return failure(call, "undo", result);
    }
    co_return Result<>{};
}

}  // namespace muster::adapters
