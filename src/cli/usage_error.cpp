#include "cli/usage_error.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cli/repository/repository_command_line.h"
#include "plan/nearest.h"

namespace muster::cli {

namespace {

/// The last of the commands that were named; the program itself when none was.
const CLI::App& chosen_command(const CLI::App& app) {
    const CLI::App* command = &app;
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
    }
    return *command;
}

/// As it is typed: "muster key list".
std::string full_name(const CLI::App& command) {
    std::string name = command.get_name();
    for (const auto* parent = command.get_parent(); parent != nullptr;
         parent = parent->get_parent()) {
        name.insert(0, parent->get_name() + " ");
    }
    return name;
}

std::string in_ticks(const std::string& text) {
    return "`" + text + "`";
}

std::vector<std::string> commands_below(const CLI::App& command) {
    std::vector<std::string> names;
    for (const auto* below : command.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(below->get_name());
    }
    return names;
}

/// The long names, without their dashes, of all options that the command takes.
std::vector<std::string> options_of(const CLI::App& command) {
    std::vector<std::string> names;
    for (const auto* app = &command; app != nullptr; app = app->get_parent()) {
        for (const auto* option : app->get_options()) {
            if (!is_repository_option(*option) || is_repository_command(command)) {
                std::ranges::copy(option->get_lnames(), std::back_inserter(names));
            }
        }
    }
    return names;
}

std::string help_of(const CLI::App& command, const char* what) {
    return in_ticks(full_name(command) + " --help") + " " + what;
}

Error unknown_option(const CLI::App& command, const std::string& typed) {
    const std::string option = typed.substr(0, typed.find('='));
    if (command.get_option_no_throw(option) != nullptr) {
        return {Errc::kInvalid, option + " stands before the command that it belongs to",
                "write it behind: " + in_ticks(full_name(command) + " " + option)};
    }
    const auto known = options_of(command);
    const auto near = plan::nearest(option.substr(option.find_first_not_of('-')), known);
    return {Errc::kInvalid, in_ticks(full_name(command)) + " knows no option " + option,
            near.empty() ? help_of(command, "lists those that it knows")
                         : "did you mean --" + near + "?"};
}

/// Something was typed that nothing takes.
Error unexpected(const CLI::App& command, const std::string& typed) {
    if (typed.starts_with("-") && typed.find_first_not_of('-') != std::string::npos) {
        return unknown_option(command, typed);
    }
    if (command.get_parent() == nullptr && typed == "rebuild-index") {  // As in old restics.
        return {Errc::kInvalid, "there is no command \"rebuild-index\"",
                "`muster repair index` does it"};
    }
    if (const auto known = commands_below(command); !known.empty()) {
        return {Errc::kInvalid, "there is no command \"" + typed + "\"",
                plan::suggest(typed, known)};
    }
    return {Errc::kInvalid,
            in_ticks(full_name(command)) + " takes no further argument: \"" + typed + "\"",
            help_of(command, "shows what it takes")};
}

/// Something is required that was not typed.
Error missing(const CLI::App& app, const CLI::App& command) {
    for (const auto* option : command.get_options()) {
        if (option->get_required() && option->count() == 0) {
            return {Errc::kInvalid,
                    in_ticks(full_name(command)) + " needs " + option->get_name() + ": " +
                        option->get_description(),
                    help_of(command, "shows what it takes")};
        }
    }
    if (&command == &app) {
        return {Errc::kInvalid, "no command was given", help_of(app, "lists them")};
    }
    return {Errc::kInvalid, in_ticks(full_name(command)) + " needs a command",
            plan::suggest("", commands_below(command))};
}

/// CLI11's sentence with other words in the middle; as it was where it is another sentence.
std::string reworded(std::string text, std::string_view middle, std::string_view between,
                     std::string_view end) {
    if (const auto at = text.find(middle); at != std::string::npos) {
        text.replace(at, middle.size(), between);
        text += end;
    }
    return text;
}

/// "--repo: 1 required TEXT missing", "--repo: At Most 1 required but received 2".
std::string wrong_count(const std::string& text) {
    const std::string option = text.substr(0, text.find(": "));
    return text.ends_with(" missing")                  ? option + " needs a value"
           : text.find("At Most") != std::string::npos ? option + " was given more than once"
                                                       : text;
}

bool is_kind(const CLI::ParseError& failure, CLI::ExitCodes kind) {
    return failure.get_exit_code() == static_cast<int>(kind);
}

std::string told(const CLI::ParseError& failure) {
    using Kind = CLI::ExitCodes;
    const std::string text = failure.what();
    return is_kind(failure, Kind::ExcludesError)
               ? reworded(text, " excludes ", " and ", " don't go together")
           : is_kind(failure, Kind::RequiresError)
               ? reworded(text, " requires ", " is of no use without ", "")
           : is_kind(failure, Kind::ArgumentMismatch) ? wrong_count(text)
                                                      : text;
}

}  // namespace

Error usage_error(const CLI::App& app, const CLI::ParseError& failure) {
    const auto& command = chosen_command(app);
    if (is_kind(failure, CLI::ExitCodes::RequiredError) ||
        is_kind(failure, CLI::ExitCodes::ExtrasError)) {
        const auto rest = app.remaining(true);
        return rest.empty() ? missing(app, command) : unexpected(command, rest.front());
    }
    return {Errc::kInvalid, told(failure), help_of(command, "shows what it takes")};
}

std::optional<Error> stray_repository_option(const CLI::App& app) {
    const auto& command = chosen_command(app);
    const auto options = app.get_options([](const CLI::Option* option) {
        return is_repository_option(*option) && option->count() > 0;
    });
    if (options.empty() || is_repository_command(command)) {
        return std::nullopt;
    }
    const std::string option = options.front()->get_name();
    const std::string name = full_name(command);
    const bool is_own = command.get_option_no_throw(option) != nullptr;
    return Error{Errc::kInvalid,
                 in_ticks(name) + " works on no repository: it has no use for " + option +
                     (is_own ? " before the command" : ""),
                 is_own ? "write it behind: " + in_ticks(name + " " + option)
                 : name == "muster init"
                     ? "`muster repo init` makes a repository; this writes a plan"
                     : help_of(command, "lists its options")};
}

}  // namespace muster::cli
