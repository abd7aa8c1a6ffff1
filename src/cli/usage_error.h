#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "base/result.h"

// For the parser of the command line only: CLI11's header is heavy.

namespace muster::cli {

/// What is wrong with a command line that CLI11 refused, in our words: which argument, of which
/// command, and what to type instead.
Error usage_error(const CLI::App& app, const CLI::ParseError& failure);

/// An option of the commands on repositories that was given to another command. All of them are
/// known to the program itself, so that they may stand before the command; nothing when none
/// strayed.
std::optional<Error> stray_repository_option(const CLI::App& app);

}  // namespace muster::cli
