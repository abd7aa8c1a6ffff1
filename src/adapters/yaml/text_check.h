#pragma once

#include <optional>
#include <string>

#include "plan/load.h"

namespace muster::adapters {

/// The first byte that no plan may hold: NUL and other control characters, and what is not UTF-8
/// (RFC 3629). Nothing when the text is clean.
std::optional<plan::Diagnostic> find_bad_text(const std::string& text);
/// The text without a byte order mark, with each line ended by a single line feed.
std::string tidy_text(const std::string& text);
/// The offset of the first tab among the blanks at `line_start`; a line of blanks has none.
std::optional<std::size_t> tab_in_indentation(const std::string& text, std::size_t line_start);
/// The first tab in the indentation of a line that is neither blank nor a comment, up to line
/// `last_line`.
std::optional<plan::Mark> find_tab_indentation(const std::string& text, int last_line);

plan::Diagnostic tab_problem(plan::Mark mark);
plan::Diagnostic too_large();

}  // namespace muster::adapters
