#include "adapters/probe/exec_probe.h"

#include "adapters/probe/sample.h"

namespace muster::adapters {

namespace {

constexpr std::size_t kMostDetail = 200;

std::string first_line(const workflow::CommandResult& result) {
    const auto& text = result.output.empty() ? result.error : result.output;
    return text.substr(0, std::min(text.find('\n'), kMostDetail));
}

}  // namespace

plan::Type ExecProbe::settings() {
    using plan::Type;
    return Type::object(
        {
            {"exec", Type::one_or_list(Type::text("an argument"), "the program and its arguments"),
             true, ""},
            {"environment", Type::map(Type::text("its value"), "added to the environment"), false,
             ""},
            {"run_as", Type::text("the user to run it as, when muster is root"), false, ""},
            {"ssh", Type::text("user@host to run it on"), false, ""},
            {"slow_after", Type::duration("an answer that takes longer is slow"), false, ""},
        },
        "a program ends with status 0 (good), 1 (dead) or anything else (cannot tell)");
}

Result<std::unique_ptr<probe::Probe>> ExecProbe::make(const probe::Settings& settings,
                                                      probe::Deps deps,
                                                      workflow::CommandRunner& runner) {
    const auto& node = settings.plan.settings;
    workflow::Command command;
    for (const auto& text : node.texts("exec")) {
        TRY(auto argument, probe::fill(text, settings.variables).with("exec"));
        command.argv.push_back(std::move(argument));
    }
    if (command.argv.empty() || command.argv.front().empty()) {
        return Error{Errc::kInvalid, "exec names no program",
                     "write exec: [/usr/local/bin/check, argument]"};
    }
    if (const auto* environment = node.find("environment"); environment != nullptr) {
        for (const auto& entry : environment->entries) {
            TRY(command.environment[entry.key],
                probe::fill(entry.value.scalar, settings.variables).with("environment"));
        }
    }
    TRY(command.run_as, text_at(settings, "run_as"));
    TRY(command.ssh, text_at(settings, "ssh"));
    TRY(const auto slow_after, duration_at(node, "slow_after"));
    return std::make_unique<ExecProbe>(std::move(command), slow_after, std::move(deps), runner);
}

ExecProbe::ExecProbe(workflow::Command command, Duration slow_after, probe::Deps deps,
                     workflow::CommandRunner& runner)
    : command_(std::move(command)),
      slow_after_(slow_after),
      deps_(std::move(deps)),
      runner_(runner) {
}

Task<probe::Sample> ExecProbe::check(Instant deadline) {
    constexpr int kGood = 0;
    constexpr int kDead = 1;
    const auto began = deps_.clock.now();
    const auto result = co_await runner_.run(command_, deadline);
    const auto took = deps_.clock.now() - began;
    if (!result) {
        co_return failed_sample(result.error(), took);
    }
    const auto said = first_line(*result);
    auto sample = answered_sample(said.empty() ? "exit 0" : said, took, slow_after_);
    if (result->exit_code != kGood) {
        sample.evidence =
            result->exit_code == kDead ? probe::Evidence::kHard : probe::Evidence::kSilence;
        sample.detail =
            "exit " + std::to_string(result->exit_code) + (said.empty() ? "" : ": " + said);
    }
    sample.facts["exit_code"] = std::to_string(result->exit_code);
    co_return sample;
}

}  // namespace muster::adapters
