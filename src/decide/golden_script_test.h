#pragma once

#include <string>
#include <utility>

#include "decide/decide.h"

namespace muster::decide {

/// A scenario file's script: what is planned and what is seen. docs/reference/decisions.md shows
/// the words.
struct Script {
    plan::Plan plan;
    View view;
    Instant now{};
};

/// Reads a script; throws std::invalid_argument naming the line that it can't read.
Script read_script(const std::string& text);

/// All decisions explained, and the order of the moves.
std::string play(const Script& script);

}  // namespace muster::decide
