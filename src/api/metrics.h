#pragma once

#include <string>
#include <vector>

#include "agent/status.h"
#include "workflow/run.h"

namespace muster::api {

/// The node in Prometheus' text format (version 0.0.4). What is unknown has no sample, so that an
/// alert on absence works and nothing unknown looks like zero.
std::string render_metrics(const agent::NodeStatus& status,
                           const std::vector<const workflow::Run*>& runs);

}  // namespace muster::api
