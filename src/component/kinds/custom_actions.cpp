#include <memory>
#include <sstream>
#include <utility>

#include "component/kinds/custom.h"
#include "component/parameters.h"

namespace muster::component {
namespace {

using plan::Type;

/// Lines "name=value" of a hook's output: what it hands on to later steps.
Fields outputs_of(const std::string& output) {
    Fields fields;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        const auto equals = line.find('=');
        const auto name = line.substr(0, equals);
        const bool is_name =
            equals != std::string::npos && !name.empty() &&
            name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
        if (is_name) {
            fields[name] = line.substr(equals + 1);
        }
    }
    return fields;
}

class RunHookAction final : public workflow::Action {
  public:
    explicit RunHookAction(const Deps& deps) : commands_(deps.commands) {}
    static Type parameters() {
        const Type words = Type::list(Type::text("word"), "program and arguments");
        return Type::object(
            {{"component", Type::text("the component"), true, ""},
             {"hook", Type::text("which hook this is"), true, ""},
             {"run", words, true, ""},
             {"check", words, false, ""},
             {"undo", words, false, ""},
             {"from", Type::text("the site that is left"), false, ""},
             {"to", Type::text("the site that is moved to"), false, ""},
             {"site", Type::text("the site that the hook acts on"), false, ""},
             {"ssh", Type::text("user@host: run it there"), false, ""},
             {"run_as", Type::text("a user to become"), false, ""},
             {"proof", Type::text("that the old side is fenced; needed to promote"), false, ""},
             {"variables", Type::map(Type::text("value"), "filled into `{name}`"), false, ""}},
            "runs one hook of a custom component");
    }
    // No outputs(): what a hook prints is its own, so what refers to it is not checked.
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(2), .is_idempotent = true, .can_undo = true};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override {
        using State = workflow::Observation::State;
        if (call.with.texts("check").empty()) {
            co_return workflow::Observation{};
        }
        CO_TRY(auto command, read(call, "check"));
        CO_TRY(const auto result, co_await commands_.run(std::move(command), deadline));
        if (result.exit_code == 0) {
            co_return workflow::Observation{State::kDone, finish(call, result.output)};
        }
        co_return workflow::Observation{State::kNotDone, {}};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        const std::string hook = call.with.text("hook");
        const std::string name = call.with.text("component") + "." + hook;
        const std::string proof = call.with.text("proof");
        if (hook == "promote" && (proof.empty() || proof.find("${") != std::string::npos)) {
            co_return Error(
                Errc::kDenied,
                "refused to run " + name + ": nothing proves that the old side is fenced",
                "hand over the proof of a fence step: "
                "`proof: ${steps.NAME.fence.proof}`");
        }
        CO_TRY(auto command, read(call, "run"));
        CO_TRY(
            const auto result,
            (co_await commands_.run(std::move(command), deadline)).with("while running " + name));
        if (result.exit_code != 0) {
            co_return failed(name, result);
        }
        co_return finish(call, result.output);
    }
    Task<> undo(workflow::Call call, Instant deadline) override {
        if (call.with.texts("undo").empty()) {
            co_return Error(Errc::kInvalid, "step " + call.step.str() + " has no way back",
                            "put it back by hand");
        }
        CO_TRY(auto command, read(call, "undo"));
        CO_TRY(const auto result, (co_await commands_.run(std::move(command), deadline))
                                      .with("while undoing " + call.step.str()));
        if (result.exit_code != 0) {
            co_return failed("the way back of " + call.step.str(), result);
        }
        co_return Result<>{};
    }

  private:
    static Result<workflow::Command> read(const workflow::Call& call, std::string_view key) {
        Fields values = fields_of(call.with.find("variables"));
        for (const std::string_view name : {"from", "to", "site", "hook"}) {
            values.insert_or_assign(std::string(name), call.with.text(name));
        }
        workflow::Command command;
        for (const auto& word : call.with.texts(key)) {
            TRY(auto filled, probe::fill(word, values));
            command.argv.push_back(std::move(filled));
        }
        if (command.argv.empty()) {
            return Error(Errc::kInvalid,
                         "step " + call.step.str() + " has no `" + std::string(key) + "`",
                         "write the program and its arguments as a list");
        }
        TRY(command.ssh, probe::fill(call.with.text("ssh"), values));
        command.run_as = call.with.text("run_as");
        command.environment = {{"MUSTER_RUN", call.run.str()},
                               {"MUSTER_STEP", call.step.str()},
                               {"MUSTER_EPOCH", std::to_string(call.epoch.value)},
                               {"MUSTER_SERVICE", call.service.str()},
                               {"MUSTER_HOOK", values["hook"]},
                               {"MUSTER_FROM", values["from"]},
                               {"MUSTER_TO", values["to"]},
                               {"MUSTER_SITE", values["site"]}};
        return command;
    }
    static Error failed(const std::string& what, const workflow::CommandResult& result) {
        return {Errc::kOutcomeUnknown,
                what + " ended with exit code " + std::to_string(result.exit_code) + ": " +
                    result.error.substr(0, result.error.find('\n')),
                "a hook must be safe to repeat; see its own log"};
    }
    static Fields finish(const workflow::Call& call, const std::string& output) {
        Fields outputs = outputs_of(output);
        const std::string hook = call.with.text("hook");
        if ((hook == "fence" || hook == "demote") && !outputs.contains("proof")) {
            outputs["proof"] = call.with.text("component") + "." + hook + " succeeded, epoch " +
                               std::to_string(call.epoch.value);
        }
        return outputs;
    }

    workflow::CommandRunner& commands_;
};

}  // namespace

void add_custom_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add("custom.run", RunHookAction::parameters(), std::make_unique<RunHookAction>(deps));
}

}  // namespace muster::component
