#include "workflow/condition.h"

#include <algorithm>
#include <utility>

namespace muster::workflow {
namespace {

constexpr int kMaxDepth = 32;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

}  // namespace

/// Recursive descent over the text; parts are appended bottom-up, so that the root comes last.
class ConditionParser {
  public:
    explicit ConditionParser(std::string_view text) : text_(text) {}

    Result<Condition> parse() {
        skip_space();
        if (place_ == text_.size()) {
            return Condition{};
        }
        TRY_OK(expression(0));
        skip_space();
        if (place_ != text_.size()) {
            return wrong("\"and\", \"or\" or the end was expected");
        }
        return std::move(out_);
    }

  private:
    using Kind = Condition::Kind;

    [[nodiscard]] Error wrong(std::string_view what) const {
        return {Errc::kInvalid,
                "condition \"" + std::string(text_) + "\", column " + std::to_string(place_ + 1) +
                    ": " + std::string(what),
                "write such as: ${steps.check.state} == \"ok\" and not failed(fence)"};
    }

    void skip_space() {
        while (place_ < text_.size() && is_space(text_[place_])) {
            ++place_;
        }
    }
    bool take(std::string_view sign) {
        skip_space();
        if (!text_.substr(place_).starts_with(sign)) {
            return false;
        }
        place_ += sign.size();
        return true;
    }
    std::string_view peek_word() {
        skip_space();
        auto end = place_;
        while (end < text_.size() && is_word(text_[end])) {
            ++end;
        }
        return text_.substr(place_, end - place_);
    }
    bool take_word(std::string_view word) {
        if (peek_word() != word) {
            return false;
        }
        place_ += word.size();
        return true;
    }

    Result<std::size_t> add(Condition::Part part) {
        out_.parts_.push_back(std::move(part));
        return out_.parts_.size() - 1;
    }

    Result<std::size_t> expression(int depth) {
        TRY(auto left, term(depth));
        while (take_word("or")) {
            TRY(const auto right, term(depth));
            TRY(left, add({Kind::kOr, left, right, {}, {}, {}}));
        }
        return left;
    }
    Result<std::size_t> term(int depth) {
        TRY(auto left, factor(depth));
        while (take_word("and")) {
            TRY(const auto right, factor(depth));
            TRY(left, add({Kind::kAnd, left, right, {}, {}, {}}));
        }
        return left;
    }
    Result<std::size_t> factor(int depth) {
        if (depth > kMaxDepth) {
            return wrong("it is nested deeper than " + std::to_string(kMaxDepth));
        }
        if (take_word("not")) {
            TRY(const auto inner, factor(depth + 1));
            return add({Kind::kNot, inner, 0, {}, {}, {}});
        }
        if (take("(")) {
            TRY(const auto inner, expression(depth + 1));
            if (!take(")")) {
                return wrong("\")\" was expected");
            }
            return inner;
        }
        if (take_word("succeeded")) {
            return question(Kind::kSucceeded);
        }
        if (take_word("failed")) {
            return question(Kind::kFailed);
        }
        return comparison();
    }
    Result<std::size_t> question(Kind kind) {
        if (!take("(")) {
            return wrong("\"(\" and a step were expected");
        }
        const auto word = peek_word();
        if (word.empty()) {
            return wrong("a step was expected");
        }
        StepId step{std::string(word)};
        place_ += word.size();
        if (!take(")")) {
            return wrong("\")\" was expected");
        }
        out_.steps_.push_back(step);
        return add({kind, 0, 0, std::move(step), {}, {}});
    }
    Result<std::size_t> comparison() {
        TRY(auto one, operand());
        const bool is_equal = take("==");
        if (!is_equal && !take("!=")) {
            return wrong("\"==\" or \"!=\" was expected");
        }
        TRY(auto other, operand());
        return add(
            {is_equal ? Kind::kEqual : Kind::kUnequal, 0, 0, {}, std::move(one), std::move(other)});
    }
    Result<Condition::Operand> operand() {
        skip_space();
        if (take("${")) {
            return reference();
        }
        const char quote = place_ < text_.size() ? text_[place_] : '\0';
        if (quote != '"' && quote != '\'') {
            return wrong("${…}, a text in quotes, succeeded(STEP) or failed(STEP) was expected");
        }
        const auto end = text_.find(quote, place_ + 1);
        if (end == std::string_view::npos) {
            return wrong("the text has no closing quote");
        }
        Condition::Operand out{std::string(text_.substr(place_ + 1, end - place_ - 1)), -1};
        place_ = end + 1;
        return out;
    }
    Result<Condition::Operand> reference() {
        const auto end = text_.find('}', place_);
        if (end == std::string_view::npos) {
            return wrong("${ is never closed");
        }
        auto parsed = parse_reference(text_.substr(place_, end - place_));
        if (!parsed) {
            return wrong(parsed.error().message());
        }
        place_ = end + 1;
        out_.references_.push_back(*std::move(parsed));
        return Condition::Operand{{}, static_cast<int>(out_.references_.size()) - 1};
    }

    std::string_view text_;
    std::size_t place_ = 0;
    Condition out_;
};

Result<Condition> Condition::parse(std::string_view text) {
    return ConditionParser(text).parse();
}

bool Condition::holds(const Run& run) const {
    return parts_.empty() || part_holds(parts_.size() - 1, run);
}

std::string Condition::text_of(const Operand& operand, const Run& run) const {
    if (operand.reference < 0) {
        return operand.text;
    }
    return value_of(references_[static_cast<std::size_t>(operand.reference)], run)
        .value_or(std::string{});
}

bool Condition::part_holds(std::size_t index, const Run& run) const {
    const auto& part = parts_[index];
    const auto has_status = [&run, &part](StepStatus status) {
        const auto found = run.steps.find(part.step);
        return found != run.steps.end() && found->second.status == status;
    };
    switch (part.kind) {
        case Kind::kOr:
            return part_holds(part.left, run) || part_holds(part.right, run);
        case Kind::kAnd:
            return part_holds(part.left, run) && part_holds(part.right, run);
        case Kind::kNot:
            return !part_holds(part.left, run);
        case Kind::kSucceeded:
            return has_status(StepStatus::kDone);
        case Kind::kFailed:
            return has_status(StepStatus::kFailed);
        case Kind::kEqual:
            return text_of(part.one, run) == text_of(part.other, run);
        case Kind::kUnequal:
            break;
    }
    return text_of(part.one, run) != text_of(part.other, run);
}

bool Condition::handles_failure_of(const StepId& step) const {
    return std::ranges::any_of(parts_, [&step](const Part& part) {
        return part.kind == Kind::kFailed && part.step == step;
    });
}

}  // namespace muster::workflow
