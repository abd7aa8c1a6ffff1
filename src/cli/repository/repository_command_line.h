#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/repository/session.h"

// For sources only that register commands: CLI11's header is heavy.

namespace muster::cli {

/// Whether a command was registered here, and so works on a repository.
bool is_repository_command(const CLI::App& command);
/// Whether it is one of the options that all of these commands take.
bool is_repository_option(const CLI::Option& option);

/// Registers commands on repositories, each of which gets a Session. The options that all of them
/// take are the program's own, and fall through to it: so they may also stand before the command.
class RepositoryCommandLine {
  public:
    using Command = std::function<int(std::ostream& out, std::ostream& err)>;

    RepositoryCommandLine(CLI::App& app, const bool& is_json, Command& chosen);

    [[nodiscard]] CLI::App& app() const { return app_; }
    /// A command under the program, or under `parent`.
    CLI::App* add(const std::string& name, const std::string& what,
                  CLI::App* parent = nullptr) const;
    /// What it does when it is chosen.
    void run(CLI::App* command, std::function<int(Session&)> body) const;

  private:
    CLI::App& app_;
    const bool& is_json_;
    Command& chosen_;
    std::shared_ptr<RepositoryOptions> options_ = std::make_shared<RepositoryOptions>();
};

/// All of them; each of these is a file of its own.
void add_repository_commands(CLI::App& app, const bool& is_json,
                             RepositoryCommandLine::Command& chosen);
void add_writing_commands(const RepositoryCommandLine& line);  // repo init, backup
void add_looking_commands(const RepositoryCommandLine& line);  // snapshots, ls, find, mount, …
void add_care_commands(const RepositoryCommandLine& line);  // check, forget, prune, copy, repair …
void add_restore_commands(const RepositoryCommandLine& line);  // restore, dump

}  // namespace muster::cli
