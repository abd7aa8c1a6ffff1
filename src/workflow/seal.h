#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "workflow/journal.h"

namespace muster::workflow {

/// Wraps a body as `{"sum": …, "body": …}`.
Sealed seal(const boost::json::value& body, std::string_view previous_sum);
/// The body of what `seal` wrote. kCorrupt when it can't be read or the sum is another.
Result<Opened<boost::json::value>> unseal(std::string_view text, std::string_view previous_sum);

/// The RunSpec's part of the format.
boost::json::object spec_to_json(const RunSpec& spec);
boost::json::object traits_to_json(const StepTraits& traits);
Result<RunSpec> spec_from_json(const boost::json::value& value);
Result<StepTraits> traits_from_json(const boost::json::value& value);

}  // namespace muster::workflow
