#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/fill.h"

namespace muster::workflow {

/// A step's `when`:
///   expression = term { "or" term } ;  term = factor { "and" factor } ;
///   factor = "not" factor | "(" expression ")" | ("succeeded" | "failed") "(" STEP ")"
///          | operand ("==" | "!=") operand ;
///   operand = "${…}" | "text" | 'text' .
/// A reference without a value compares as the empty text.
class Condition {
  public:
    /// kInvalid, with the column, when it can't be read. An empty text always holds.
    static Result<Condition> parse(std::string_view text);

    [[nodiscard]] bool holds(const Run& run) const;
    /// What it compares.
    [[nodiscard]] const std::vector<Reference>& references() const { return references_; }
    /// The steps that it asks about with `succeeded` or `failed`.
    [[nodiscard]] const std::vector<StepId>& steps() const { return steps_; }
    /// True when it has `failed(step)`: such a step may run although `step` failed.
    [[nodiscard]] bool handles_failure_of(const StepId& step) const;

  private:
    friend class ConditionParser;
    enum class Kind { kOr, kAnd, kNot, kSucceeded, kFailed, kEqual, kUnequal };
    struct Operand {
        std::string text;
        int reference = -1;  // An index into references_; -1: the text itself.
    };
    struct Part {
        Kind kind = Kind::kEqual;
        std::size_t left = 0;  // Indexes into parts_.
        std::size_t right = 0;
        StepId step;
        Operand one;
        Operand other;
    };
    [[nodiscard]] bool part_holds(std::size_t index, const Run& run) const;
    [[nodiscard]] std::string text_of(const Operand& operand, const Run& run) const;

    std::vector<Part> parts_;  // The last one is the root; empty: always.
    std::vector<Reference> references_;
    std::vector<StepId> steps_;
};

}  // namespace muster::workflow
