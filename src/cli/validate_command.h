#pragma once

#include <string>

#include "cli/streams.h"

namespace muster::cli {

/// `muster validate PLAN`: its mistakes, its weak settings, and what its observers are worth.
int validate_plan(const std::string& path, int vantages, Streams streams);

}  // namespace muster::cli
