#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/node.h"
#include "workflow/run.h"

namespace muster::workflow {

/// What one `${…}` names: `steps.ID.OUTPUT`, `parameters.NAME`, or `run.id`, `run.epoch`,
/// `run.from`, `run.to`, `run.service`. `${NAME:-text}` gives `text` where the name has no value.
struct Reference {
    enum class Kind { kStep, kParameter, kRun };
    Kind kind = Kind::kRun;
    StepId step;       ///< kStep.
    std::string name;  ///< The output, the parameter, or the run's property.
    std::optional<std::string> fallback;
};

/// Reads the inside of one `${…}`. kInvalid when it is none of the above.
Result<Reference> parse_reference(std::string_view inside);
/// As it is written in a plan, without a fallback: "${steps.promote.lsn}".
std::string to_text(const Reference& reference);

/// All references in the texts of a tree. kInvalid when one can't be read.
Result<std::vector<Reference>> references_in(const plan::Node& node);
/// The value of a reference; nothing when it has none (yet) and no fallback.
std::optional<std::string> value_of(const Reference& reference, const Run& run);
/// The tree with every reference replaced; `$${` stands for a plain `${`. kInvalid, naming the
/// reference, when one has no value.
Result<plan::Node> fill(plan::Node node, const Run& run);

}  // namespace muster::workflow
