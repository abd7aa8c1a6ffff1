#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "plan/node.h"

namespace muster::plan {

/// What an unquoted scalar is under the core schema of YAML 1.2 (chapter 10.3), without its
/// hexadecimal, octal, infinite and not-a-number forms: those are texts here.
enum class ScalarKind { kText, kNumber, kBoolean };

/// The kind of a scalar node; a quoted one is always a text.
ScalarKind scalar_kind(const Node& node);
/// "4", "-1.5", "2e3"; nothing for anything else.
std::optional<double> to_number(std::string_view text);
/// "true", "True", "TRUE" and their opposites; nothing for anything else.
std::optional<bool> to_boolean(std::string_view text);
/// Matches kNamePattern.
bool is_name(std::string_view text);
/// Matches kDurationPattern.
bool is_duration(std::string_view text);
/// Characters of a UTF-8 text.
std::size_t count_characters(std::string_view text);

}  // namespace muster::plan
