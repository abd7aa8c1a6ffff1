#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/model.h"
#include "plan/schema.h"

namespace muster::plan {

/// One thing that is wrong (or weak) in a plan file.
struct Diagnostic {
    enum class Severity { kError, kWarning };
    Severity severity = Severity::kError;
    Mark mark;
    std::string message;  ///< Lower case, no full stop, names the thing.
    std::string hint;     ///< What to write instead; may be empty.
};

/// `file:line:column: error: message` and, on a second line, `  hint: …`.
std::string format(const Diagnostic& diagnostic, std::string_view file);

struct Loaded {
    Plan plan;                            ///< Usable only when no diagnostic is an error.
    std::vector<Diagnostic> diagnostics;  ///< All of them, in file order.
    [[nodiscard]] bool is_valid() const;
};

/// Checks a tree against the schema and the rules of meaning, and builds the model. Reports all
/// mistakes in one go; never stops at the first.
Loaded load(const Node& document, const Vocabulary& vocabulary, std::string_view digest);

}  // namespace muster::plan
