#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/streams.h"

namespace muster::cli {

/// A command line understood: what to run, or what the parsing itself settled.
struct Parsed {
    /// Empty when there is nothing to run: help, the version, or bad usage was printed.
    std::function<int(std::ostream& out, std::ostream& err)> run;
    int exit_code = kExitDone;
};

/// Reads the arguments (without the program's name). Help and complaints go to the streams.
Parsed parse_command_line(std::vector<std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace muster::cli
