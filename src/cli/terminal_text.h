#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/streams.h"

namespace muster::cli {

// Names of files, hosts and tags are of anybody's making: on a terminal they must not act.

/// Whether `out` is a terminal.
bool is_terminal(const Streams& streams);
/// A text for a terminal: what is not printable comes as \xNN or \uNNNN.
std::string printable(std::string_view text);
/// The same for a text of several lines, which keeps their ends.
std::string printable_lines(std::string_view text);
/// "error: /srv/a: permission denied", with the end of its line, of something in a snapshot.
std::string problem_line(std::string_view path, const Error& error);
/// `printable` where the output is a terminal, else the raw bytes.
std::string shown(std::string_view text, const Streams& streams);

}  // namespace muster::cli
