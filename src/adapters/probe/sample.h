#pragma once

#include <string>

#include "base/result.h"
#include "probe/probe.h"

namespace muster::adapters {

/// The sample that a failed exchange with a target is: hard when the target's own machine said no
/// (adapters/net/failure.h), silence otherwise. kCancelled is not a sample and stays an error.
Result<probe::Sample> failed_sample(const Error& error, Duration latency);

/// A good sample, or a slow one when a budget is set (not zero) and `latency` is over it.
probe::Sample answered_sample(std::string detail, Duration latency, Duration budget);

/// The duration under `key` of the settings, or zero. kInvalid when it is none.
Result<Duration> duration_at(const plan::Node& settings, std::string_view key);

/// The text under `key` of the settings with the target's variables filled in; empty when missing.
Result<std::string> text_at(const probe::Settings& settings, std::string_view key);

}  // namespace muster::adapters
