#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "agent/agent.h"
#include "agent/status.h"
#include "base/result.h"
#include "workflow/run.h"

namespace muster::api {

// JSON for the edge. Points on the monotonic clock become ages: `…_age_s` before `now`. Unknown is
// null, never zero. docs/reference/api.md says what each name means.

/// How much of a status is wanted: thousands of targets with their samples are megabytes.
struct StatusParts {
    bool with_targets = true;
    bool with_history = false;  ///< The targets' newest samples.
};
boost::json::object encode(const agent::NodeStatus& status, Instant now, StatusParts parts);
boost::json::object encode(const agent::ServiceStatus& service, Instant now);
boost::json::object encode(const decide::Decision& decision, Instant now);
boost::json::object encode(const decide::Stage& stage);
boost::json::object encode(const agent::Event& event);
boost::json::object encode(const agent::MovePreview& preview);
boost::json::object encode(const evidence::Forecast& forecast);
boost::json::object encode(const protection::JobStatus& job);
boost::json::object encode(const plan::Plan& plan);
/// A run with its steps, in the order of the plan.
boost::json::object encode(const workflow::Run& run);
/// A run as a line of a list.
boost::json::object encode_brief(const workflow::Run& run);
/// {"error": {"code", "message", "hint"}}
boost::json::object encode(const Error& error);

/// Durations and sizes that may be unknown.
boost::json::value seconds_or_null(const std::optional<Duration>& duration);
boost::json::value wall_or_null(const std::optional<WallTime>& time);
boost::json::object encode(const Fields& fields);

}  // namespace muster::api
