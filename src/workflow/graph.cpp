#include "workflow/graph.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "workflow/condition.h"

namespace muster::workflow {
namespace {

// Which steps have ended when a step starts: a row of bits for each, numbered as in the run.
class Before {
  public:
    explicit Before(std::map<StepId, std::size_t> numbers)
        : numbers_(std::move(numbers)),
          rows_(numbers_.size()),
          words_((numbers_.size() + kBits - 1) / kBits) {}

    [[nodiscard]] bool is_there(const StepId& step) const { return numbers_.contains(step); }
    [[nodiscard]] bool has_ended(const StepId& name, const StepId& when_starts) const {
        const auto found = numbers_.find(name);
        return found != numbers_.end() && has(rows_[numbers_.at(when_starts)], found->second);
    }
    [[nodiscard]] bool is_settled(const plan::Step& step) const {
        return !rows_[numbers_.at(step.id)].empty();
    }
    /// False while one of its needs is not settled.
    bool settle(const plan::Step& step) {
        std::vector<std::uint64_t> all(words_);
        for (const auto& need : step.needs) {
            const auto number = numbers_.at(need);
            const auto& row = rows_[number];
            if (row.empty()) {
                return false;
            }
            std::ranges::transform(all, row, all.begin(), std::bit_or<>());
            all[number / kBits] |= std::uint64_t{1} << number % kBits;
        }
        rows_[numbers_.at(step.id)] = std::move(all);
        return true;
    }

  private:
    static constexpr std::size_t kBits = 64;
    static bool has(const std::vector<std::uint64_t>& row, std::size_t number) {
        return (row[number / kBits] >> number % kBits & 1U) != 0;
    }

    std::map<StepId, std::size_t> numbers_;
    std::vector<std::vector<std::uint64_t>> rows_;  ///< Empty: not settled yet.
    std::size_t words_;
};

std::string quoted(const StepId& step) {
    return "step \"" + step.str() + "\"";
}

Result<std::map<StepId, std::size_t>> number_steps(const RunSpec& spec) {
    if (spec.steps.size() > kMaxSteps) {
        return Error{Errc::kInvalid, "the run has " + std::to_string(spec.steps.size()) +
                                         " steps; at most " + std::to_string(kMaxSteps) +
                                         " are allowed"};
    }
    std::map<StepId, std::size_t> out;
    for (const auto& step : spec.steps) {
        if (step.id.empty()) {
            return Error{Errc::kInvalid, "a step with action \"" + step.action + "\" has no id"};
        }
        if (!out.emplace(step.id, out.size()).second) {
            return Error{Errc::kInvalid, quoted(step.id) + " is there twice",
                         "give each step a name of its own"};
        }
    }
    for (const auto& step : spec.steps) {
        for (const auto& need : step.needs) {
            if (!out.contains(need)) {
                return Error{Errc::kInvalid,
                             quoted(step.id) + " needs " + quoted(need) + ", which is not there"};
            }
        }
    }
    return out;
}

// Repeatedly settles the steps whose needs are settled; what is left over is a circle.
Result<Before> order(const RunSpec& spec) {
    TRY(auto numbers, number_steps(spec));
    Before before(std::move(numbers));
    bool has_moved = true;
    while (has_moved) {
        has_moved = false;
        for (const auto& step : spec.steps) {
            has_moved = (!before.is_settled(step) && before.settle(step)) || has_moved;
        }
    }
    for (const auto& step : spec.steps) {
        if (!before.is_settled(step)) {
            return Error{Errc::kInvalid,
                         quoted(step.id) +
                             " waits for itself: its needs are a "
                             "circle",
                         "take one of the needs away"};
        }
    }
    return before;
}

Result<> check_step_name(const StepId& name, const plan::Step& step, const Before& before) {
    if (before.has_ended(name, step.id)) {
        return {};
    }
    if (!before.is_there(name)) {
        return Error{Errc::kInvalid,
                     quoted(step.id) + " speaks of " + quoted(name) + ", which is not there"};
    }
    return Error{Errc::kInvalid,
                 quoted(step.id) + " speaks of " + quoted(name) + " but does not need it",
                 "add it to the needs, so that it has ended by then"};
}

Result<> check_references(const std::vector<Reference>& references, const plan::Step& step,
                          const Before& before, const RunSpec& spec) {
    for (const auto& reference : references) {
        if (reference.kind == Reference::Kind::kStep) {
            TRY_OK(check_step_name(reference.step, step, before));
        }
        if (reference.kind == Reference::Kind::kParameter && !reference.fallback &&
            !spec.parameters.contains(reference.name)) {
            return Error{Errc::kInvalid,
                         quoted(step.id) + " uses " + to_text(reference) +
                             ", but the run has no such parameter",
                         "give it, or a default: ${parameters." + reference.name + ":-text}"};
        }
    }
    return {};
}

Result<> check_approval(const plan::Step& step) {
    for (const auto& entry : step.with.entries) {
        if (entry.key == "expires" && entry.value.scalar.find("${") == std::string::npos) {
            TRY_OK(parse_duration(entry.value.scalar).with(quoted(step.id) + ", expires"));
        }
    }
    return {};
}

}  // namespace

Result<StepTraits> traits_of(const RunSpec& spec, const Actions& actions) {
    StepTraits out;
    for (const auto& step : spec.steps) {
        Traits traits;
        if (step.action != kApprove) {
            const auto* action = actions.find(step.action);
            if (action == nullptr) {
                return Error{Errc::kInvalid,
                             quoted(step.id) + " has the unknown action \"" + step.action + "\""};
            }
            traits = action->traits();
        }
        traits.timeout = step.timeout.value_or(traits.timeout);
        traits.attempts = std::max(1, step.attempts.value_or(traits.attempts));
        traits.backoff = step.backoff.value_or(traits.backoff);
        traits.is_point_of_no_return |= step.point_of_no_return;
        out[step.id] = traits;
    }
    return out;
}

Result<> check_graph(const RunSpec& spec) {
    TRY(const auto before, order(spec));
    for (const auto& step : spec.steps) {
        TRY(const auto condition, Condition::parse(step.when).with(quoted(step.id)));
        TRY_OK(check_references(condition.references(), step, before, spec));
        for (const auto& name : condition.steps()) {
            TRY_OK(check_step_name(name, step, before));
        }
        TRY(const auto references, references_in(step.with).with(quoted(step.id)));
        TRY_OK(check_references(references, step, before, spec));
        if (step.action == kApprove) {
            TRY_OK(check_approval(step));
        }
    }
    return {};
}

}  // namespace muster::workflow
